"""`judge-agent principles learn|list|show|rollback`: sets of principles, learned from preferences and kept by version.

`learn FILE --name NAME` reads about 100 preferences, one a line ({"prompt", "chosen", "rejected"}, or a task and
trajectories). The configured model (JUDGE_MODEL and so on, or --model) proposes principles from half of them; the judge
scores all pairs by each proposal; one is kept where the accuracy on a quarter that no proposal saw does not fall by
more than --margin; the kept are weighed by logistic regression with an L1 penalty, which leaves 0 for those that add
nothing; the last quarter says how good the set is. It is kept as the next version of NAME, with its hash, its parent's
and how it came about.

A request uses it by "principles_from": "NAME" or "NAME@VERSION" at a service with JUDGE_PRINCIPLES_DIR; a recipe by
default_principles_from = "principles/FILE.toml" with the version's file in the prompts folder.
`list` shows the versions and which is in use (*), `show NAME [VERSION]` one of them, `rollback NAME VERSION` uses
another one; a running service takes that over when it starts again.
Exit code 0, or 3 for a file, name or model that cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from judge_agent.calibration.fitting import check_installed
from judge_agent.cli.checkout import load
from judge_agent.errors import InvalidRequest
from judge_agent.learning.pairs import Pair, read_pairs
from judge_agent.learning.selecting import MARGIN
from judge_agent.learning.store import NAME, PrincipleSet, PrincipleStore
from judge_agent.schema import Judgment, JudgmentRequest

if TYPE_CHECKING:
    from judge_agent.learning.learn import Learned

LOCAL_TENANT = "local"
_SHORT = 12


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser(
        "principles",
        help="learn principles from preferences; list, show and roll back their versions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    learning = actions.add_parser("learn", help="learn a set of principles from preferences")
    learning.add_argument("file", type=Path, metavar="FILE", help="one preference in JSON a line")
    learning.add_argument("--name", required=True, help="the name of the set")
    learning.add_argument(
        "--recipe", default="default", help="the recipe that scores the proposals (default)"
    )
    learning.add_argument(
        "--model", choices=("embedded", "openai", "vllm"), help="where the model runs, instead of JUDGE_MODEL"
    )
    learning.add_argument(
        "--margin", type=float, default=MARGIN, help=f"how far held-out accuracy may fall ({MARGIN})"
    )
    learning.add_argument("--most", type=int, default=16, help="proposals that are tried, at most 64 (16)")
    learning.add_argument("--seed", type=int, default=0, help="another split and other proposals (0)")
    listing = actions.add_parser("list", help="the sets, their versions, and which is in use")
    showing = actions.add_parser("show", help="one version, by default the one in use")
    showing.add_argument("name", metavar="NAME")
    showing.add_argument("version", metavar="VERSION", type=int, nargs="?")
    back = actions.add_parser("rollback", help="use another version")
    back.add_argument("name", metavar="NAME")
    back.add_argument("version", metavar="VERSION", type=int)
    for action in (learning, listing, showing, back):
        action.add_argument(
            "--store",
            type=Path,
            default=Path("learned-principles"),
            help="folder of the sets (learned-principles)",
        )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run one action. Raises JudgeError for what cannot be used."""
    store = PrincipleStore(arguments.store)
    if arguments.action == "learn":
        return _learn(arguments, store)
    if arguments.action == "list":
        print("\n".join(_listed(store)) or f"no principles in {arguments.store}")
    elif arguments.action == "show":
        print(_shown(store.get(arguments.name, arguments.version)))
    else:
        found = store.rollback(arguments.name, arguments.version)
        print(f"{found.name}: version {found.version} ({found.sha256[:_SHORT]}) is in use")
    return 0


def _learn(arguments: argparse.Namespace, store: PrincipleStore) -> int:
    if not NAME.fullmatch(arguments.name):
        raise InvalidRequest("--name", f"{arguments.name!r}: small letters, digits, - and _, a letter first")
    if not 0 <= arguments.margin <= 0.5:
        raise InvalidRequest("--margin", f"{arguments.margin:g} must be from 0 to 0.5")
    if not 1 <= arguments.most <= 64:
        raise InvalidRequest("--most", f"{arguments.most} must be from 1 to 64")
    pairs = read_pairs(arguments.file)
    check_installed("weighing principles")  # told before the model proposes and judges
    found = asyncio.run(_learned(arguments, pairs))
    print(_account(found, store.add(found.made)))
    return 0


async def _learned(arguments: argparse.Namespace, pairs: list[Pair]) -> Learned:
    wiring = load("api.wiring", "principles learn")
    learn = load("judge_agent.learning.learn", "principles learn").learn
    settings = load("api.settings", "principles learn").from_environment(model=arguments.model)
    async with wiring.local_judge(settings) as judge:
        if judge.model is None:
            raise InvalidRequest("JUDGE_MODEL", "'none' proposes no principles; name a model")

        async def judged(body: Mapping[str, Any]) -> Judgment:
            request = JudgmentRequest.model_validate(body)
            judge.check(request)
            done: Judgment = await judge.judge(
                request, judgment_id=f"jdg_{uuid.uuid4().hex}", tenant=LOCAL_TENANT, created=time.time()
            )
            return done

        found: Learned = await learn(
            arguments.name,
            pairs,
            model=judge.model,
            judge=judged,
            prompts=judge.prompts,
            recipe=arguments.recipe,
            margin=arguments.margin,
            most=arguments.most,
            seed=arguments.seed,
        )
        return found


def _account(found: Learned, kept: PrincipleSet) -> str:
    low, high = found.test_interval
    said = kept.provenance
    lines = [
        f"{kept.name} version {kept.version} ({kept.sha256[:_SHORT]}), after {(kept.parent or 'none')[:_SHORT]}",
        f"{len(found.proposed)} principles proposed by {said['model']} from {said['train']} preferences",
        *(f"  {one.weight:6.4f}  {one.name}: {one.description}" for one in kept.principles),
        *(f"  not used  {one['name']}: {one['reason']}" for one in kept.unused),
        f"held-out accuracy {found.held_out:.3f} of {said['held_out']} (what is kept was chosen by it)",
        f"test accuracy {found.test:.3f} of {said['test']} (95%: {low:.3f} to {high:.3f})",
    ]
    if found.missing:
        lines.append(f"{found.missing} single scores are missing, and count as no opinion")
    return "\n".join(lines)


def _listed(store: PrincipleStore) -> list[str]:
    lines = []
    for name in store.names():
        head = store.head(name)
        for version in store.versions(name):
            one = store.get(name, version)
            mark = "*" if version == head else " "
            parent = f"after {one.parent[:_SHORT]}" if one.parent else "the first"
            accuracy = one.provenance.get("test_accuracy")
            lines.append(
                f"{mark} {name}@{version}  {one.sha256[:_SHORT]}  {parent}  {one.created}  "
                f"{len(one.principles)} principles, test accuracy {accuracy}"
            )
    return lines


def _shown(one: PrincipleSet) -> str:
    lines = [
        f"{one.name}@{one.version}  {one.sha256}",
        *(f"{name}: {value}" for name, value in one.provenance.items()),
    ]
    lines += [f"  {spec.weight:6.4f}  {spec.name}: {spec.description}" for spec in one.principles]
    return "\n".join([*lines, *(f"  not used  {item['name']}: {item['reason']}" for item in one.unused)])

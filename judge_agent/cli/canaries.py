"""`judge-agent canaries [RECIPE ...]`: have a running service judge work of known quality, and see what it says.

Each recipe has a few canaries: an empty answer and master keys, which must get next to nothing; a good answer, which
must get more than a bad one and one that plants a verdict; for recipes that compare, both orders, which must agree.
They are judged as the caller's own judgments, and change nothing of what the service knows of its own canaries.
Exit code 0 when none failed, 1 when one did, 3 for a service that cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.canaries import Canary, Outcome, canaries_of, outcome
from judge_agent.cli.asked_again import AskedAgain
from judge_agent.errors import InvalidRequest, JudgeClientError, JudgeError


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser(
        "canaries",
        help="judge work of known quality by a recipe, and see whether it is told apart",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="the recipes to try (default)")
    parser.add_argument("--url", help="the service (JUDGE_URL, http://127.0.0.1:8800)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON a canary")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Judge the canaries and print a table. Raises JudgeError for a recipe or a service that cannot be used."""
    found = asyncio.run(_judged(arguments.recipes or ["default"], arguments.url))
    for canary, came_out in found:
        told = {"recipe": canary.recipe, "canary": canary.name, **came_out._asdict()}
        row = f"{canary.recipe:16} {canary.name:18} {came_out.state:8} {came_out.detail}"
        print(json.dumps(told) if arguments.json else row)
    return 1 if any(came_out.state == "failed" for _, came_out in found) else 0


async def _judged(names: Sequence[str], url: str | None) -> list[tuple[Canary, Outcome]]:
    from judge_agent.client import AsyncJudgeClient

    seed, found = secrets.randbits(32), list[tuple[Canary, Outcome]]()
    async with AsyncJudgeClient(url, on_retry=AskedAgain("canaries")) as client:
        try:
            recipes = {recipe["name"]: recipe for recipe in await client.recipes()}
            for canary in [one for name in names for one in _canaries(recipes, name)]:
                judgments = [await client.judge(request) for request in canary.requests(seed)]
                found.append((canary, outcome(canary, judgments)))
        except JudgeClientError as error:
            raise JudgeError(f"the service cannot be used: {error}") from error
    return found


def _canaries(recipes: Mapping[str, Mapping[str, Any]], name: str) -> tuple[Canary, ...]:
    if name not in recipes:
        raise InvalidRequest("RECIPE", f"{name!r} is unknown; there are {sorted(recipes)}")
    try:
        return canaries_of(recipes[name])
    except (KeyError, TypeError) as error:
        raise JudgeError(f"the service lists {name!r} in a form that this version does not read") from error

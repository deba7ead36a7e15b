"""`python -m evals run SUITE`: items of a benchmark through the HTTP service; says how often the judge is right.

Data is a folder with a folder for each set, as published, or `hub`. Each judgment is kept as it ends, in `items.jsonl`
of the folder `--out`, and the same command goes on where it was stopped; figures are in `report.json` and `report.html`
beside it. What was judged under other settings stays in the file and is not counted. Accuracy is a figure, not a claim:
the run ends with 1 when a judgment crashed (refused, `internal`, or the service gone) or got stuck (no end within its
budget and a grace), with 2 for data, options or a result file that cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.bench.machine import commit, machine
from evals.loaders import NAMES, SUITES
from evals.loaders.hub import fetched
from evals.loaders.item import Item, Suite
from evals.options import above_zero, whole
from evals.progress import Progress
from evals.service import running
from evals.suite import report, results
from evals.suite.asking import Asking, How, Job, asked
from evals.suite.report import Report
from evals.suite.results import Results
from evals.suite.sampling import chosen
from evals.suite.summary import summary
from judge_agent.errors import InvalidRequest, JudgeClientError

SECONDS = 900.0
MAX_SECONDS = 3600.0
GRACE_SECONDS = 30.0
# Most sets are read at once; of one that is not it is said how far it is.
QUIET_SECONDS = 2.0
HUB = "hub"


def add_parser(names: Any) -> None:
    parser = names.add_parser("run", help="a benchmark through the service: how often the judge is right")
    parser.add_argument(
        "suites", nargs="+", choices=NAMES, metavar="SUITE", help=f"one of {', '.join(NAMES)}"
    )
    add_options(parser)
    parser.add_argument(
        "--recipe", dest="recipes", action="append", help="a recipe (default); may be repeated"
    )
    parser.add_argument("--no-tools", action="store_true", help="without any tool: the model alone")
    parser.add_argument("--limit", type=whole(), help="items of each set, its categories in turn (all)")
    parser.add_argument(
        "--seconds", type=above_zero(MAX_SECONDS), default=SECONDS, help="budget of each judgment (900)"
    )
    parser.set_defaults(run=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every run against a service has."""
    parser.add_argument(
        "--data", default=".", help="folder with a folder for each set, or `hub` to fetch them (.)"
    )
    parser.add_argument("--model", default="embedded", help="embedded, none, or the URL of a model server")
    parser.add_argument("--url", help="URL of a running service to ask, instead of one of its own")
    parser.add_argument("--at-once", type=whole(1, 4096), default=2, help="judgments in flight (2)")
    parser.add_argument("--seed", type=whole(0), default=0, help="of the choice of items and of judging (0)")
    parser.add_argument(
        "--grace", type=above_zero(), default=GRACE_SECONDS, help="seconds beyond each budget (30)"
    )
    parser.add_argument(
        "--data-dir", type=Path, help="folder of its own service (a new one under .judge/evals)"
    )
    parser.add_argument(
        "--out", type=Path, help="folder that keeps results and reports; a run goes on from it"
    )
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")


def run(arguments: argparse.Namespace) -> int:
    try:
        recipes = list(dict.fromkeys(arguments.recipes or ["default"]))
        hows = [How(recipe, not arguments.no_tools, arguments.seconds, arguments.seed) for recipe in recipes]
        wanted = [suite for suite in SUITES if suite.name in arguments.suites]
        parts = parts_of(wanted, arguments, arguments.limit, hows)
        return 1 if any(one.crashed or one.stuck for one in judged(parts, arguments).summaries) else 0
    except (InvalidRequest, JudgeClientError) as error:
        print(error, file=sys.stderr)
        return 2


@dataclass(frozen=True)
class Part:
    """Items of one set, judged in one way."""

    suite: Suite
    items: Sequence[Item]
    how: How

    def jobs(self, judge_sha256: str) -> list[Job]:
        return [Job.of(self.suite.name, item, self.how, judge_sha256) for item in self.items]


def parts_of(
    wanted: Sequence[Suite], arguments: argparse.Namespace, limit: int | None, hows: Sequence[How]
) -> list[Part]:
    """Read the sets. All that a broken set holds is found before anything is judged. Raises InvalidRequest."""
    parts = []
    for suite in wanted:
        folder = fetched(suite) if arguments.data == HUB else Path(arguments.data) / suite.folder_name
        entries = suite.read(folder)
        most = len(entries) if limit is None else min(limit, len(entries))
        progress = Progress(f"reading {suite.name}", most, quiet_seconds=QUIET_SECONDS)
        items = chosen(entries, limit, arguments.seed, progress)
        if not items:
            raise InvalidRequest(str(folder), "holds no item that can be judged")
        parts += [Part(suite, items, how) for how in hows]
    return parts


def judged(parts: Sequence[Part], arguments: argparse.Namespace, minutes: float | None = None) -> Report:
    """Judge what is missing, write the reports and print the table; also a run that is stopped says what it has."""
    until = time.monotonic() + 60 * minutes if minutes is not None else None
    facts, out = machine(), arguments.out
    recipes = list(dict.fromkeys(part.how.recipe for part in parts))
    with _service(arguments) as url:
        service = asyncio.run(asked(url, recipes))
        for part in parts:
            service.refuse_unfit(part.how.recipe, part.suite.name, part.items[0])
        jobs = [(part, part.jobs(service.pins[part.how.recipe])) for part in parts]
        with results.opened(out / "items.jsonl" if out else None) as kept:
            _say_stale(kept, [job.key for _, group in jobs for job in group])
            try:
                asking = Asking(
                    url, kept, service.model, at_once=arguments.at_once, grace=arguments.grace, until=until
                )
                asyncio.run(asking.judge(_in_turn([group for _, group in jobs])))
            finally:
                summaries = [
                    summary(
                        part.suite,
                        part.how.recipe,
                        part.how.with_tools,
                        part.items,
                        kept.of([job.key for job in group]),
                        arguments.seed,
                    )
                    for part, group in jobs
                ]
                commits = sorted({one.commit for one in kept.all} or {commit()})
                made = Report(
                    summaries=tuple(summaries),
                    model=service.model,
                    machine=facts,
                    commits=tuple(commits),
                    seed=arguments.seed,
                    budget_seconds=parts[0].how.seconds,
                    principle=parts[0].how.principle,
                )
                report.told(made, kept.judged_again, as_json=arguments.json)
                if out is not None:
                    report.written(made, out)
    return made


def _in_turn(groups: Sequence[Sequence[Job]]) -> list[Job]:
    """One job of each group, then the second of each: a run that is stopped has some of each."""
    longest = max(map(len, groups), default=0)
    return [group[place] for place in range(longest) for group in groups if place < len(group)]


def _say_stale(kept: Results, keys: Sequence[Any]) -> None:
    count = kept.of_other_settings(keys)
    if count:
        print(
            f"{count} results of other settings or another judge stay in the file and are not counted",
            file=sys.stderr,
        )


@contextmanager
def _service(arguments: argparse.Namespace) -> Iterator[str]:
    """The URL of the service that is asked.

    One of its own gets a new folder: a service goes on with what an earlier one left, which would be in the way.
    """
    if arguments.url:
        yield arguments.url
        return
    folder = arguments.data_dir or Path(".judge/evals") / time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    # A judgment that waited for its turn would look stuck.
    settings = {"JUDGE_MAX_RUNNING": str(max(arguments.at_once, 32))}
    with running(folder, model=arguments.model, settings=settings) as url:
        print(f"service in {folder}", file=sys.stderr)
        yield url

"""`python -m evals all --data DIR`: every set at hand, with and without tools, by the same model; one table.

Of each set `--limit` items are judged (15), its categories in turn, twice: with the recipe's tools and without any.
Whole answers are judged by one principle, the same for all sets, and by what tools decide; steps are labelled. That is
what the embedded model can do within an hour on two cores. After `--minutes` no further judgment begins, and the same
command with the same `--out` goes on from there. The sets take turns: a run that is stopped has some of each.
The table is in `table.md` of `--out`; `--write FILE` puts it between the two marks of that file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.loaders import SUITES
from evals.loaders.item import Suite
from evals.options import above_zero, whole
from evals.suite.asking import How
from evals.suite.readme_table import MARKS, readme_table, written_between
from evals.suite.run import HUB, MAX_SECONDS, add_options, judged, parts_of
from judge_agent.errors import InvalidRequest, JudgeClientError

LIMIT = 15
TABLE_FILE = "table.md"
MINUTES = 50.0
SECONDS = 480.0
PRINCIPLE = "The work does what the task asks for, correctly and completely."


def add_parser(names: Any) -> None:
    parser = names.add_parser("all", help="every set at hand, with and without tools, as one table")
    add_options(parser)
    parser.add_argument("--recipe", default="default", help="the recipe (default)")
    parser.add_argument("--limit", type=whole(), default=LIMIT, help=f"items of each set ({LIMIT})")
    parser.add_argument(
        "--seconds", type=above_zero(MAX_SECONDS), default=SECONDS, help=f"budget of each ({SECONDS:.0f})"
    )
    parser.add_argument(
        "--minutes", type=above_zero(), default=MINUTES, help=f"begin none after that ({MINUTES:.0f})"
    )
    parser.add_argument("--write", type=Path, help=f"put the table between {MARKS[0]} and {MARKS[1]} here")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    try:
        if arguments.write is not None:
            written_between(arguments.write, None)  # a file without marks is told now, not in an hour
        hows = [
            How(arguments.recipe, with_tools, arguments.seconds, arguments.seed, PRINCIPLE)
            for with_tools in (True, False)
        ]
        parts = parts_of(_at_hand(arguments.data), arguments, arguments.limit, hows)
        found = judged(parts, arguments, arguments.minutes)
        if arguments.out is not None:
            (arguments.out / TABLE_FILE).write_text(readme_table(found) + "\n", "utf-8")
        if arguments.write is not None:
            written_between(arguments.write, readme_table(found))
        return 1 if any(one.crashed or one.stuck for one in found.summaries) else 0
    except (InvalidRequest, JudgeClientError) as error:
        print(error, file=sys.stderr)
        return 2


def _at_hand(data: str) -> Sequence[Suite]:
    """The sets whose folder is there. Raises InvalidRequest where there is none."""
    if data == HUB:
        return [suite for suite in SUITES if suite.hub is not None]
    found = [suite for suite in SUITES if (Path(data) / suite.folder_name).is_dir()]
    if not found:
        raise InvalidRequest(
            "--data", f"{data} holds no folder of a set: {', '.join(one.folder_name for one in SUITES)}"
        )
    return found

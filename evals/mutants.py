"""`python -m evals mutants FOLDER`: right programs pass, and programs with one mistake fail, where plain Python tells.

The folder holds EvalPlus (`HumanEvalPlus.jsonl.gz`, `MbppPlus.jsonl`). Ends with 1 when the judge does not pass a
right solution, or does not fail a mutant that differs from it in plain Python on the tests' inputs: in a value, its
type, or what became of the arguments. To have no verdict is neither.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals import evalplus
from evals.bench.machine import commit
from evals.mutation.kinds import KINDS
from evals.mutation.problems import Problem
from evals.mutation.report import Report
from evals.mutation.trial import compare, judge, sampled, with_tests
from evals.options import whole
from evals.progress import Progress
from sandboxes import make_sandbox

COUNT = 2000
INPUTS = 60


def add_parser(names: Any) -> None:
    parser = names.add_parser(
        "mutants", help="right programs and wrong ones made of them, through `run_tests`"
    )
    parser.add_argument("data", type=Path, help="folder of EvalPlus")
    parser.add_argument(
        "--count", type=whole(0), default=COUNT, help=f"mutants to try ({COUNT}); 0 tries all"
    )
    parser.add_argument("--problems", type=whole(), help="problems to take (all)")
    parser.add_argument("--inputs", type=whole(), default=INPUTS, help=f"inputs of each problem ({INPUTS})")
    parser.add_argument(
        "--kind", action="append", choices=[kind.__name__ for kind in KINDS], help="this kind only"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    try:
        rows = list(evalplus.rows(arguments.data))[: arguments.problems]
        problems = [Problem.of(row, arguments.inputs) for row in rows]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        print(f"{arguments.data}: no EvalPlus: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    return asyncio.run(_run(arguments, problems))


async def _run(arguments: argparse.Namespace, problems: Sequence[Problem]) -> int:
    sandbox = make_sandbox()
    if sandbox is None:
        print("no box can be made on this machine; `make doctor` says why", file=sys.stderr)
        return 2
    kinds = [kind for kind in KINDS if arguments.kind is None or kind.__name__ in arguments.kind]
    started = time.monotonic()
    given, left_out = await with_tests(problems, Progress("right solutions in plain Python", len(problems)))
    usable = [problem for problem in given if problem.tests]
    tried, possible = sampled(usable, kinds, arguments.count, arguments.seed)
    await compare(tried, Progress("mutants in plain Python", len(tried)))
    executions = 2 * len(usable) + sum(one.differs for one in tried)
    try:
        judged = await judge(sandbox, usable, tried, Progress("through the judge", executions))
    finally:
        await sandbox.aclose()
    report = Report(len(problems), usable, left_out, possible, tried, judged, time.monotonic() - started)
    print(report.text())
    print(f"seed {arguments.seed}, commit {commit()}, box {sandbox.name} {sandbox.version}")
    if arguments.json:
        print(json.dumps(report.facts()))
    return 0 if report.holds else 1

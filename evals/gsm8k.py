"""`python -m evals gsm8k FOLDER`: what `calculate` says of labelled solutions of word problems, and how rightly.

The folder holds `example_model_solutions.jsonl` as published (github.com/openai/grade-school-math, MIT). Without the
reference, arithmetic is worked out again: a refuted solution should be a wrong one (precision), and the share of wrong
ones that are refuted is the coverage. With the reference, the stated answer is compared with it. Ends with 1 where
precision is below 98% or agreement below 99%.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from evals.bench.machine import machine
from evals.options import whole
from judge_agent.schema import Reference, Task, Trajectory
from judge_agent.seams.tool import ToolView
from sandboxes import make_sandbox
from tools import Calculate

FILE = "example_model_solutions.jsonl"
MIN_PRECISION = 0.98
MIN_AGREEMENT = 0.99
CALL_SECONDS = 120.0


class Solution(NamedTuple):
    question: str
    reference: str
    text: str
    is_correct: bool

    def view(self, *, with_reference: bool) -> ToolView:
        """What the tool sees."""
        reference = Reference(answer=self.reference if with_reference else None)
        said = {"messages": [{"role": "assistant", "content": self.text}]}
        return ToolView(Task(prompt=self.question, reference=reference), Trajectory.model_validate(said))


def add_parser(names: Any) -> None:
    parser = names.add_parser("gsm8k", help="labelled solutions: refuted arithmetic, and answers compared")
    parser.add_argument("data", type=Path, help=f"folder with {FILE}")
    parser.add_argument("--count", type=whole(), help="the first so many solutions (all)")
    parser.add_argument("--only", choices=("arithmetic", "answer"), help="one of the two")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    try:
        solutions = list(_solutions(arguments.data / FILE))[: arguments.count]
    except (OSError, KeyError, ValueError) as error:
        print(f"{arguments.data}: no labelled solutions: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    started = time.monotonic()
    told = asyncio.run(_judged(solutions, arguments.only))
    print(f"{len(solutions)} solutions, {sum(one.is_correct for one in solutions)} of them right")
    holds = True
    if arguments.only != "answer":
        refuted, wrongly = told["refuted", False] + told["refuted", True], told["refuted", True]
        wrong = sum(not one.is_correct for one in solutions)
        precision = 1 - wrongly / refuted if refuted else 1.0
        print(f"arithmetic: {refuted} refuted, {wrongly} of them right by label: precision {precision:.1%}")
        print(
            f"coverage: {refuted - wrongly} of {wrong} wrong ones ({(refuted - wrongly) / max(1, wrong):.1%})"
        )
        holds = precision >= MIN_PRECISION
    if arguments.only != "arithmetic":
        agreed = told["agrees", True] + told["agrees", False]
        open_ = told["open", True] + told["open", False]
        print(
            f"with the reference: {agreed} of {len(solutions)} agree ({agreed / len(solutions):.1%}), {open_} open"
        )
        holds = holds and agreed >= MIN_AGREEMENT * len(solutions)
    print(f"{time.monotonic() - started:.0f} s, {machine()}")
    if arguments.json:
        print(json.dumps({f"{what} {label}": count for (what, label), count in told.items()}))
    return 0 if holds else 1


def _solutions(path: Path) -> Iterator[Solution]:
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        reference = row["ground_truth"].rsplit("A:", 1)[1].strip()
        for value in row.values():
            if isinstance(value, dict):
                yield Solution(row["question"], reference, value["solution"], value["is_correct"])


async def _judged(solutions: list[Solution], only: str | None) -> Counter[tuple[str, bool]]:
    sandbox = make_sandbox()
    tool, told = Calculate(sandbox), Counter[tuple[str, bool]]()
    try:
        for solution in solutions:
            if only != "answer":
                seen = solution.view(with_reference=False)
                for call in tool.opening_calls(seen):
                    result = await tool.run(call.arguments, seen, timeout_seconds=CALL_SECONDS)
                    told["refuted", solution.is_correct] += bool(result.asides)
            if only != "arithmetic":
                told[await _answer(tool, solution), solution.is_correct] += 1
    finally:
        if sandbox is not None:
            await sandbox.aclose()
    return told


async def _answer(tool: Calculate, solution: Solution) -> str:
    seen = solution.view(with_reference=True)
    result = await tool.run({"check": "answer"}, seen, timeout_seconds=CALL_SECONDS)
    (finding,) = result.findings
    if finding.strength != "decisive":
        return "open"
    return "agrees" if (finding.bearing == "confirms") is solution.is_correct else "differs"

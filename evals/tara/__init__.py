"""`python -m evals tara FOLDER`: how often tools tell the better of two answers, with pickers in place of a model.

The folder holds Themis' TARA test splits as published (github.com/ernie-research/Tool-Augmented-Reward-Model, MIT).
For each pair a picker (`pickers.py`) chooses one tool call from the question alone, the tool makes it for both
answers, and the answer that its evidence speaks for is preferred; evidence that speaks of both alike is a tie, and
counts half. What a model makes of the same pairs says `python -m evals run themis_tara tara_code`. Ends with 1 where
fewer than 95% of all pairs are right, ties as half; both figures are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.bench.machine import machine
from evals.options import whole
from evals.tara.pickers import PICKERS
from evals.tara.rows import FILES, Pair, load
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import Finding, Tool, ToolView
from sandboxes import make_sandbox
from tools import Calculate, Calendar, Lookup, RunTests

MIN_RIGHT = 0.95
CALL_SECONDS = 120.0


def add_parser(names: Any) -> None:
    parser = names.add_parser("tara", help="pairs of Themis' TARA told apart by tools that pickers choose")
    parser.add_argument("data", type=Path, help="folder of the TARA test splits")
    parser.add_argument("--only", choices=tuple(FILES), action="append", help="these sets only")
    parser.add_argument("--count", type=whole(), help="the first so many pairs of each set (all)")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    names = arguments.only or tuple(FILES)
    try:
        sets = {name: load(arguments.data, name, arguments.count) for name in names}
    except (OSError, KeyError, ValueError) as error:
        print(f"{arguments.data}: no TARA data: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    sandbox = make_sandbox()
    if sandbox is None:
        print("no box can be made here: judge-agent doctor says why", file=sys.stderr)
        return 2
    started = time.monotonic()
    told = asyncio.run(_all(sets, sandbox))
    for name, tally in told.items():
        print(
            f"{name}: {tally['right']} right, {tally['wrong']} wrong, {tally['tie']} tied of {len(sets[name])}"
        )
    right, pairs = sum(tally["right"] for tally in told.values()), sum(map(len, sets.values()))
    share = (right + sum(tally["tie"] for tally in told.values()) / 2) / pairs
    print(f"with pickers: {right} of {pairs} right ({right / pairs:.1%}), {share:.1%} with ties as half")
    print(f"{time.monotonic() - started:.0f} s, {machine()}")
    if arguments.json:
        print(json.dumps({name: dict(tally) for name, tally in told.items()}))
    return 0 if share >= MIN_RIGHT else 1


async def _all(sets: Mapping[str, Sequence[Pair]], sandbox: Sandbox) -> dict[str, Counter[str]]:
    made: list[Tool] = [Calculate(sandbox), Calendar(), Lookup(), RunTests(sandbox)]
    tools = {tool.name: tool for tool in made}
    try:
        return {name: await _tally(name, pairs, tools) for name, pairs in sets.items()}
    finally:
        await sandbox.aclose()


async def _tally(name: str, pairs: Sequence[Pair], tools: Mapping[str, Tool]) -> Counter[str]:
    tally: Counter[str] = Counter()
    for pair in pairs:
        call = PICKERS[name](pair.question)
        if call is None:
            tally["tie"] += 1
            continue
        better, worse = [await _score(tools[call[0]], call[1], view) for view in pair.views()]
        tally["right" if better > worse else "wrong" if better < worse else "tie"] += 1
        if better <= worse:
            print(f"{pair.name}: {better:g} against {worse:g}", file=sys.stderr)
    return tally


async def _score(tool: Tool, arguments: Mapping[str, Any], view: ToolView) -> float:
    """1 where the evidence speaks for an answer, 0 where it speaks against it, else 0.5."""
    result = await tool.run(arguments, view, timeout_seconds=CALL_SECONDS)
    findings: Sequence[Finding] = [one for one in result.findings if one.step_id is None]
    if any(one.bearing == "refutes" for one in findings):
        return 0.0
    return 1.0 if any(one.bearing == "confirms" for one in findings) else 0.5

"""EvalPlus problems (HumanEval+, MBPP+) as judgment requests: the canonical solution against one made wrong.

A problem is kept only where plain Python shows that the wrong one gives another result, and where JSON can
carry inputs and results. The data's own code runs here unboxed: it is trusted, the candidates' is not.
"""

from __future__ import annotations

import ast
import copy
import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

MAX_INPUTS = 40
MAX_MUTANTS = 12
RUN_SECONDS = 20.0
_SHOW = """
import json, sys, copy
job = json.loads(sys.stdin.read())
def results(source):
    space = {"__name__": "m"}
    exec(source, space)
    function = space[job["entry_point"]]
    found = []
    for args in job["inputs"]:
        try:
            found.append(["value", function(*copy.deepcopy(args))])
        except Exception as error:
            found.append(["error", type(error).__name__])
    return found
print("\\n" + json.dumps([results(source) for source in job["sources"]], allow_nan=False))
"""


@dataclass(frozen=True)
class Problem:
    task_id: str
    prompt: str
    entry_point: str
    right: str
    wrong: str
    atol: float
    tests: tuple[dict[str, Any], ...]

    @property
    def reference(self) -> dict[str, Any]:
        """The tests as `task.reference.tests`."""
        tests = {"kind": "call", "entry_point": self.entry_point, "hidden": list(self.tests)}
        return tests | ({"atol": self.atol} if self.atol else {})

    def request(self, recipe: str, seconds: float) -> dict[str, Any]:
        """Both solutions as candidates; the right one comes first in half of the problems."""
        sides = [("right", self.right), ("wrong", self.wrong)]
        random.Random(self.task_id).shuffle(sides)  # noqa: S311 - a reproducible order, no secret
        return {
            "task": {"prompt": self.prompt, "reference": {"tests": self.reference}},
            "candidates": [
                {"id": f"c{index}", "trajectory": {"text": f"```python\n{source}\n```"}}
                for index, (_, source) in enumerate(sides)
            ],
            "recipe": recipe,
            "budget": {"seconds": seconds},
            "metadata": {"right": f"c{[name for name, _ in sides].index('right')}", "task_id": self.task_id},
        }


def load(folder: Path, count: int) -> list[Problem]:
    """Take problems from both files in turn until `count` are kept."""
    kept: list[Problem] = []
    for row in rows(folder):
        problem = problem_of(row)
        if problem is not None:
            kept.append(problem)
        if len(kept) == count:
            break
    return kept


def rows(folder: Path) -> Iterator[dict[str, Any]]:
    """The problems as published, of both files in turn."""
    with gzip.open(folder / "HumanEvalPlus.jsonl.gz", "rt", encoding="utf-8") as lines:
        human = [json.loads(line) for line in lines]
    # Not splitlines(): it also breaks at U+2028, which may stand inside of a JSON text.
    text = (folder / "MbppPlus.jsonl").read_text("utf-8-sig")
    mbpp = [json.loads(line) for line in text.split("\n") if line.strip()]
    for pair in zip_longest(human, mbpp):
        yield from (row for row in pair if row is not None)


def problem_of(row: Mapping[str, Any]) -> Problem | None:
    """A row as published with a wrong solution beside the right one; None where none is found, or JSON cannot tell it.

    Raises KeyError, TypeError and ValueError for a row of another form.
    """
    whole = row["task_id"].startswith("HumanEval")
    right = row["prompt"] + row["canonical_solution"] if whole else row["canonical_solution"]
    inputs = [*row["base_input"], *(row["plus_input"] or [])][:MAX_INPUTS]
    mutants = list(_mutants(right))
    random.Random(row["task_id"]).shuffle(mutants)  # noqa: S311 - a reproducible choice, no secret
    for wrong in mutants[:MAX_MUTANTS]:
        results = _results(row["entry_point"], inputs, [right, wrong])
        if results is None:
            continue
        good, bad = results
        if any(kind == "error" for kind, _ in good):
            return None
        if good != bad and not row["atol"]:
            tests = tuple(
                {"args": args, "expected": value} for args, (_, value) in zip(inputs, good, strict=True)
            )
            return Problem(
                row["task_id"], row["prompt"], row["entry_point"], right, wrong, row["atol"], tests
            )
    return None


def _results(entry_point: str, inputs: list[Any], sources: list[str]) -> list[list[list[Any]]] | None:
    """What each source gives for each input, in plain Python; None when JSON cannot carry it or time runs out."""
    job = json.dumps({"entry_point": entry_point, "inputs": inputs, "sources": sources})
    try:
        done = subprocess.run(
            [sys.executable, "-c", _SHOW],
            input=job,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=True,
            # As in the boxes: what comes of the order of a set must not change from run to run.
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return None
    found: list[list[list[Any]]] = json.loads(done.stdout.rsplit("\n", 2)[-2])
    return found


_SWAPS: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def _mutants(source: str) -> Iterator[str]:
    """The source with one operator swapped, one number moved by one, or one result dropped."""
    tree = ast.parse(source)
    for index, node in enumerate(ast.walk(tree)):
        if _mutate(node) is None:
            continue
        mutant = copy.deepcopy(tree)
        change = _mutate(list(ast.walk(mutant))[index])
        assert change is not None
        change()
        yield ast.unparse(mutant)


def _mutate(node: ast.AST) -> Any:
    """A function that makes the node wrong, or None where nothing is to be made wrong."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPS:
        return lambda: node.ops.__setitem__(0, _SWAPS[type(node.ops[0])]())
    if isinstance(node, (ast.BinOp, ast.BoolOp)) and type(node.op) in _SWAPS:
        return lambda: setattr(node, "op", _SWAPS[type(node.op)]())
    if isinstance(node, ast.Constant) and type(node.value) is int:
        value = node.value
        return lambda: setattr(node, "value", value + 1)
    if isinstance(node, ast.Return) and node.value is not None:
        return lambda: setattr(node, "value", ast.Constant(None))
    return None

"""HumanEval+ and MBPP+ (2305.01210): the canonical solution, and one made wrong, each beside the problem's tests.

What is wrong is decided by plain Python on the tests' inputs (`evals/evalplus.py`); the request holds the tests.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from evals import evalplus
from evals.loaders.item import Entry, Item, Suite
from evals.loaders.making import outcome
from judge_agent.errors import InvalidRequest

_BROKEN = (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError)
_FILES = {"HumanEval": "HumanEvalPlus.jsonl.gz", "Mbpp": "MbppPlus.jsonl"}


def _read(folder: Path, /) -> Sequence[Entry]:
    try:
        rows = list(evalplus.rows(folder))
        _refuse_empty(rows, folder)
        return [entry for row in rows for entry in _entries(row, folder)]
    except _BROKEN as error:
        raise InvalidRequest(str(folder), f"no EvalPlus: {type(error).__name__}: {error}") from error


def _refuse_empty(rows: Sequence[Mapping[str, Any]], folder: Path) -> None:
    there = {str(row["task_id"]).partition("/")[0] for row in rows}
    for name, file in _FILES.items():
        if name not in there:
            raise InvalidRequest(str(folder / file), "holds no rows")


def _entries(row: Mapping[str, Any], folder: Path) -> list[Entry]:
    name = str(row["task_id"])
    # Both sides come of one search for a mistake, which runs the program often.
    made = cache(partial(_problem, row, folder))
    return [
        Entry(f"{name}:{side}", f"{name.partition('/')[0]}/{side}", partial(_item, name, side, made))
        for side in ("right", "wrong")
    ]


def _problem(row: Mapping[str, Any], folder: Path) -> evalplus.Problem | None:
    try:
        return evalplus.problem_of(row)
    except _BROKEN as error:
        name = str(row["task_id"])
        file = folder / _FILES.get(name.partition("/")[0], "")
        raise InvalidRequest(f"{file}, task {name}", f"{type(error).__name__}: {error}") from error


def _item(name: str, side: str, made: Callable[[], evalplus.Problem | None]) -> Item | None:
    problem = made()
    if problem is None:
        return None
    task = {"prompt": problem.prompt, "reference": {"tests": problem.reference}}
    source = problem.right if side == "right" else problem.wrong
    category = f"{name.partition('/')[0]}/{side}"
    return outcome(f"{name}:{side}", category, task, f"```python\n{source}\n```", succeeded=side == "right")


SUITE = Suite(
    name="evalplus",
    decided_by="test",
    is_given=True,
    read=_read,
    origin="github.com/evalplus/{humanevalplus_release,mbppplus_release}",
    known_from="published files",
)

"""HumanEval+ and MBPP+ (2305.01210): the canonical solution, and one made wrong, each beside the problem's tests.

What is wrong is decided by plain Python on the tests' inputs (`evals/evalplus.py`); the request holds the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from evals import evalplus
from evals.loaders.item import Entry, Item, Suite
from evals.loaders.making import files, outcome
from evals.loaders.rows import Row, rows_of

_FILES = ("HumanEvalPlus*", "MbppPlus*")


def _read(folder: Path, /) -> Sequence[Entry]:
    paths = [path for name in _FILES for path in files(folder, name)]
    return [entry for path in paths for row in rows_of(path, folder) for entry in _entries(row)]


def _entries(row: Row) -> list[Entry]:
    name = row.text("task_id")
    for field in ("prompt", "canonical_solution", "entry_point"):
        row.text(field)
    # Both sides come of one search for a mistake, which runs the program often.
    made = cache(partial(_problem, row))
    return [
        Entry(f"{name}:{side}", f"{name.partition('/')[0]}/{side}", partial(_item, name, side, made))
        for side in ("right", "wrong")
    ]


def _problem(row: Row) -> evalplus.Problem | None:
    try:
        return evalplus.problem_of(row.data)
    except KeyError as error:
        raise row.error(str(error.args[0]), "is missing") from error
    except (ValueError, TypeError, AttributeError, SyntaxError) as error:
        raise row.error(
            "canonical_solution, base_input or plus_input", f"{type(error).__name__}: {error}"
        ) from error


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

"""MR-Ben (2406.13975): solutions in steps, with the first wrong one. `N/A` stands where the solution is right.

A file is one object whose values are lists of solutions to one question. Ground truth, analysis, error reasons and
corrections are the label's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from evals.loaders.item import Entry, Item, Suite
from evals.loaders.making import entries, files, stepped
from evals.loaders.rows import Row, members_of, plain_name, rows_of
from judge_agent.errors import InvalidRequest

_PLACE = "place of the solution in its list"
_CORRECT = {"correct": True, "Correct": True, "incorrect": False, "Incorrect": False}


def _read(folder: Path, /) -> Sequence[Entry]:
    return entries((row, list(_items(row))) for path in files(folder) for row in _rows(path))


def _rows(path: Path) -> Iterator[Row]:
    if plain_name(path).endswith(".jsonl"):
        yield from rows_of(path)
        return
    for number, (line, name, solutions) in enumerate(members_of(path), start=1):
        if not isinstance(solutions, list) or not all(isinstance(one, dict) for one in solutions):
            raise InvalidRequest(f"{path}, line {line}, field {name}", "must be a list of solutions")
        for place, solution in enumerate(solutions, start=1):
            yield Row(path, number, line, {**solution, _PLACE: place})


def _items(row: Row) -> Iterator[Item]:
    steps = row.texts("Model_Solution_Steps", may_be_empty=True)
    is_right = row.label("Model_Solution_Correctness", _CORRECT)
    first = None if is_right else row.whole("Model_Solution_First_Error_Step", 1) - 1
    if first is not None and first >= len(steps):
        row.refuse("Model_Solution_First_Error_Step", f"a step of the {len(steps)}")
    options = row.data.get("Options")
    question = row.text("Question") + (f"\n{options}" if isinstance(options, str) and options.strip() else "")
    name = f"{row.file}:{row.number}:{row.data.get(_PLACE, 1)}"
    category = f"{row.file}/{'right' if is_right else 'wrong'}"
    yield stepped(name, category, {"prompt": question}, steps, first)


SUITE = Suite(
    name="mr_ben",
    decided_by="human",
    is_given=False,
    read=_read,
    origin="github.com/dvlab-research/Mr-Ben, data/",
    known_from="published files",
)

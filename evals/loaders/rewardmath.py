"""RewardMATH (2410.01729): one right solution of a MATH problem beside nine wrong ones; reference-free.

`RewardMATH_direct.json` has a row for each solution: `problem_id`, `problem`, `eval_solution` (a list of steps) and
`solution_type`, `chosen` or `rejected`; those of a problem are one item. `RewardMATH_pairwise.json` has pairs
`eval_solution_A`, `eval_solution_B` and `chosen_position`. A copy may have rows of `chosen` and `rejected` instead.
The reference answer and solution, and who wrote a solution, are the label's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.loaders.item import Entry, Hub, Item, Suite
from evals.loaders.making import entries, files, numbered, ranked
from evals.loaders.rows import Row, rows_of

_TYPES = {"chosen": True, "rejected": False}
_POSITIONS = {"A": 0, "B": 1}


def _read(folder: Path, /) -> Sequence[Entry]:
    found: list[tuple[Row, list[Item]]] = []
    for path in files(folder):
        grouped: dict[Any, list[Row]] = {}
        for row in rows_of(path, folder):
            if "solution_type" in row.data:
                grouped.setdefault(row.whole("problem_id"), []).append(row)
            else:
                found.append((row, [_pair(row) if "chosen_position" in row.data else _listed(row)]))
        found += [(rows[0], [_together(rows)]) for rows in grouped.values()]
    return entries(found)


def _together(rows: Sequence[Row]) -> Item:
    """The solutions of one problem."""
    sides: dict[bool, list[str]] = {True: [], False: []}
    for row in rows:
        sides[row.label("solution_type", _TYPES)].append(_steps(row, "eval_solution"))
    first = rows[0]
    for is_right, texts in sides.items():
        if not texts:
            first.refuse("solution_type", f"{'chosen' if is_right else 'rejected'} in a row of each problem")
    return ranked(numbered(first), _category(first), _task(first), sides[True], sides[False])


def _pair(row: Row) -> Item:
    better = row.label("chosen_position", _POSITIONS)
    sides = [_steps(row, f"eval_solution_{side}") for side in _POSITIONS]
    return ranked(numbered(row), _category(row), _task(row), [sides[better]], [sides[1 - better]])


def _listed(row: Row) -> Item:
    is_list = isinstance(row.data.get("chosen"), list)
    right = row.texts("chosen", may_be_empty=True) if is_list else [row.text("chosen", may_be_empty=True)]
    wrong = row.texts("rejected", may_be_empty=True)
    return ranked(numbered(row), _category(row), _task(row), right, wrong)


def _steps(row: Row, field: str) -> str:
    return "\n".join(row.texts(field, may_be_empty=True))


def _category(row: Row) -> str:
    return str(row.data.get("subject") or "math")


def _task(row: Row) -> dict[str, str]:
    return {"prompt": row.text("problem")}


SUITE = Suite(
    name="rewardmath",
    decided_by="reference",
    is_given=False,
    read=_read,
    origin="github.com/kimsh0507/RewardMATH_official, dataset/benchmark; huggingface.co/datasets/RewardMATH/RewardMATH",
    known_from="published files",
    hub=Hub("RewardMATH/RewardMATH", ("train",)),
)

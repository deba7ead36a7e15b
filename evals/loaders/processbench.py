"""ProcessBench (2412.06559): the earliest wrong step of a solution, -1 where none is. F1 of both kinds is told."""

from __future__ import annotations

from collections.abc import Iterator

from evals.loaders.item import Hub, Item, Suite
from evals.loaders.making import ByRow, stepped
from evals.loaders.rows import Row


def _items(row: Row) -> Iterator[Item]:
    steps, label = row.texts("steps", may_be_empty=True), row.whole("label", -1)
    if label >= len(steps):
        row.refuse("label", f"a step of the {len(steps)}, or -1")
    first = label if label >= 0 else None
    yield stepped(row.text("id"), row.file, {"prompt": row.text("problem")}, steps, first)


SUITE = Suite(
    name="processbench",
    decided_by="human",
    is_given=False,
    read=ByRow(_items),
    origin="huggingface.co/datasets/Qwen/ProcessBench",
    known_from="published description",
    hub=Hub("Qwen/ProcessBench", ("gsm8k", "math", "olympiadbench", "omnimath")),
)

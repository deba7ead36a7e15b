"""LLMBar (2310.07641): which of two outputs follows the instruction; natural and adversarial files."""

from __future__ import annotations

from collections.abc import Iterator

from evals.loaders.item import Item, Suite
from evals.loaders.making import ByRow, numbered, ranked
from evals.loaders.rows import Row


def _items(row: Row) -> Iterator[Item]:
    outputs = [row.text(side, may_be_empty=True) for side in ("output_1", "output_2")]
    better = row.one_of("label", (1, 2)) - 1
    category = row.file.removeprefix("LLMBar_")
    yield ranked(
        numbered(row), category, {"prompt": row.text("input")}, [outputs[better]], [outputs[1 - better]]
    )


SUITE = Suite(
    name="llmbar",
    decided_by="human",
    is_given=False,
    read=ByRow(_items),
    origin="github.com/princeton-nlp/LLMBar, Dataset/LLMBar",
    known_from="published files",
)

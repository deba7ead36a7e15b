"""GSM8K's labelled solutions (2110.14168): right or not by the reference answer, which the request holds."""

from __future__ import annotations

from collections.abc import Iterator

from evals.loaders.item import Item, Suite
from evals.loaders.making import ByRow, numbered, outcome
from evals.loaders.rows import Row


def _items(row: Row) -> Iterator[Item]:
    answer = row.text("ground_truth").rpartition("A:")[2].strip()
    task = {"prompt": row.text("question"), "reference": {"answer": answer}}
    for model, value in row.data.items():
        if isinstance(value, dict):
            part = row.part(model)
            succeeded = part.truth("is_correct")
            category = "right" if succeeded else "wrong"
            text = part.text("solution", may_be_empty=True)
            yield outcome(f"{numbered(row)}:{model}", category, task, text, succeeded=succeeded)


SUITE = Suite(
    name="gsm8k",
    decided_by="reference",
    is_given=True,
    read=ByRow(_items, "example_model_solutions*"),
    origin="github.com/openai/grade-school-math, example_model_solutions.jsonl",
    known_from="published files",
)

"""PRMBench (2501.03124): a process into which one kind of mistake was put; `error_steps` counts from 1.

The first of them is the label; a row without is one whose process is right.
"""

from __future__ import annotations

from collections.abc import Iterator

from evals.loaders.item import Hub, Item, Suite
from evals.loaders.making import ByRow, numbered, stepped
from evals.loaders.rows import Row


def _items(row: Row) -> Iterator[Item]:
    steps = row.texts("modified_process", may_be_empty=True)
    wrong = row.data.get("error_steps")
    if not isinstance(wrong, list) or not all(type(one) is int and 1 <= one <= len(steps) for one in wrong):
        row.refuse("error_steps", f"a list of steps from 1 to {len(steps)}")
    task = {"prompt": row.text("modified_question")}
    first = min(wrong) - 1 if wrong else None
    yield stepped(numbered(row), str(row.data.get("classification") or "all"), task, steps, first)


SUITE = Suite(
    name="prmbench",
    decided_by="human",
    is_given=False,
    read=ByRow(_items),
    origin="huggingface.co/datasets/hitsmy/PRMBench_Preview",
    known_from="published files",
    hub=Hub("hitsmy/PRMBench_Preview", ("train",)),
)

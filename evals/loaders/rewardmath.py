"""RewardMATH (2410.01729): one right solution of a MATH problem beside nine wrong ones; reference-free.

Read are `problem`, `chosen` (a text, or a list of one) and `rejected` (a list). The reference solution and its answer
are the label's.
"""

from __future__ import annotations

from collections.abc import Iterator

from evals.loaders.item import Hub, Item, Suite
from evals.loaders.making import ByRow, numbered, ranked
from evals.loaders.rows import Row


def _items(row: Row) -> Iterator[Item]:
    is_list = isinstance(row.data.get("chosen"), list)
    right = row.texts("chosen", may_be_empty=True) if is_list else [row.text("chosen", may_be_empty=True)]
    wrong = row.texts("rejected", may_be_empty=True)
    category = str(row.data.get("subject") or "math")
    yield ranked(numbered(row), category, {"prompt": row.text("problem")}, right, wrong)


SUITE = Suite(
    name="rewardmath",
    decided_by="reference",
    is_given=False,
    read=ByRow(_items),
    origin="huggingface.co/datasets/RewardMATH/RewardMATH",
    known_from="published description",
    hub=Hub("RewardMATH/RewardMATH", ("train",)),
)

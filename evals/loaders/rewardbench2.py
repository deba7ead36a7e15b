"""RewardBench 2 (2506.01937): one right answer beside three wrong ones; in `Ties` several are right.

An item is right where every right answer is above every wrong one; the published score of `Ties` also weighs how close
the right ones stand to each other, which is not counted here.
"""

from __future__ import annotations

from collections.abc import Iterator

from evals.loaders.item import Hub, Item, Suite
from evals.loaders.making import ByRow, numbered, ranked
from evals.loaders.rows import Row


def _items(row: Row) -> Iterator[Item]:
    right = row.texts("chosen", may_be_empty=True)
    wrong = row.texts("rejected", may_be_empty=True)
    yield ranked(numbered(row), row.text("subset"), {"prompt": row.text("prompt")}, right, wrong)


SUITE = Suite(
    name="rewardbench2",
    decided_by="human",
    is_given=False,
    read=ByRow(_items),
    origin="huggingface.co/datasets/allenai/reward-bench-2, split test",
    known_from="published description",
    hub=Hub("allenai/reward-bench-2", ("test",)),
)

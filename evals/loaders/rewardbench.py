"""RewardBench (2403.13787): a prompt, the chosen and the rejected answer; 23 subsets."""

from __future__ import annotations

from collections.abc import Iterator

from evals.loaders.item import Hub, Item, Suite
from evals.loaders.making import ByRow, numbered, ranked
from evals.loaders.rows import Row


def _items(row: Row) -> Iterator[Item]:
    sides = [row.text(side, may_be_empty=True) for side in ("chosen", "rejected")]
    yield ranked(numbered(row), row.text("subset"), {"prompt": row.text("prompt")}, sides[:1], sides[1:])


SUITE = Suite(
    name="rewardbench",
    decided_by="human",
    is_given=False,
    read=ByRow(_items),
    origin="huggingface.co/datasets/allenai/reward-bench, split filtered",
    known_from="published description",
    hub=Hub("allenai/reward-bench", ("filtered",)),
)

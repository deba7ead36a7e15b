"""JudgeBench (2410.12784): pairs of which one answer is right, by the tests and references of other benchmarks.

Requests are reference-free: a copy that holds `ground_truth` or `check_list` does not show them.
"""

from __future__ import annotations

from collections.abc import Iterator

from evals.loaders.item import Hub, Item, Suite
from evals.loaders.making import ByRow, ranked
from evals.loaders.rows import Row

_BETTER = {"A>B": 0, "B>A": 1}


def _items(row: Row) -> Iterator[Item]:
    answers = [row.text(side, may_be_empty=True) for side in ("response_A", "response_B")]
    better = row.label("label", _BETTER)
    name, source = row.text("pair_id"), row.data.get("source")
    category = "mmlu-pro" if str(source).startswith("mmlu-pro") else str(source or "all")
    yield ranked(name, category, {"prompt": row.text("question")}, [answers[better]], [answers[1 - better]])


SUITE = Suite(
    name="judgebench",
    decided_by="reference",
    is_given=False,
    read=ByRow(_items),
    origin="github.com/ScalerLab/JudgeBench, data/*.jsonl",
    known_from="published files",
    hub=Hub("ScalerLab/JudgeBench", ("claude", "gpt")),
)

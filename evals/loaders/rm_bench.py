"""RM-Bench (2410.16184): three styles of a right answer against three of a wrong one, nine comparisons a prompt.

Styles rise from concise over detailed to Markdown. As published, `easy` has the right answer in a richer style than the
wrong one, `normal` both in the same, `hard` the wrong one in a richer; `error` and `error_key` are the label's.
"""

from __future__ import annotations

from collections.abc import Iterator

from evals.loaders.item import Hub, Item, Suite
from evals.loaders.making import ByRow, ranked
from evals.loaders.rows import Row


def _items(row: Row) -> Iterator[Item]:
    task, subset = {"prompt": row.text("prompt")}, str(row.data.get("domain") or row.file.split("_")[0])
    right, wrong = (row.texts(side, least=3, may_be_empty=True)[:3] for side in ("chosen", "rejected"))
    for better, text in enumerate(right):
        for worse, other in enumerate(wrong):
            level = "easy" if better > worse else "normal" if better == worse else "hard"
            name = f"{row.file}:{row.number}:{better}{worse}"
            yield ranked(name, f"{subset}/{level}", task, [text], [other])


SUITE = Suite(
    name="rm_bench",
    decided_by="human",
    is_given=False,
    read=ByRow(_items),
    origin="github.com/THU-KEG/RM-Bench, data/",
    known_from="published files",
    hub=Hub("THU-KEG/RM-Bench", ("train",)),
)

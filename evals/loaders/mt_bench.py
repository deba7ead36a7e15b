"""MT-Bench's human judgments (2306.05685): two conversations, and which of them an expert preferred at one turn.

Ties are left out, as in the published agreement without ties. Each judge's vote is an item.
"""

from __future__ import annotations

from collections.abc import Iterator

from evals.loaders.item import Better, Hub, Item, Request, Suite
from evals.loaders.making import ByRow, numbered
from evals.loaders.rows import Row
from judge_agent.hashing import sha256_of

_WINNER = {"model_a": "conversation_a", "model_b": "conversation_b"}


def _items(row: Row) -> Iterator[Item]:
    winner = row.data.get("winner")
    if isinstance(winner, str) and winner.startswith("tie"):
        return
    better, turn = row.label("winner", _WINNER), row.whole("turn", 1)
    sides = [(name, _messages(row, name, turn)) for name in ("conversation_a", "conversation_b")]
    sides.sort(key=lambda side: sha256_of(side[1]))
    candidates = [
        {"id": f"c{place}", "trajectory": {"messages": messages}}
        for place, (_, messages) in enumerate(sides, start=1)
    ]
    chosen = next(f"c{place}" for place, (name, _) in enumerate(sides, start=1) if name == better)
    body = {"task": {"prompt": sides[0][1][0]["content"]}, "candidates": candidates}
    yield Item(numbered(row), f"turn {turn}", Request(body), Better(frozenset({chosen})))


def _messages(row: Row, field: str, turn: int) -> list[dict[str, str]]:
    found = [
        {
            "role": part.one_of("role", ("user", "assistant")),
            "content": part.text("content", may_be_empty=True),
        }
        for part in row.parts(field, 2)
    ]
    return found[: 2 * turn]


SUITE = Suite(
    name="mt_bench",
    decided_by="human",
    is_given=False,
    read=ByRow(_items),
    origin="huggingface.co/datasets/lmsys/mt_bench_human_judgments, split human",
    known_from="published description",
    hub=Hub("lmsys/mt_bench_human_judgments", ("human",)),
)

"""RMB (2410.09893): pairs and best-of-N of helpfulness and harmlessness, over real conversations.

A pair holds `chosen` and `reject`, a best-of-N row `bon_best` and `loser_list`, each `{llm_name, answer}`. The same
file names stand under `BoN_set` and `Pairwise_set`; `category_path` has the set, the goal and the scenario.
"""

from __future__ import annotations

from collections.abc import Iterator

from evals.loaders.item import Item, Suite
from evals.loaders.making import ByRow, numbered, ranked
from evals.loaders.rows import Row


def _items(row: Row) -> Iterator[Item]:
    is_list = "bon_best" in row.data
    better, worse = ("bon_best", "loser_list") if is_list else ("chosen", "reject")
    losers = row.parts(worse) if is_list else [row.part(worse)]
    task = {"messages": [_message(message) for message in row.parts("conversation_input")]}
    category = f"{_goal(row)}/{'best-of-n' if is_list else 'pair'}"
    best = row.part(better).text("answer", may_be_empty=True)
    yield ranked(
        numbered(row), category, task, [best], [one.text("answer", may_be_empty=True) for one in losers]
    )


def _goal(row: Row) -> str:
    _, _, path = str(row.data.get("category_path") or "").partition("/")
    return str(path.partition("/")[0] or row.data.get("goal") or row.path.parent.name)


def _message(message: Row) -> dict[str, str]:
    role = message.one_of("role", ("user", "assistant", "system"))
    return {"role": role, "content": message.text("content", may_be_empty=True)}


SUITE = Suite(
    name="rmb",
    decided_by="human",
    is_given=False,
    read=ByRow(_items, "**/*"),
    origin="github.com/Zhou-Zoey/RMB-Reward-Model-Benchmark, RMB_dataset",
    known_from="published files",
)

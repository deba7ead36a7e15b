"""Plan-RewardBench (2604.08178): pairs of whole trajectories with tool calls; files are its categories."""

from __future__ import annotations

from collections.abc import Iterator

from evals.loaders.item import Better, Item, Request, Suite
from evals.loaders.making import ByRow, numbered
from evals.loaders.rows import Row
from judge_agent.errors import InvalidRequest
from judge_agent.importers import request_from


def _items(row: Row) -> Iterator[Item]:
    try:
        imported = request_from("plan_rewardbench", row.data)
    except InvalidRequest as error:
        raise row.error(error.field.removeprefix("data.") or "data", error.message) from error
    chosen = frozenset(name for name, label in imported.labels.items() if label == "chosen")
    body = {name: imported.request[name] for name in ("task", "candidates")}
    yield Item(numbered(row), row.file, Request(body), Better(chosen))


SUITE = Suite(
    name="plan_rewardbench",
    decided_by="human",
    is_given=False,
    read=ByRow(_items),
    origin="github.com/wyy-1112/Plan-RewardBench, benchmark/",
    known_from="published files",
)

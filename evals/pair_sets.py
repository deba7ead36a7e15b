"""Sets of pairs with a known better one, as judgment requests: JudgeBench, LLMBar, Plan-RewardBench.

A request holds the task and both responses. The label, and all that tells of it, stays in the `Pair` beside it:
ids and order come from the pair's id or its contents, so that neither says which side is preferred.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from evals.pair_rows import Row, rows_of
from judge_agent.errors import InvalidRequest
from judge_agent.hashing import sha256_of
from judge_agent.importers import request_from
from judge_agent.schema import JudgmentRequest
from judge_agent.schema.refusals import message_of


@dataclass(frozen=True)
class Pair:
    """A task with two candidates. `chosen` is the id of the better one; it is in no request."""

    set: str
    id: str
    chosen: str
    body: dict[str, Any] = field(repr=False)

    def request(self, recipe: str, seconds: float) -> dict[str, Any]:
        """The body of `POST /v1/judgments`; `seconds` is its budget."""
        budget = {"seconds": seconds, "model_tokens": 10_000_000}
        return {**self.body, "recipe": recipe, "budget": budget, "cache": "no"}


class _Loaded(NamedTuple):
    id: str
    chosen: str
    body: dict[str, Any]


def load(name: str, data: Path, count: int) -> list[Pair]:
    """Take `count` pairs of a set from its files in turn; fewer where there are fewer.

    The choice follows from the pairs' ids alone: it is spread over a file however that is sorted, and a larger count
    holds every smaller one. All rows are read and checked first. Raises InvalidRequest naming file, line and field.
    """
    paths = _files(name, data / name)
    read = _SETS[name]
    shelves = []
    seen: dict[str, Row] = {}
    for path in paths:
        shelf = [(row, _checked(row, read)) for row in rows_of(path)]
        _refuse_twice(shelf, seen)
        shelves.append(sorted((one for _, one in shelf), key=lambda one: sha256_of(one.id)))
    in_turn = [one for round_ in zip_longest(*shelves) for one in round_ if one is not None]
    return [Pair(name, one.id, one.chosen, one.body) for one in in_turn[:count]]


def _files(name: str, folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InvalidRequest(
            str(folder), f"there is no such folder; name the sets that there are with --set (not {name})"
        )
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".jsonl"))
    if not paths:
        raise InvalidRequest(str(folder), "holds no .json and no .jsonl file")
    return paths


def _checked(row: Row, read: Callable[[Row], _Loaded]) -> _Loaded:
    """Read a row, and hold its request to the schema before anything is judged."""
    loaded = read(row)
    try:
        JudgmentRequest.model_validate(loaded.body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise row.error(".".join(map(str, first["loc"])), message_of(first)) from error
    return loaded


def _refuse_twice(shelf: Sequence[tuple[Row, _Loaded]], seen: dict[str, Row]) -> None:
    for row, one in shelf:
        if earlier := seen.get(one.id):
            raise row.error("pair_id", f"{one.id!r} stands in {earlier.path}, line {earlier.line} already")
        seen[one.id] = row


def _judgebench(row: Row) -> _Loaded:
    better = {"A>B": "response_A", "B>A": "response_B"}[row.one_of("label", ("A>B", "B>A"))]
    return _of_texts(row, row.text("pair_id"), "question", ("response_A", "response_B"), better)


def _llmbar(row: Row) -> _Loaded:
    better = f"output_{row.one_of('label', (1, 2))}"
    return _of_texts(row, _numbered(row), "input", ("output_1", "output_2"), better)


def _plan_rewardbench(row: Row) -> _Loaded:
    try:
        imported = request_from("plan_rewardbench", row.data)
    except InvalidRequest as error:
        raise row.error(error.field.removeprefix("data.") or "data", error.message) from error
    chosen = next(name for name, label in imported.labels.items() if label == "chosen")
    return _Loaded(_numbered(row), chosen, imported.request)


def _of_texts(row: Row, pair_id: str, task: str, sides: tuple[str, str], better: str) -> _Loaded:
    """A task and two answers that are texts. Which comes first is drawn by the pair's id."""
    prompt = row.text(task)
    # An empty answer is an answer: the judge has to cope with it.
    answers = {side: row.text(side, may_be_empty=True) for side in sides}
    order = list(sides)
    random.Random(f"{row.path.stem}:{pair_id}").shuffle(order)  # noqa: S311 - a reproducible order, no secret
    candidates = [
        {"id": f"c{place}", "trajectory": {"text": answers[side]}}
        for place, side in enumerate(order, start=1)
    ]
    body = {"task": {"prompt": prompt}, "candidates": candidates}
    return _Loaded(pair_id, f"c{order.index(better) + 1}", body)


def _numbered(row: Row) -> str:
    """The id of a pair that has none of its own: its place in its file."""
    return f"{row.path.stem}:{row.number}"


_SETS: dict[str, Callable[[Row], _Loaded]] = {
    "judgebench": _judgebench,
    "llmbar": _llmbar,
    "plan_rewardbench": _plan_rewardbench,
}
SETS = tuple(_SETS)

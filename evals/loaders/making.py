"""Parts of requests that the loaders share: candidates of texts in an order that tells nothing, turns of steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evals.loaders.item import Better, Entry, FirstError, Item, Label, Outcome, Request, ready
from evals.loaders.rows import Row, plain_name, rows_of
from judge_agent.errors import InvalidRequest
from judge_agent.hashing import sha256_of
from judge_agent.schema import JudgmentRequest
from judge_agent.schema.refusals import message_of

SUFFIXES = (".json", ".jsonl")


def ranked(
    item_id: str,
    category: str,
    task: Mapping[str, Any],
    better: Sequence[str],
    worse: Sequence[str],
    **more: Any,
) -> Item:
    """Answers that are texts. Ids are c1, c2, ...; the order follows from the texts alone, no label moves it."""
    sides = [(text, True) for text in better] + [(text, False) for text in worse]
    sides.sort(key=lambda side: sha256_of([item_id, side[0]]))
    named = [(f"c{place}", *side) for place, side in enumerate(sides, start=1)]
    candidates = [{"id": name, "trajectory": {"text": text}} for name, text, _ in named]
    chosen = frozenset(name for name, _, is_better in named if is_better)
    return Item(item_id, category, Request({"task": task, "candidates": candidates, **more}), Better(chosen))


def single(
    item_id: str,
    category: str,
    task: Mapping[str, Any],
    trajectory: Mapping[str, Any],
    label: Label,
    *,
    uploads: tuple[bytes | Path, ...] = (),
    **more: Any,
) -> Item:
    """One candidate, `c1`."""
    body = {"task": task, "candidates": [{"id": "c1", "trajectory": trajectory}], **more}
    return Item(item_id, category, Request(body, uploads), label)


def outcome(
    item_id: str, category: str, task: Mapping[str, Any], text: str, *, succeeded: bool, **more: Any
) -> Item:
    """One answer that is a text, right or not."""
    return single(item_id, category, task, {"text": text}, Outcome(succeeded), **more)


def stepped(
    item_id: str, category: str, task: Mapping[str, Any], steps: Sequence[str], first_error: int | None
) -> Item:
    """A solution in steps, each one assistant turn; asked is for its steps alone."""
    messages = [{"role": "assistant", "content": step} for step in steps]
    return single(
        item_id, category, task, {"messages": messages}, FirstError(first_error), granularity=["steps"]
    )


def files(folder: Path, pattern: str = "*") -> list[Path]:
    """The `.json` and `.jsonl` files of a folder, also compressed (`.gz`). Raises InvalidRequest where none is."""
    if not folder.is_dir():
        raise InvalidRequest(str(folder), "there is no such folder; say with --data where the sets are")
    paths = sorted(path for path in folder.glob(pattern) if plain_name(path).endswith(SUFFIXES))
    if not paths:
        kind = "" if pattern == "*" else f" of the name {pattern}"
        raise InvalidRequest(str(folder), f"holds no .json and no .jsonl file{kind}")
    return paths


def entries(rows: Iterable[tuple[Row, Sequence[Item]]]) -> Sequence[Entry]:
    """Entries of rows that are read; each request is held to the schema. Raises InvalidRequest naming the row."""
    seen: dict[str, Row] = {}
    made: list[Item] = []
    for row, items in rows:
        for item in items:
            if earlier := seen.get(item.id):
                raise row.error("id", f"{item.id!r} stands in {earlier.path}, line {earlier.line} already")
            seen[item.id] = row
            check(row, item)
            made.append(item)
    return list(ready(made))


def check(row: Row, item: Item) -> None:
    """Hold an item's request to the schema, before anything is judged. Raises InvalidRequest."""
    try:
        JudgmentRequest.model_validate(item.request.body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise row.error(".".join(map(str, first["loc"])), message_of(first)) from error


class ByRow:
    """Reads a folder whose files hold one row for each item, or for a few."""

    def __init__(self, items_of: Any, pattern: str = "*") -> None:
        self._items_of = items_of
        self._pattern = pattern

    def __call__(self, folder: Path, /) -> Sequence[Entry]:
        rows = (row for path in files(folder, self._pattern) for row in rows_of(path, folder))
        return entries((row, list(self._items_of(row))) for row in rows)


def numbered(row: Row) -> str:
    """The id of a row that has none of its own: its place in its file."""
    return f"{row.file}:{row.number}"

"""Who&When (2505.00212): failures of agent teams, with the step that is to blame.

A file is one object: `question`, `history` of `{content, name or role}`, and `mistake_step`, counted from 0 over the
history. `ground_truth`, `mistake_agent` and `mistake_reason` are the label's. What a person said is no step.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from evals.loaders.item import Entry, FirstError, Hub, Item, Suite
from evals.loaders.making import entries, files, single
from evals.loaders.rows import Row, rows_of
from judge_agent.errors import InvalidRequest

_PEOPLE = ("human", "user")


def _read(folder: Path, /) -> Sequence[Entry]:
    return entries((row, [_item(row, folder)]) for path in files(folder, "**/*") for row in _rows(path))


def _rows(path: Path) -> Iterator[Row]:
    if path.suffix == ".jsonl":
        yield from rows_of(path)
        return
    try:
        data = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise InvalidRequest(str(path), f"is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise InvalidRequest(str(path), "must be one object")
    yield Row(path, 1, 1, data)


def _item(row: Row, folder: Path) -> Item:
    turns, steps, step = row.parts("history"), list[int](), row.whole("mistake_step")
    messages = []
    for place, turn in enumerate(turns):
        who = str(turn.data.get("name") or turn.data.get("role") or "")
        text = turn.text("content", may_be_empty=True)
        if who.lower() in _PEOPLE:
            messages.append({"role": "user", "content": text})
        else:
            steps.append(place)
            messages.append({"role": "assistant", "name": who, "content": text})
    if step not in steps:
        row.refuse("mistake_step", f"the place of an agent's turn among {len(turns)}")
    name = "/".join(row.path.relative_to(folder).with_suffix("").parts)
    category = row.path.parent.name if row.path.parent != folder else row.path.stem
    return single(
        f"{name}:{row.number}",
        category,
        {"prompt": row.text("question")},
        {"messages": messages},
        FirstError(steps.index(step)),
        granularity=["steps"],
    )


SUITE = Suite(
    name="who_and_when",
    decided_by="human",
    is_given=False,
    read=_read,
    origin="github.com/mingyin1/Agents_Failure_Attribution, Who&When/{Algorithm-Generated,Hand-Crafted}/*.json",
    known_from="published description",
    hub=Hub("Kevin355/Who_and_When", ("train",)),
)

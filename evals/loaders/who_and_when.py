"""Who&When (2505.00212): failures of agent teams, with the step that is to blame.

A file is one object: `question`, `history` of `{content, name or role}`, and `mistake_step`, counted from 0 over the
history. `ground_truth`, `mistake_agent` and `mistake_reason` are the label's. What a person said is no step.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evals.loaders.item import Entry, FirstError, Hub, Item, Suite
from evals.loaders.making import entries, files, numbered, single
from evals.loaders.rows import Row, object_of, plain_name, rows_of

_PEOPLE = ("human", "user")


def _read(folder: Path, /) -> Sequence[Entry]:
    return entries((row, [_item(row)]) for path in files(folder, "**/*") for row in _rows(path, folder))


def _rows(path: Path, folder: Path) -> list[Row]:
    is_lines = plain_name(path).endswith(".jsonl")
    return rows_of(path, folder) if is_lines else [object_of(path, folder)]


def _item(row: Row) -> Item:
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
    folders, _, name = row.file.rpartition("/")
    return single(
        numbered(row),
        folders.rpartition("/")[2] or name,
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
    hub=Hub("Kevin355/Who_and_When", ("train",), ("Algorithm-Generated", "Hand-Crafted")),
)

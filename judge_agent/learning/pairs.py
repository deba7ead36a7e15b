"""Preferences: a task, the work that was chosen, the work that was rejected. Read from a file, one object a line.

{"prompt": "...", "chosen": "...", "rejected": "..."}
{"task": {...}, "chosen": {trajectory}, "rejected": {trajectory}}
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from judge_agent.errors import InvalidRequest, JudgeError
from judge_agent.hashing import sha256_of
from judge_agent.schema import JudgmentRequest
from judge_agent.schema.refusals import message_of
from judge_agent.text_files import text_of

MIN_PAIRS = 40
TRAIN_SHARE, HELD_OUT_SHARE = 0.5, 0.25


@dataclass(frozen=True)
class Pair:
    """One preference. `key` is the hash of its content, `task_key` that of its task."""

    task: dict[str, Any]
    chosen: dict[str, Any]
    rejected: dict[str, Any]

    @property
    def task_key(self) -> str:
        return sha256_of(self.task)

    @property
    def key(self) -> str:
        return sha256_of([self.task, self.chosen, self.rejected])

    @property
    def chosen_first(self) -> bool:
        """Which of the two comes first where both are shown: by their content, so that the place tells nothing."""
        return sha256_of(self.chosen) < sha256_of(self.rejected)


class Parts(NamedTuple):
    """Pairs by what they are used for; pairs of one task are in one part.

    `train` proposes and weighs, `held_out` decides what is kept, `test` says how good it is: no decision rests on it.
    """

    train: tuple[Pair, ...]
    held_out: tuple[Pair, ...]
    test: tuple[Pair, ...]


def read_pairs(path: Path) -> list[Pair]:
    """Read a file of preferences, equal lines once. Raises JudgeError that names the line, and for too few of them."""
    found: dict[str, Pair] = {}
    for number, line in enumerate(text_of(path).split("\n"), start=1):
        if line.strip():
            pair = _pair(line, f"{path}, line {number}")
            found.setdefault(pair.key, pair)
    if len(found) < MIN_PAIRS:
        raise InvalidRequest(
            str(path), f"{len(found)} different preferences are too few to learn from; {MIN_PAIRS} are needed"
        )
    return list(found.values())


def parted(pairs: Sequence[Pair], seed: int = 0) -> Parts:
    """Split into a half, a quarter and a quarter, by hash; all pairs of a task go together."""
    tasks = sorted({pair.task_key for pair in pairs}, key=lambda key: sha256_of([seed, key]))
    ends = [math.ceil(share * len(tasks)) for share in (TRAIN_SHARE, TRAIN_SHARE + HELD_OUT_SHARE)]
    place = {key: sum(index >= end for end in ends) for index, key in enumerate(tasks)}
    parts = [tuple(pair for pair in pairs if place[pair.task_key] == part) for part in range(3)]
    if not all(parts):
        raise InvalidRequest("FILE", f"{len(tasks)} different tasks are too few to hold some of them out")
    return Parts(*parts)


def _pair(line: str, where: str) -> Pair:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise JudgeError(f"{where}: no JSON: {error}") from error
    if (
        not isinstance(data, dict)
        or not {"chosen", "rejected"} <= set(data)
        or not {"task", "prompt"} & set(data)
    ):
        raise JudgeError(f"{where}: a preference has a task (or a prompt), chosen and rejected")
    task = data["task"] if "task" in data else {"prompt": data["prompt"]}
    chosen, rejected = (_trajectory(data[name]) for name in ("chosen", "rejected"))
    if chosen == rejected:
        raise JudgeError(f"{where}: chosen and rejected are equal: nothing is preferred")
    candidates = [{"id": "a", "trajectory": chosen}, {"id": "b", "trajectory": rejected}]
    try:
        JudgmentRequest.model_validate({"task": task, "candidates": candidates})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise JudgeError(f"{where}: {_field(first['loc'])}: {message_of(first)}") from error
    return Pair(task, chosen, rejected)


def _field(place: tuple[int | str, ...]) -> str:
    """Where something stands in the line: its sides are candidates only here."""
    if place[:1] == ("candidates",) and len(place) > 1:
        place = (("chosen", "rejected")[int(place[1])], *place[3:])
    return ".".join(map(str, place))


def _trajectory(given: Any) -> Any:
    return {"text": given} if isinstance(given, str) else given

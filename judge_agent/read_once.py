"""Keeps what was read in a trajectory beside it: each node asks for it, and thousands of messages take a second."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from judge_agent.schema.messages import Trajectory

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class _Kept:
    """What was found, and in which fields: a copy of a trajectory with other fields carries it along."""

    fields: tuple[object, ...]
    found: object

    def __eq__(self, other: object) -> bool:
        """Two trajectories are equal whether one of them was read or not."""
        return True

    __hash__ = None  # type: ignore[assignment]


def read_once(make: Callable[[Trajectory], T]) -> Callable[[Trajectory], T]:
    """Decorate the one function that reads trajectories, so that each is read once."""

    @functools.wraps(make)
    def reading(trajectory: Trajectory) -> T:
        fields = (trajectory.messages, trajectory.tools, trajectory.final_answer)
        kept = trajectory._read
        if isinstance(kept, _Kept) and all(a is b for a, b in zip(kept.fields, fields, strict=True)):
            return kept.found  # type: ignore[return-value]
        found = make(trajectory)
        trajectory._read = _Kept(fields, found)
        return found

    return reading

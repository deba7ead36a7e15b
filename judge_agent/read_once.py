"""Keeps what was read in a trajectory beside it: each node asks for it, and thousands of messages take a second."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar

from judge_agent.schema.messages import Trajectory

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class _Kept:
    """What was found by whom, and in which fields: a copy of a trajectory with other fields carries it along."""

    fields: tuple[object, ...]
    found: dict[Hashable, Any] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        """Two trajectories are equal whether one of them was read or not."""
        return True

    __hash__ = None  # type: ignore[assignment]


def read_once(make: Callable[Concatenate[Trajectory, P], T]) -> Callable[Concatenate[Trajectory, P], T]:
    """Decorate a pure function that reads trajectories, so that each is read once. Its other arguments are hashable."""

    @functools.wraps(make)
    def reading(trajectory: Trajectory, /, *args: P.args, **kwargs: P.kwargs) -> T:
        fields = (trajectory.messages, trajectory.tools, trajectory.final_answer, trajectory.artifacts)
        kept = trajectory._read
        if not isinstance(kept, _Kept) or any(
            one is not other for one, other in zip(kept.fields, fields, strict=True)
        ):
            trajectory._read = kept = _Kept(fields)
        key = (make, args, tuple(kwargs.items()))
        if key not in kept.found:
            kept.found[key] = make(trajectory, *args, **kwargs)
        found: T = kept.found[key]
        return found

    return reading

"""One part of `bench tools`: a tool's call beside the bare library doing the same, in turns in one run.

A part is a module with a `PART`: write the module, add it to `PARTS` in `evals/bench/tools.py`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

TOOL = "tool"
WARM_UP_TURNS = 3
MIN_TURNS = 5
Call = Callable[[int], Awaitable[object]]


class PartLacking(Exception):
    """This machine lacks what a part needs; the message says what, and how to get it."""


@dataclass(frozen=True)
class Part:
    """`open` makes both sides ready and closes them: calls by the number of their turn, `tool` and the bare library's.

    The p50 of `tool` must be below `bound_ms` milliseconds. `open` raises PartLacking.
    """

    name: str
    says: str
    bound_ms: float
    open: Callable[[], AbstractAsyncContextManager[Mapping[str, Call]]]


@dataclass
class Side:
    """How long each call of one side took, in milliseconds."""

    milliseconds: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float:
        return statistics.median(self.milliseconds)

    def told(self) -> dict[str, float]:
        ordered = sorted(self.milliseconds)
        p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        return {"calls": len(ordered), "p50_ms": round(self.p50, 3), "p99_ms": round(p99, 3)}


async def in_turns(part: Part, seconds: float) -> dict[str, Side]:
    """Call the sides one after the other for so long, at least five times each; the first turns are not counted."""
    async with part.open() as calls:
        sides = {name: Side() for name in calls}
        for turn in range(WARM_UP_TURNS):
            for call in calls.values():
                await call(turn)
        turn, until = 0, time.perf_counter() + seconds
        while turn < MIN_TURNS or time.perf_counter() < until:
            for name, call in calls.items():
                began = time.perf_counter()
                await call(turn)
                sides[name].milliseconds.append((time.perf_counter() - began) * 1000)
            turn += 1
    return sides


def as_json(part: Part, sides: Mapping[str, Side]) -> dict[str, Any]:
    """The figures of a part, and whether its bound holds."""
    tool = sides[TOOL]
    told: dict[str, Any] = {name: side.told() for name, side in sides.items()}
    return {**told, "bound_ms": part.bound_ms, "holds": tool.p50 < part.bound_ms}

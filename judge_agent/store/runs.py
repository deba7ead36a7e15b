"""What a store keeps of a trainer's runs: the pin that each is held to, one point per judged candidate, alarms.

A point is written in the transaction that ends its judgment, so that a judgment counts once however often it was
begun. Knows no database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

# How a point of a judgment that names no step is kept; callers see None.
NO_STEP = -1
# How the idempotency keys begin that are made of what is judged.
CONTENT_KEYS = "compat/"


@dataclass(frozen=True)
class Point:
    """What is kept of one judged candidate. What is not known is None, never a number in its place.

    `task_key` and `content_key` (signed, 64 bits) are the same for candidates of one task, and for those of one
    content.
    `vector` is JSON, `flags` are names by comma. `length` is in characters. Of `compared` principles, on which evidence
    and model both spoke, they disagreed on `disagreed`. `noise` is the variance of the score that the judge's own
    samples show. `seconds` and `tokens` are those of the whole judgment, kept with its first candidate alone.
    `rollout` tells candidates of one task and content apart (`told_apart`); `seed` is the request's.
    """

    task_key: int
    content_key: int
    recipe: str
    status: str
    failure_kind: str | None
    score: float | None
    reward: float | None
    vector: str
    confidence: float | None
    length: int
    flags: str
    compared: int
    disagreed: int
    is_cached: bool
    noise: float | None
    seconds: float | None
    tokens: int | None
    rollout: int = -1
    seed: int = 0


POINT_COLUMNS = (
    "task_key, content_key, recipe, status, failure_kind, score, reward, vector, confidence, length, flags, "
    "compared, disagreed, is_cached, noise, seconds, tokens, rollout, seed"
)


class RunEnd(NamedTuple):
    """The points of one judgment that has ended. `step` None: the trainer named none."""

    tenant: str
    run: str
    step: int | None
    points: tuple[Point, ...]


class Walked(NamedTuple):
    """What a walk through a run tells of a point: its place (by step, task, content, and then as it came), and all that
    the numbers of a run need. Of a million points each column counts, so that the rest is not read."""

    step: int
    task_key: int
    content_key: int
    sequence: int
    status: str
    failure_kind: str | None
    reward: float | None
    vector: str
    confidence: float | None
    length: int
    flags: str
    compared: int
    disagreed: int
    is_cached: bool
    noise: float | None
    seconds: float | None
    tokens: int | None
    rollout: int
    seed: int


WALK_COLUMNS = ", ".join(Walked._fields)


@dataclass(frozen=True)
class StoredRun:
    """A run. `pin` is JSON (what judges, by part), `answered` which server answered, `alarms` JSON of thresholds.

    `number` grows within the store; `created` and `pinned` are in Unix seconds.
    """

    number: int
    id: str
    created: float
    pin_sha256: str | None = None
    pin: str | None = None
    pinned: float | None = None
    answered: str | None = None
    alarms: str | None = None


class RunStore(Protocol):
    """The runs of every tenant. A run that is another tenant's is unknown. Every method raises StoreError."""

    async def get(self, tenant: str, run: str) -> StoredRun | None: ...

    async def opened(self, tenant: str, run: str) -> StoredRun:
        """Return a run, which is made where there is none."""
        ...

    async def list(self, tenant: str, *, limit: int = 20, cursor: int | None = None) -> tuple[StoredRun, ...]:
        """Return runs, newest first; `cursor` is the number before which to go on."""
        ...

    async def pin(self, tenant: str, run: str, sha256: str, parts: str) -> StoredRun:
        """Fix what judges a run, where nothing does yet; return the run with the pin that stands."""
        ...

    async def answered(self, tenant: str, run: str, by: str) -> str:
        """Note which server answered first in a run; return the note that stands."""
        ...

    async def set_alarms(self, tenant: str, run: str, alarms: str) -> None:
        """Keep the thresholds of a run (JSON), which is made where there is none."""
        ...

    async def steps(
        self,
        tenant: str,
        run: str,
        *,
        first: int = NO_STEP,
        last: int = 2**62,
        limit: int = 100,
        newest: bool,
    ) -> tuple[int, ...]:
        """Return up to `limit` steps of which there are points, in rising order: the lowest, or the `newest`."""
        ...

    async def points(
        self,
        tenant: str,
        run: str,
        *,
        first: int = NO_STEP,
        last: int = 2**62,
        after: Walked | None = None,
        limit: int = 10_000,
    ) -> tuple[Walked, ...]:
        """Return points of the steps from `first` to `last` behind `after`, in the order of the walk."""
        ...

    async def ring(self, tenant: str, run: str, step: int, name: str, at: float) -> bool:
        """Note that an alarm goes off at a step; true for who notes it first."""
        ...

    async def rung(self, tenant: str, run: str, *, first: int, last: int) -> Mapping[tuple[int, str], float]:
        """Return when the alarms of these steps were first noted, by step and name."""
        ...


def told_apart(point: Point, judgment_id: str, idempotency_key: str | None) -> Point:
    """The point with its rollout: one for each place in a group, and one for each post that has a key of its own.

    A place is not negative; -1 and below number the equal candidates of one judgment. A post without a key may be
    the same rollout again, and so may a facade's, whose key is made of the content.
    """
    if point.rollout >= 0 or idempotency_key is None or idempotency_key.startswith(CONTENT_KEYS):
        return point
    named = hashlib.sha256(f"{judgment_id}/{point.rollout}".encode()).digest()[:8]
    return replace(point, rollout=int.from_bytes(named, "big", signed=True))


def values_of(point: Point) -> tuple[object, ...]:
    """The columns of a point, in the order of POINT_COLUMNS."""
    return tuple(vars(point).values())

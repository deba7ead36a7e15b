"""What came of the rollouts of one prompt: what a trainer that cannot mask is given a mean of. Knows no database.

A row is begun when a rollout is accepted and ended when its judgment is, by whichever worker sees it first; every
worker reads the same. A failure may be followed by a score (a wait that was given up), never the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

# How long a row is of use: longer than any client goes on trying, shorter than a policy stays the same.
KEPT_SECONDS = 3600.0


@dataclass(frozen=True)
class SiblingEnd:
    """What one judgment gave. `reward` and `score` are None where the judge failed; `vector` has no nulls.

    `way` tells judges apart: means are never taken across two models, or two versions of a prompt. It is empty for a
    wait that was given up: nobody knows yet what the judge says. That is a failure while the judgment goes on, and
    then as unread as an end that nobody has waited for.
    """

    judgment_id: str
    reward: float | None = None
    score: float | None = None
    vector: Mapping[str, float] = field(default_factory=dict)
    way: str = ""

    @property
    def is_scored(self) -> bool:
        return self.reward is not None and self.score is not None


class Group(NamedTuple):
    """The newest scored rollouts of a group, newest first; the ids of those whose judgment has ended and was not read
    yet; and whether another one is still being judged."""

    scored: tuple[SiblingEnd, ...]
    unread: tuple[str, ...]
    is_open: bool


class Failures(NamedTuple):
    """How many of the last ends failed. A wait that was given up is among them until its judgment has ended."""

    failed: int
    ended: int


class Siblings(Protocol):
    """Every method raises StoreError; times are Unix seconds. Rows are forgotten after KEPT_SECONDS."""

    async def begin(self, tenant: str, group: str, judgment_id: str, at: float) -> None:
        """Say that a judgment is of a group. A second time changes nothing."""
        ...

    async def end(self, tenant: str, group: str, end: SiblingEnd, at: float) -> None:
        """Say what came of it, once for good where it is scored. A wait that was given up replaces no end."""
        ...

    async def group(self, tenant: str, group: str, *, but: str, since: float, limit: int) -> Group:
        """Return a group as it stands, without the judgment `but`; `limit` scored rollouts at most."""
        ...

    async def failures(self, tenant: str, *, since: float, limit: int) -> Failures:
        """Count the last `limit` ends of a tenant that are younger than `since`."""
        ...

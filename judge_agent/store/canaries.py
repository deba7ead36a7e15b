"""What is kept of canaries: judgments of the service's own with known answers, and how each came out last.

Shared by all workers: one judges a canary, every one knows of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

CanaryState = Literal["passed", "failed", "unknown"]


@dataclass(frozen=True)
class CanaryRow:
    """How one canary of one recipe came out last. Times are in Unix seconds.

    `state` is the last that was decided ("unknown" where none ever was), `since` is when it became so. A round that
    decides nothing leaves both and sets `unknown_since`, until one decides. `detail` holds numbers, no contents.
    """

    recipe: str
    name: str
    state: CanaryState
    since: float
    unknown_since: float | None
    at: float
    judgment_id: str
    detail: str


class Canaries(Protocol):
    """The rows of a store. Every method raises StoreError when the database fails."""

    async def all(self) -> tuple[CanaryRow, ...]:
        """Return every canary that has been judged, by recipe and name."""
        ...

    async def take(self, recipe: str, name: str, *, now: float, until: float) -> bool:
        """Take a canary's turn until that time; false where another worker has it."""
        ...

    async def settle(
        self, recipe: str, name: str, state: CanaryState, *, at: float, judgment_id: str, detail: str
    ) -> None:
        """Keep how a round came out, and give the turn back."""
        ...

    async def give_back(self, recipe: str, name: str) -> None:
        """Give a turn back in which nothing came out."""
        ...

"""The rows that a store keeps, and the Protocol that every store fulfils. Knows no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from judge_agent.errors import StoreError
from judge_agent.schema import State
from judge_agent.seams.storage import Journal, SharedResults


class IdempotencyConflict(StoreError):
    """One idempotency key came with two different bodies; `judgment_id` is the one it was first used for."""

    def __init__(self, key: str, judgment_id: str) -> None:
        super().__init__(
            f"the idempotency key {key!r} was used for another request, judgment {judgment_id!r}"
        )
        self.judgment_id = judgment_id


@dataclass(frozen=True)
class NewJudgment:
    """An accepted request. `request` and `metadata` are JSON, `created` is in Unix seconds.

    `body_sha256` tells whether a reused idempotency key came with the same body.
    """

    id: str
    tenant: str
    request: str
    created: float
    metadata: str = "{}"
    state: Literal["queued", "running"] = "queued"
    idempotency_key: str | None = None
    body_sha256: str = ""


@dataclass(frozen=True)
class StoredJudgment:
    """One row without its request, which is large and rarely wanted (`Store.request`).

    `judgment` is the JSON of the record once it has ended, None before. `elapsed_seconds` is the judgment's
    own clock when it was last heard of.
    """

    id: str
    tenant: str
    state: State
    metadata: str
    judgment: str | None
    created: float
    elapsed_seconds: float


class Accepted(NamedTuple):
    """`created` is false where the idempotency key had been used: then `row` is the earlier judgment."""

    row: StoredJudgment
    created: bool


class Unfinished(NamedTuple):
    """A judgment that must go on. `elapsed_seconds` is the later of its heartbeat and its journal."""

    id: str
    tenant: str
    state: State
    created: float
    elapsed_seconds: float


class Page(NamedTuple):
    """Judgments, newest first. `next_cursor` is None on the last page."""

    rows: tuple[StoredJudgment, ...]
    next_cursor: int | None


@dataclass(frozen=True)
class ApiKey:
    """A key at rest: its SHA-256 and its first characters, by which an operator tells keys apart."""

    id: str
    tenant: str
    sha256: str
    prefix: str
    created: float
    revoked: float | None = None


@dataclass(frozen=True)
class LogHead:
    """How far one segment of one log writer reaches: how many lines, and the hash of the last."""

    writer: str
    segment: str
    count: int
    head: str


class Store(Protocol):
    """What the service needs of a database. Every method raises StoreError when the database fails."""

    @property
    def journal(self) -> Journal: ...

    @property
    def shared(self) -> SharedResults: ...

    async def accept(self, new: NewJudgment) -> Accepted:
        """Keep an accepted request; it is on disk on return. Raises IdempotencyConflict."""
        ...

    async def earlier(self, tenant: str, idempotency_key: str, body_sha256: str) -> StoredJudgment | None:
        """Return the judgment that the key was used for, None for a new key. Raises IdempotencyConflict."""
        ...

    async def request(self, judgment_id: str) -> str:
        """Return the request's JSON. Raises StoreError for an unknown judgment."""
        ...

    async def start(self, judgment_id: str) -> bool:
        """Mark a queued judgment as running; false when it was not queued."""
        ...

    async def heartbeat(self, elapsed_seconds: Mapping[str, float]) -> None:
        """Note how long the running judgments have been judged; a clock never goes back."""
        ...

    async def finish(
        self,
        judgment_id: str,
        judgment: str,
        *,
        elapsed_seconds: float,
        state: Literal["done", "cancelled"] = "done",
    ) -> bool:
        """End a judgment, once: false (and nothing changed) when it had ended before."""
        ...

    async def get(self, judgment_id: str, tenant: str | None = None) -> StoredJudgment | None:
        """Return one judgment; None when it is unknown, or not the tenant's."""
        ...

    async def list(
        self, tenant: str, *, states: Sequence[State] = (), limit: int = 20, cursor: int | None = None
    ) -> Page: ...

    async def unfinished(self) -> tuple[Unfinished, ...]:
        """Return what must resume, oldest first."""
        ...

    async def add_key(self, key: ApiKey) -> None: ...

    async def keys(self) -> tuple[ApiKey, ...]: ...

    async def revoke_key(self, key_id: str, when: float) -> bool:
        """Revoke a key; false when there is none of that id that still works."""
        ...

    async def set_head(self, writer: str, segment: str, count: int, head: str) -> None:
        """Anchor a segment of the log; a count lower than the one kept changes nothing."""
        ...

    async def heads(self) -> tuple[LogHead, ...]:
        """Return every anchored segment in the order in which they were begun."""
        ...

    async def aclose(self) -> None: ...

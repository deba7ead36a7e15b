"""The rows that a store keeps, and the Protocol that every store fulfils. Knows no database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from judge_agent.errors import StoreError
from judge_agent.schema import State
from judge_agent.seams.storage import AuditEvent, Journal, SharedResults
from judge_agent.store.canaries import Canaries
from judge_agent.store.groups import Groups
from judge_agent.store.quotas import KeyLimits, Quotas
from judge_agent.store.runs import RunEnd, RunStore
from judge_agent.store.siblings import Siblings


class IdempotencyConflict(StoreError):
    """One idempotency key came with two different bodies; `judgment_id` is the one it was first used for."""

    def __init__(self, key: str, judgment_id: str) -> None:
        super().__init__(
            f"the idempotency key {key!r} was used for another request, judgment {judgment_id!r}"
        )
        self.judgment_id = judgment_id


class TooManyOpen(StoreError):
    """As many judgments are open as may be; nothing was kept."""

    def __init__(self, open_count: int, limit: int) -> None:
        super().__init__(f"{open_count} judgments are open, which is the limit ({limit})")
        self.open_count = open_count
        self.limit = limit


class Lease(NamedTuple):
    """The right of one worker to judge one judgment. `token` grows by one with each claim (a fencing token):
    whoever comes with an earlier one is refused every write."""

    judgment_id: str
    token: int


@dataclass(frozen=True)
class NewJudgment:
    """An accepted request. `request` and `metadata` are JSON, `created` is in Unix seconds.

    `body_sha256` tells whether a reused idempotency key came with the same body. `worker` claims it at once, for
    `lease_seconds`. `flight_key` is the same for requests that must get the same judgment: while one of them is open,
    the others wait for it. `cohort` names the group whose members are judged one after the other. `max_open` is how
    many judgments may be open in the whole store.

    `key_id` names the API key that it came by, and `limits` what that key may use. It counts for `count` judgments:
    the first of several that belong together counts for all of them, the others for none.
    """

    id: str
    tenant: str
    request: str
    created: float
    metadata: str = "{}"
    worker: str | None = None
    lease_seconds: float = 0.0
    idempotency_key: str | None = None
    body_sha256: str = ""
    flight_key: str | None = None
    cohort: str | None = None
    max_open: int | None = None
    key_id: str = ""
    limits: KeyLimits | None = None
    count: int = 1


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
    """`created` is false where the idempotency key had been used: then `row` is the earlier judgment.

    `lease` is there where the worker of the new row has claimed it; one that waits for its leader is not claimed.
    """

    row: StoredJudgment
    created: bool
    lease: Lease | None = None


class Claimed(NamedTuple):
    """A judgment that this worker judges now. `elapsed_seconds` is the later of its heartbeat and its journal.

    `resumed`: another claim came before, so that its journal may hold calls. `leader` is the judgment of the same
    request that this one has waited for. `is_cancelled`: somebody asked for its end.
    """

    lease: Lease
    tenant: str
    created: float
    elapsed_seconds: float
    resumed: bool
    leader: str | None = None
    is_cancelled: bool = False


class Renewed(NamedTuple):
    """Judgment ids: those whose lease is another's now, and those that somebody has asked to be cancelled."""

    lost: frozenset[str]
    cancelled: frozenset[str]


class Open(NamedTuple):
    """How many judgments wait and run, in the whole store."""

    queued: int
    running: int


class Happening(NamedTuple):
    """One thing that happened in a judgment: a line of its log without content. `number` grows within the store;
    `fields` is JSON, `at` is in Unix seconds."""

    number: int
    type: str
    node: str | None
    fields: str
    at: float


class Page(NamedTuple):
    """Judgments, newest first. `next_cursor` is None on the last page."""

    rows: tuple[StoredJudgment, ...]
    next_cursor: int | None


class Finished(NamedTuple):
    """What is known beside an end that was kept. True where the store does not look: then somebody has to.

    `others_wait`: a judgment is queued. `is_in_group`: the ended one is a member of a group.
    """

    others_wait: bool = True
    is_in_group: bool = True


# What a key may do: everything, or only have rollouts judged. A key in a URL must be of the second kind.
KeyScope = Literal["all", "judge"]


@dataclass(frozen=True)
class ApiKey:
    """A key at rest: its SHA-256 and its first characters, by which an operator tells keys apart."""

    id: str
    tenant: str
    sha256: str
    prefix: str
    created: float
    revoked: float | None = None
    scope: KeyScope = "all"


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

    @property
    def canaries(self) -> Canaries: ...

    @property
    def runs(self) -> RunStore: ...

    @property
    def siblings(self) -> Siblings: ...

    @property
    def quotas(self) -> Quotas: ...

    @property
    def groups(self) -> Groups: ...

    async def accept(self, new: NewJudgment) -> Accepted:
        """Keep an accepted request, counted for its key; it is committed on return. Raises IdempotencyConflict,
        TooManyOpen and QuotaExceeded."""
        ...

    @property
    def answers_at_once(self) -> bool:
        """Whether what a running judgment asks of it is done without waiting, but for the disk (`on_disk`)."""
        ...

    async def on_disk(self) -> None:
        """Wait until all that was committed before is on disk: no loss of power takes it along."""
        ...

    async def earlier(self, tenant: str, idempotency_key: str, body_sha256: str) -> StoredJudgment | None:
        """Return the judgment that the key was used for, None for a new key. Raises IdempotencyConflict."""
        ...

    async def request(self, judgment_id: str) -> str:
        """Return the request's JSON. Raises StoreError for an unknown judgment."""
        ...

    async def claim(self, worker: str, count: int, *, lease_seconds: float) -> tuple[Claimed, ...]:
        """Take up to `count` judgments that nobody holds: first those whose lease ran out, then queued ones, of every
        tenant in turn and of every key of a tenant in turn, cohort by cohort. One that follows an open leader waits."""
        ...

    async def renew(self, clocks: Mapping[Lease, float], *, lease_seconds: float) -> Renewed:
        """Prolong leases and note how long each judgment has been judged, in seconds; a clock never goes back."""
        ...

    async def release(self, clocks: Mapping[Lease, float]) -> None:
        """Give leases back, so that another worker goes on at once. Those that are another's now are left alone."""
        ...

    async def release_all(self) -> None:
        """Give every lease back. Only for who knows that no other worker runs."""
        ...

    async def pass_on(self, leader: str, *, created_after: float = 0.0) -> None:
        """Make the first judgment that waits for this one lead the others that do: its own end will not serve them.

        Only among those `created_after` then; the end does serve who has waited for longer."""
        ...

    async def cancel(self, judgment_id: str, *, worker: str, lease_seconds: float) -> Claimed | None:
        """Ask for a judgment's end. Where nobody holds it, it is claimed for `worker`, who then ends it; else its
        holder sees the wish when it renews, and None is returned, as for one that has ended."""
        ...

    async def finish(
        self,
        lease: Lease,
        judgment: str,
        *,
        elapsed_seconds: float,
        state: Literal["done", "cancelled"] = "done",
        points: RunEnd | None = None,
        tokens: int = 0,
    ) -> Finished | None:
        """End a judgment, once: None (and nothing changed) when it had ended, or another worker holds it.

        In the same transaction, `points` are what its run keeps of it, `tokens` of the model what it cost its key.
        """
        ...

    async def is_followed(self, judgment_id: str) -> bool:
        """Say whether an open judgment of the same request waits for this one's end."""
        ...

    async def ended(self, judgment_ids: Collection[str]) -> tuple[StoredJudgment, ...]:
        """Return those of the judgments that have ended."""
        ...

    async def open_count(self) -> Open: ...

    async def changed(self, timeout_seconds: float) -> None:
        """Wait until another process may have ended or queued a judgment, or the time is over."""
        ...

    async def get(self, judgment_id: str, tenant: str | None = None) -> StoredJudgment | None:
        """Return one judgment; None when it is unknown, or not the tenant's."""
        ...

    async def list(
        self, tenant: str, *, states: Sequence[State] = (), limit: int = 20, cursor: int | None = None
    ) -> Page: ...

    async def tell(self, events: Sequence[AuditEvent]) -> None:
        """Keep what happened, in this order, for who follows a judgment. Contents are not kept."""
        ...

    async def happenings(
        self, judgment_id: str, *, after: int = 0, limit: int = 500
    ) -> tuple[Happening, ...]:
        """Return what happened in a judgment after the number `after`, oldest first."""
        ...

    async def add_key(self, key: ApiKey) -> None: ...

    async def keys(self) -> tuple[ApiKey, ...]: ...

    async def revoke_key(self, key_id: str, when: float) -> bool:
        """Revoke a key; false when there is none of that id that still works."""
        ...

    async def set_head(self, writer: str, segment: str, count: int, head: str) -> bool:
        """Anchor a segment of the log; false, and nothing changes, for a lower count, or the same with another head."""
        ...

    async def last_segment(self, writer: str) -> str | None:
        """Return the segment of a writer with the highest number that is anchored; None where none is."""
        ...

    async def heads(self) -> tuple[LogHead, ...]:
        """Return every anchored segment in the order in which they were begun."""
        ...

    async def aclose(self) -> None: ...

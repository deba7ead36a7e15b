"""The rows of groups and of their members, and the Protocol that every store of them fulfils. Knows no database.

Deadlines are read from a clock of the store's own, in seconds: it stands still while no service runs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from judge_agent.schema import GroupState

if TYPE_CHECKING:
    from judge_agent.store.group_room import OpenGroups

# A gap between two beats of the clock counts for so much at most: more means that nobody was there.
MAX_GAP_SECONDS = 2.0
SETTLED = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class NewMember:
    """One member of a group, as a post brings it. `judgment_id` is there where it is judged by itself, `candidate`
    (JSON) where it waits for the others. `idempotency_key` and `body_sha256` are those of the post."""

    index: int
    candidate_id: str
    content_sha256: str
    judgment_id: str | None = None
    candidate: str | None = None
    idempotency_key: str | None = None
    body_sha256: str = ""


@dataclass(frozen=True)
class NewGroup:
    """The group that members join; it is kept with the first of them.

    `agreed` (JSON) is what all members must have alike, `request` (JSON) what they are judged by together. `is_joint`:
    one judgment for all. `deadline_seconds` after its start the group is looked at, `limit_seconds` after it ends.
    `max_open` is how many groups may be open in the whole store, of which a tenant has its share where it `is_shared`;
    `max_waiting_bytes` what members that wait for each other may weigh together (ASCII JSON).
    """

    id: str
    tenant: str
    group_id: str | None
    attempt: int
    size: int
    is_joint: bool
    agreed: str
    request: str
    created: float
    deadline_seconds: float
    limit_seconds: float
    max_open: int | None = None
    is_shared: bool = False
    max_waiting_bytes: int | None = None


@dataclass(frozen=True)
class Seat:
    """What came of joining. `seated`; `late`: after the group had settled; `earlier`: all had been seated before;
    `partly`: some had, others not; `taken`: the index is another candidate's; `disagrees`: the group's members have
    something else in common; `closed`: the group takes nobody any more. `index` is that of the first member,
    `judgment_id` its judgment."""

    outcome: Literal["seated", "late", "earlier", "taken", "partly", "disagrees", "closed"]
    id: str
    index: int
    judgment_id: str | None


@dataclass(frozen=True)
class StoredGroup:
    """One row. `seconds` is the group's age by the store's clock, `is_due` whether its deadline is over, `is_over`
    whether the longest time that a group may take is. `record` (JSON) is there once it has settled. `revision` grows
    with everything that changes what its members are: who settles names the one that was looked at (fencing)."""

    id: str
    tenant: str
    group_id: str | None
    attempt: int
    size: int
    state: GroupState
    is_joint: bool
    agreed: str
    record: str | None
    created: float
    revision: int
    seconds: float
    is_due: bool
    is_over: bool


@dataclass(frozen=True)
class StoredMember:
    """One member; `judgment_state` is None where its judgment is not there yet."""

    index: int
    candidate_id: str
    content_sha256: str
    judgment_id: str | None
    is_late: bool
    judgment_state: str | None

    @property
    def has_ended(self) -> bool:
        return self.judgment_state in ("done", "cancelled")


class Groups(Protocol):
    """What the service keeps of groups. Every method raises StoreError when the database fails."""

    async def join(self, group: NewGroup, members: Sequence[NewMember]) -> Seat:
        """Seat members, all or none, and keep the group where they are its first; on disk on return.

        Raises IdempotencyConflict, TooManyOpen where no more groups may be open (ShareTaken: for this tenant), and
        TooMuchWaits.
        """
        ...

    async def earlier(self, tenant: str, idempotency_key: str, body_sha256: str) -> Seat | None:
        """Return where an earlier post of this key is seated, None for a new key. Raises IdempotencyConflict."""
        ...

    async def note_key(self, tenant: str, idempotency_key: str, body_sha256: str, seat: Seat) -> None:
        """Keep the key of a post whose members were seated before it came. Raises IdempotencyConflict."""
        ...

    async def find(self, tenant: str, group_id: str) -> tuple[StoredGroup, ...]:
        """Return every attempt of a group, the latest first, at most 100."""
        ...

    async def get(self, id: str, tenant: str | None = None) -> StoredGroup | None: ...

    async def members(self, id: str) -> tuple[StoredMember, ...]:
        """Return the members in the order of their indices, late ones too."""
        ...

    async def request(self, id: str) -> str:
        """Return what the group is judged by: its request without candidates."""
        ...

    async def candidates(self, id: str) -> tuple[tuple[int, str], ...]:
        """Return index and candidate (JSON) of each member that waits for a joint judgment."""
        ...

    async def of_judgments(self, judgment_ids: Collection[str]) -> tuple[str, ...]:
        """Return the open groups that any of these judgments belongs to."""
        ...

    async def restart_clock(self) -> None:
        """Leave out the time since the last beat. Only for who knows that no other service runs."""
        ...

    async def due(self, limit: int) -> tuple[str, ...]:
        """Let the clock go on; return open groups for which there is something to do: up to `limit` that go on by it,
        oldest first, then up to `limit` whose judgment is to begin, each tenant's in turn."""
        ...

    async def close(self, id: str, revision: int) -> bool:
        """Let nobody in any more, and end at the longest time only; false where the group has changed meanwhile."""
        ...

    async def begun(self, id: str, judgment_id: str) -> None:
        """Note the one judgment of all members that are in time."""
        ...

    async def settle(self, id: str, revision: int, state: GroupState, record: str) -> bool:
        """End a group, once; false (and nothing changed) where it had ended, or has changed since it was looked at."""
        ...

    async def unlogged(self, older_than_seconds: float) -> tuple[str, ...]:
        """Return settled groups whose end is not in the log although it should be by now."""
        ...

    async def logged(self, id: str) -> bool:
        """Note that the end is in the log; false where it was noted before."""
        ...

    async def settled(self, ids: Collection[str]) -> tuple[str, ...]:
        """Return those of the groups that have settled."""
        ...

    async def open_counts(self) -> dict[str, int]:
        """Return how many groups are open and judging, by state."""
        ...

    async def open_of(self, tenant: str) -> OpenGroups:
        """Return how many groups are open, this tenant's and all."""
        ...

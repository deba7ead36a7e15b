"""What the tests of both stores begin with: rows, leases and entries, and a way to open a store once more."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from judge_agent.seams.storage import JournalEntry
from judge_agent.store import Claimed, Lease, NewJudgment, SqliteStore, Store
from judge_agent.store.postgres import PostgresStore


@dataclass(frozen=True)
class Place:
    """Where a store lies: a file, or the URL of a PostgreSQL database."""

    path: Path
    url: str | None = None

    def opened(self) -> AbstractAsyncContextManager[Store]:
        """The store as another process opens it beside the first."""
        if self.url is None:
            return SqliteStore.opened(self.path, exclusive=False)
        return PostgresStore.opened(self.url)


def new(id: str, **changes: object) -> NewJudgment:
    return NewJudgment(**{"id": id, "tenant": "ada", "request": "{}", "created": 1.0} | changes)  # type: ignore[arg-type]


def entry(key: str, seconds: float = 1.0) -> JournalEntry:
    return JournalEntry(key, "critique", "model", {"answer": key}, seconds)


async def accepted(store: Store, id: str, *, lease_seconds: float = 60.0, **changes: object) -> Lease:
    """Accept a judgment that the worker w1 claims at once."""
    found = await store.accept(new(id, worker="w1", lease_seconds=lease_seconds, **changes))
    assert found.lease is not None
    return found.lease


async def queued(store: Store, *ids: str, **changes: object) -> None:
    for id in ids:
        assert (await store.accept(new(id, **changes))).lease is None


async def claimed(store: Store, count: int = 99, *, worker: str = "w2") -> list[str]:
    """Claim for a minute; return the ids in the order in which the store gave them."""
    return ids_of(await store.claim(worker, count, lease_seconds=60.0))


def ids_of(found: tuple[Claimed, ...]) -> list[str]:
    return [one.lease.judgment_id for one in found]

"""The store on one SQLite file. The journal and the shared results live in the same file."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from judge_agent.errors import StoreError
from judge_agent.journal import SqliteJournal, SqliteSharedResults, as_json
from judge_agent.schema import State
from judge_agent.seams.storage import AuditEvent
from judge_agent.store import leasing, sqlite_runs
from judge_agent.store.database import Database
from judge_agent.store.quotas import QuotaExceeded
from judge_agent.store.records import (
    Accepted,
    ApiKey,
    Claimed,
    Finished,
    Happening,
    Lease,
    LogHead,
    NewJudgment,
    Open,
    Page,
    Renewed,
    StoredJudgment,
)
from judge_agent.store.runs import RunEnd
from judge_agent.store.sqlite_canaries import SqliteCanaries
from judge_agent.store.sqlite_groups import SqliteGroups
from judge_agent.store.sqlite_quotas import SqliteQuotas
from judge_agent.store.sqlite_siblings import SqliteSiblings

LOOK_AGAIN_SECONDS = 0.1
# A page ends early when its rows weigh this much, so that large records do not add up in memory.
MAX_PAGE_CHARS = 16_000_000


class SqliteStore:
    """Fulfils `Store`. Open it with `SqliteStore.opened(path)`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.journal = SqliteJournal(database)
        self.shared = SqliteSharedResults(database)
        self.canaries = SqliteCanaries(database)
        self.runs = sqlite_runs.SqliteRuns(database)
        self.siblings = SqliteSiblings(database)
        self.quotas = SqliteQuotas(database)
        self.groups = SqliteGroups(database)

    @classmethod
    @asynccontextmanager
    async def opened(cls, path: Path | None, *, exclusive: bool = True) -> AsyncIterator[SqliteStore]:
        """Open the store at `path` (None: in memory) and close it at the end. Raises StoreError."""
        database = Database(path, exclusive=exclusive)
        await database.open()
        try:
            yield cls(database)
        finally:
            await database.aclose()

    async def aclose(self) -> None:
        await self._database.aclose()

    async def accept(self, new: NewJudgment) -> Accepted:
        found = await self._database.at_once(lambda connection: leasing.accept(connection, new))
        if isinstance(found, QuotaExceeded):
            raise found
        return found

    async def earlier(self, tenant: str, idempotency_key: str, body_sha256: str) -> StoredJudgment | None:
        return await self._database.run(
            lambda connection: leasing.earlier_of(connection, tenant, idempotency_key, body_sha256)
        )

    async def request(self, judgment_id: str) -> str:
        rows = await self._database.fetch("SELECT request FROM judgments WHERE id = ?", judgment_id)
        if not rows:
            raise StoreError(f"there is no judgment {judgment_id!r}")
        return str(rows[0][0])

    async def claim(self, worker: str, count: int, *, lease_seconds: float) -> tuple[Claimed, ...]:
        return await self._database.run(
            lambda connection: leasing.claim(connection, worker, count, lease_seconds)
        )

    async def renew(self, clocks: Mapping[Lease, float], *, lease_seconds: float) -> Renewed:
        return await self._database.run(lambda connection: leasing.renew(connection, clocks, lease_seconds))

    async def release(self, clocks: Mapping[Lease, float]) -> None:
        await self._database.run(lambda connection: leasing.release(connection, clocks))

    async def release_all(self) -> None:
        await self._database.execute("UPDATE judgments SET lease_until = 0 WHERE state = 'running'")

    async def pass_on(self, leader: str, *, created_after: float = 0.0) -> None:
        await self._database.run(lambda connection: leasing.pass_on(connection, leader, created_after))

    async def cancel(self, judgment_id: str, *, worker: str, lease_seconds: float) -> Claimed | None:
        return await self._database.run(
            lambda connection: leasing.cancel(connection, judgment_id, worker, lease_seconds)
        )

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
        def end(connection: sqlite3.Connection) -> Finished | None:
            finished = leasing.finish(connection, lease, judgment, state, elapsed_seconds, tokens)
            if finished is not None and points is not None:
                sqlite_runs.add(connection, lease.judgment_id, points)
            return finished

        return await self._database.at_once(end)

    @property
    def answers_at_once(self) -> bool:
        return self._database.answers_at_once

    async def on_disk(self) -> None:
        await self._database.on_disk()

    async def is_followed(self, judgment_id: str) -> bool:
        rows = await self._database.fetch(
            "SELECT 1 FROM judgments WHERE leader = ? AND state = 'queued' LIMIT 1", judgment_id
        )
        return bool(rows)

    async def ended(self, judgment_ids: Collection[str]) -> tuple[StoredJudgment, ...]:
        marks = ", ".join("?" * len(judgment_ids))
        rows = await self._database.fetch(
            f"SELECT {leasing.COLUMNS} FROM judgments WHERE id IN ({marks}) AND state IN ('done', 'cancelled')",  # noqa: S608
            *judgment_ids,
        )
        return tuple(StoredJudgment(*row) for row in rows)

    async def open_count(self) -> Open:
        return await self._database.run(leasing.open_count)

    async def changed(self, timeout_seconds: float) -> None:
        """SQLite tells nobody of changes: whoever waits looks again after a short time."""
        await asyncio.sleep(min(timeout_seconds, LOOK_AGAIN_SECONDS))

    async def get(self, judgment_id: str, tenant: str | None = None) -> StoredJudgment | None:
        rows = await self._database.fetch(
            f"SELECT {leasing.COLUMNS} FROM judgments WHERE id = ?",  # noqa: S608 - a constant
            judgment_id,
        )
        if not rows or (tenant is not None and rows[0][1] != tenant):
            return None
        return StoredJudgment(*rows[0])

    async def list(
        self, tenant: str, *, states: Sequence[State] = (), limit: int = 20, cursor: int | None = None
    ) -> Page:
        return await self._database.run(
            lambda connection: _page(connection, tenant, tuple(states), limit, cursor)
        )

    async def tell(self, events: Sequence[AuditEvent]) -> None:
        now = time.time()
        rows = [
            (one.judgment_id, one.type, one.node, as_json(one.fields, f"event {one.type!r}"), now)
            for one in events
        ]
        await self._database.along(lambda connection: connection.executemany(_TELL, rows) and None)

    async def happenings(
        self, judgment_id: str, *, after: int = 0, limit: int = 500
    ) -> tuple[Happening, ...]:
        rows = await self._database.fetch(_HAPPENINGS, judgment_id, after, limit)
        return tuple(Happening(*row) for row in rows)

    async def add_key(self, key: ApiKey) -> None:
        await self._database.execute(
            "INSERT INTO api_keys (id, tenant, sha256, prefix, created, revoked, scope) VALUES (?, ?, ?, ?, ?, ?, ?)",
            key.id,
            key.tenant,
            key.sha256,
            key.prefix,
            key.created,
            key.revoked,
            key.scope,
        )

    async def keys(self) -> tuple[ApiKey, ...]:
        rows = await self._database.fetch(
            "SELECT id, tenant, sha256, prefix, created, revoked, scope FROM api_keys ORDER BY created, id"
        )
        return tuple(ApiKey(*row) for row in rows)

    async def revoke_key(self, key_id: str, when: float) -> bool:
        changed = await self._database.execute(
            "UPDATE api_keys SET revoked = ? WHERE id = ? AND revoked IS NULL", when, key_id
        )
        return changed == 1

    async def set_head(self, writer: str, segment: str, count: int, head: str) -> bool:
        values = (writer, segment, count, head)
        kept = await self._database.along(
            lambda connection: connection.execute(_SET_HEAD, values).rowcount == 1
        )
        await self._database.on_disk()
        return kept

    async def last_segment(self, writer: str) -> str | None:
        rows = await self._database.fetch(_LAST_SEGMENT, writer)
        return rows[0][0] if rows else None

    async def heads(self) -> tuple[LogHead, ...]:
        rows = await self._database.fetch("SELECT writer, segment, count, head FROM log_heads ORDER BY rowid")
        return tuple(LogHead(*row) for row in rows)


_TELL = "INSERT INTO happenings (judgment_id, type, node, fields, at) VALUES (?, ?, ?, ?, ?)"
_HAPPENINGS = """
SELECT number, type, node, fields, at FROM happenings WHERE judgment_id = ? AND number > ? ORDER BY number LIMIT ?
"""
_SET_HEAD = """
INSERT INTO log_heads (writer, segment, count, head) VALUES (?, ?, ?, ?)
ON CONFLICT (writer, segment) DO UPDATE SET count = excluded.count, head = excluded.head
WHERE excluded.count > log_heads.count OR (excluded.count = log_heads.count AND excluded.head = log_heads.head)
"""
_LAST_SEGMENT = """
SELECT segment FROM log_heads WHERE writer = ? ORDER BY length(segment) DESC, segment DESC LIMIT 1
"""


def _page(
    connection: sqlite3.Connection, tenant: str, states: tuple[State, ...], limit: int, cursor: int | None
) -> Page:
    """Read one row more than the page holds, to know whether another page follows."""
    marks = ", ".join("?" * len(states))
    query = (
        f"SELECT sequence, {leasing.COLUMNS} FROM judgments WHERE tenant = ? AND sequence < ?"  # noqa: S608
        + (f" AND state IN ({marks})" if states else "")
        + " ORDER BY sequence DESC LIMIT ?"
    )
    last, rows, weight = 0, list[StoredJudgment](), 0
    for sequence, *values in connection.execute(query, (tenant, cursor or 2**62, *states, limit + 1)):
        row = StoredJudgment(*values)
        weight += len(row.metadata) + len(row.judgment or "")
        if rows and (len(rows) == limit or weight > MAX_PAGE_CHARS):
            return Page(tuple(rows), last)
        rows.append(row)
        last = sequence
    return Page(tuple(rows), None)

"""The store on one SQLite file. The journal and the shared results live in the same file."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from judge_agent.errors import StoreError
from judge_agent.journal import SqliteJournal, SqliteSharedResults
from judge_agent.schema import State
from judge_agent.store.database import Database
from judge_agent.store.records import (
    Accepted,
    ApiKey,
    IdempotencyConflict,
    LogHead,
    NewJudgment,
    Page,
    StoredJudgment,
    Unfinished,
)

_COLUMNS = "id, tenant, state, metadata, judgment, created, elapsed_seconds"
# A page ends early when its rows weigh this much, so that large records do not add up in memory.
MAX_PAGE_CHARS = 16_000_000


class SqliteStore:
    """Fulfils `Store`. Open it with `SqliteStore.opened(path)`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.journal = SqliteJournal(database)
        self.shared = SqliteSharedResults(database)

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
        return await self._database.run(lambda connection: _accept(connection, new))

    async def earlier(self, tenant: str, idempotency_key: str, body_sha256: str) -> StoredJudgment | None:
        return await self._database.run(
            lambda connection: _earlier(connection, tenant, idempotency_key, body_sha256)
        )

    async def request(self, judgment_id: str) -> str:
        rows = await self._database.fetch("SELECT request FROM judgments WHERE id = ?", judgment_id)
        if not rows:
            raise StoreError(f"there is no judgment {judgment_id!r}")
        return str(rows[0][0])

    async def start(self, judgment_id: str) -> bool:
        changed = await self._database.execute(
            "UPDATE judgments SET state = 'running' WHERE id = ? AND state = 'queued'", judgment_id
        )
        return changed == 1

    async def heartbeat(self, elapsed_seconds: Mapping[str, float]) -> None:
        rows = [(seconds, judgment_id, seconds) for judgment_id, seconds in elapsed_seconds.items()]
        await self._database.run(lambda connection: _beat(connection, rows))

    async def finish(
        self,
        judgment_id: str,
        judgment: str,
        *,
        elapsed_seconds: float,
        state: Literal["done", "cancelled"] = "done",
    ) -> bool:
        changed = await self._database.execute(
            "UPDATE judgments SET state = ?, judgment = ?, elapsed_seconds = ? "
            "WHERE id = ? AND state IN ('queued', 'running')",
            state,
            judgment,
            elapsed_seconds,
            judgment_id,
        )
        return changed == 1

    async def get(self, judgment_id: str, tenant: str | None = None) -> StoredJudgment | None:
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM judgments WHERE id = ?",  # noqa: S608 - a constant
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

    async def unfinished(self) -> tuple[Unfinished, ...]:
        return tuple(Unfinished(*row) for row in await self._database.fetch(_UNFINISHED))

    async def add_key(self, key: ApiKey) -> None:
        await self._database.execute(
            "INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?)",
            key.id,
            key.tenant,
            key.sha256,
            key.prefix,
            key.created,
            key.revoked,
        )

    async def keys(self) -> tuple[ApiKey, ...]:
        rows = await self._database.fetch(
            "SELECT id, tenant, sha256, prefix, created, revoked FROM api_keys ORDER BY created, id"
        )
        return tuple(ApiKey(*row) for row in rows)

    async def revoke_key(self, key_id: str, when: float) -> bool:
        changed = await self._database.execute(
            "UPDATE api_keys SET revoked = ? WHERE id = ? AND revoked IS NULL", when, key_id
        )
        return changed == 1

    async def set_head(self, writer: str, segment: str, count: int, head: str) -> None:
        await self._database.execute(_SET_HEAD, writer, segment, count, head)

    async def heads(self) -> tuple[LogHead, ...]:
        rows = await self._database.fetch("SELECT writer, segment, count, head FROM log_heads ORDER BY rowid")
        return tuple(LogHead(*row) for row in rows)


_UNFINISHED = """
SELECT id, tenant, state, created, max(elapsed_seconds, coalesce(
    (SELECT max(journal.elapsed_seconds) FROM journal WHERE journal.judgment_id = judgments.id), 0))
FROM judgments WHERE state IN ('queued', 'running') ORDER BY sequence
"""
_SET_HEAD = """
INSERT INTO log_heads (writer, segment, count, head) VALUES (?, ?, ?, ?)
ON CONFLICT (writer, segment) DO UPDATE SET count = excluded.count, head = excluded.head
WHERE excluded.count >= log_heads.count
"""


def _accept(connection: sqlite3.Connection, new: NewJudgment) -> Accepted:
    if new.idempotency_key is not None:
        earlier = _earlier(connection, new.tenant, new.idempotency_key, new.body_sha256)
        if earlier is not None:
            return Accepted(earlier, created=False)
    connection.execute(
        "INSERT INTO judgments (id, tenant, state, request, metadata, created, idempotency_key, body_sha256) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new.id,
            new.tenant,
            new.state,
            new.request,
            new.metadata,
            new.created,
            new.idempotency_key,
            new.body_sha256,
        ),
    )
    row = StoredJudgment(new.id, new.tenant, new.state, new.metadata, None, new.created, 0.0)
    return Accepted(row, created=True)


def _earlier(
    connection: sqlite3.Connection, tenant: str, idempotency_key: str, body_sha256: str
) -> StoredJudgment | None:
    row = connection.execute(
        f"SELECT {_COLUMNS}, body_sha256 FROM judgments WHERE tenant = ? AND idempotency_key = ?",  # noqa: S608
        (tenant, idempotency_key),
    ).fetchone()
    if row is None:
        return None
    if row[-1] != body_sha256:
        raise IdempotencyConflict(idempotency_key, row[0])
    return StoredJudgment(*row[:-1])


def _beat(connection: sqlite3.Connection, rows: Sequence[tuple[float, str, float]]) -> None:
    connection.executemany(
        "UPDATE judgments SET elapsed_seconds = ? WHERE id = ? AND state = 'running' AND elapsed_seconds < ?",
        rows,
    )


def _page(
    connection: sqlite3.Connection, tenant: str, states: tuple[State, ...], limit: int, cursor: int | None
) -> Page:
    """Read one row more than the page holds, to know whether another page follows."""
    marks = ", ".join("?" * len(states))
    query = (
        f"SELECT sequence, {_COLUMNS} FROM judgments WHERE tenant = ? AND sequence < ?"  # noqa: S608
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

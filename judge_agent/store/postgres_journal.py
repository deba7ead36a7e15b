"""The journal and the shared results on PostgreSQL. What arrives together is appended by one statement."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from judge_agent.errors import StoreError
from judge_agent.journal import as_json, lease_lost, written
from judge_agent.seams.storage import JournalEntry
from judge_agent.store.batching import Batches
from judge_agent.store.postgres_pool import PostgresPool, Session

# The rows of judgments are locked until the entries are kept: whoever takes a judgment over either comes before, and
# refuses them, or after, and finds them. The order of locks is the same for all.
_APPEND = """
WITH given AS (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::double precision[], $7::bigint[]
    ) WITH ORDINALITY AS given (judgment_id, key, node, kind, result, elapsed_seconds, lease, place)
), held AS MATERIALIZED (
    SELECT id, lease FROM judgments
    WHERE state = 'running' AND id IN (SELECT judgment_id FROM given WHERE lease IS NOT NULL)
    ORDER BY id FOR SHARE
), kept AS (
    INSERT INTO journal (judgment_id, key, node, kind, result, elapsed_seconds)
    SELECT judgment_id, key, node, kind, result, elapsed_seconds
    FROM given LEFT JOIN held ON held.id = given.judgment_id
    WHERE given.lease IS NULL OR given.lease = held.lease
    ORDER BY place
    ON CONFLICT DO NOTHING
)
SELECT coalesce(given.lease IS NULL OR given.lease = held.lease, false)
FROM given LEFT JOIN held ON held.id = given.judgment_id ORDER BY place
"""


class _Append(NamedTuple):
    judgment_id: str
    key: str
    node: str
    kind: str
    result: str
    elapsed_seconds: float
    lease: int | None


class PostgresJournal:
    """Fulfils `seams.storage.Journal`. The first result of a key is the one that stays."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool
        self._appends: Batches[_Append, None] = Batches(
            self._append_all, weight=lambda item: len(item.result)
        )

    async def load(self, judgment_id: str) -> Mapping[str, JournalEntry]:
        rows = await self._pool.fetch(
            "SELECT key, node, kind, result, elapsed_seconds FROM journal "
            "WHERE judgment_id = $1 ORDER BY sequence",
            judgment_id,
        )
        return {
            key: JournalEntry(key, node, kind, json.loads(result), elapsed)
            for key, node, kind, result, elapsed in rows
        }

    async def append(self, judgment_id: str, entry: JournalEntry, *, lease: int | None = None) -> None:
        result = written(entry)
        await self._appends.add(
            _Append(judgment_id, entry.key, entry.node, entry.kind, result, entry.elapsed_seconds, lease)
        )

    async def held(self, judgment_id: str, lease: int) -> None:
        rows = await self._pool.fetch(
            "SELECT 1 FROM judgments WHERE id = $1 AND lease = $2 AND state = 'running'", judgment_id, lease
        )
        if not rows:
            raise lease_lost(judgment_id, lease)

    async def aclose(self) -> None:
        """Wait until what was given is kept, or has failed."""
        await self._appends.aclose()

    async def _append_all(self, items: Sequence[_Append]) -> list[StoreError | None]:
        columns = [list(column) for column in zip(*items, strict=True)]
        rows = await self._pool.fetch(_APPEND, *columns)
        return [
            None if row[0] or item.lease is None else lease_lost(item.judgment_id, item.lease)
            for item, row in zip(items, rows, strict=True)
        ]


class PostgresSharedResults:
    """Fulfils `seams.storage.SharedResults`."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def get(self, tenant: str, key: str) -> Mapping[str, Any] | None:
        rows = await self._pool.fetch(_SHARED, tenant, key)
        return dict(json.loads(rows[0][0])) if rows else None

    async def put(
        self, tenant: str, key: str, value: Mapping[str, Any], *, replace: bool = False
    ) -> Mapping[str, Any]:
        text = as_json(value, f"shared result {key!r}")

        async def keep(session: Session) -> str:
            rows = await session.fetch(_REPLACE if replace else _PUT, tenant, key, text)
            rows = rows or await session.fetch(_SHARED, tenant, key)
            return str(rows[0][0]) if rows else text

        return dict(json.loads(await self._pool.run(keep)))

    async def drop(self, tenant: str, key: str, value: Mapping[str, Any]) -> None:
        text = as_json(value, f"shared result {key!r}")
        await self._pool.run(lambda session: session.fetch(_DROP, tenant, key, text))


_DROP = "DELETE FROM shared_results WHERE tenant = $1 AND key = $2 AND value = $3"
_PUT = """
INSERT INTO shared_results (tenant, key, value) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING value
"""
_REPLACE = """
INSERT INTO shared_results (tenant, key, value) VALUES ($1, $2, $3)
ON CONFLICT (tenant, key) DO UPDATE SET value = excluded.value RETURNING value
"""
_SHARED = "SELECT value FROM shared_results WHERE tenant = $1 AND key = $2"

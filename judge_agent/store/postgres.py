"""The store on PostgreSQL, for several services that judge from one queue."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Literal

from judge_agent.errors import StoreError
from judge_agent.journal import as_json
from judge_agent.schema import State
from judge_agent.seams.storage import AuditEvent
from judge_agent.store import postgres_leasing as leasing
from judge_agent.store import postgres_runs
from judge_agent.store.batching import Batches, Unreachable
from judge_agent.store.postgres_canaries import PostgresCanaries
from judge_agent.store.postgres_groups import PostgresGroups
from judge_agent.store.postgres_journal import PostgresJournal, PostgresSharedResults
from judge_agent.store.postgres_news import News
from judge_agent.store.postgres_pool import CONNECTIONS, RETRY_SECONDS, PostgresPool, Session
from judge_agent.store.postgres_quotas import CHARGE, PostgresQuotas
from judge_agent.store.postgres_siblings import PostgresSiblings
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

# A page ends early when its rows weigh this much, so that large records do not add up in memory.
MAX_PAGE_BYTES = 16_000_000


class PostgresStore:
    """Fulfils `Store`. Open it with `PostgresStore.opened(url)`."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool
        self._news = News(pool)
        self._accepts: Batches[NewJudgment, Accepted] = Batches(
            self._accept_all, weight=lambda new: len(new.request)
        )
        self._unsure: set[Lease] = set()
        self.journal = PostgresJournal(pool)
        self.shared = PostgresSharedResults(pool)
        self.canaries = PostgresCanaries(pool)
        self.runs = postgres_runs.PostgresRuns(pool)
        self.siblings = PostgresSiblings(pool)
        self.quotas = PostgresQuotas(pool)
        self.groups = PostgresGroups(pool, self._news.announce)

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, url: str, *, connections: int = CONNECTIONS, retry_seconds: float = RETRY_SECONDS
    ) -> AsyncIterator[PostgresStore]:
        """Open the database at `url` (postgresql://user:password@host:port/name), bring its tables up to date, and
        close it at the end. Any number of processes may; connections go straight to the server, for a pooler that
        shares them among transactions knows no LISTEN. A server that does not answer is asked again for
        `retry_seconds`. Raises StoreError."""
        pool = PostgresPool(url, connections=connections, retry_seconds=retry_seconds)
        await pool.open()
        store = cls(pool)
        store._news.start()
        try:
            yield store
        finally:
            await store.aclose()

    async def aclose(self) -> None:
        await self._accepts.aclose()
        await self.journal.aclose()
        await self._news.aclose()
        await self._pool.aclose()

    async def accept(self, new: NewJudgment) -> Accepted:
        accepted = await self._accepts.add(new)
        if accepted.created and accepted.lease is None:
            self._news.announce()
        return accepted

    @property
    def answers_at_once(self) -> bool:
        return False

    async def on_disk(self) -> None:
        """Every transaction is on disk when it has committed."""

    async def earlier(self, tenant: str, idempotency_key: str, body_sha256: str) -> StoredJudgment | None:
        rows = await self._pool.fetch(
            f"SELECT {leasing.COLUMNS}, body_sha256 FROM judgments "  # noqa: S608
            "WHERE idempotency_key = $2 AND tenant || '' = $1",
            tenant,
            idempotency_key,
        )
        return leasing.same_body(rows[0], idempotency_key, body_sha256) if rows else None

    async def request(self, judgment_id: str) -> str:
        rows = await self._pool.fetch("SELECT request FROM judgments WHERE id = $1", judgment_id)
        if not rows:
            raise StoreError(f"there is no judgment {judgment_id!r}")
        return str(rows[0][0])

    async def claim(self, worker: str, count: int, *, lease_seconds: float) -> tuple[Claimed, ...]:
        taking = uuid.uuid4().hex
        return await self._pool.run(
            lambda session: leasing.claim(session, worker, count, lease_seconds, taking)
        )

    async def renew(self, clocks: Mapping[Lease, float], *, lease_seconds: float) -> Renewed:
        return await self._pool.run(lambda session: leasing.renew(session, clocks, lease_seconds))

    async def release(self, clocks: Mapping[Lease, float]) -> None:
        await self._pool.run(lambda session: leasing.release(session, clocks))
        self._news.announce()

    async def release_all(self) -> None:
        await self._pool.run(leasing.release_all)
        self._news.announce()

    async def pass_on(self, leader: str, *, created_after: float = 0.0) -> None:
        await self._pool.run(lambda session: leasing.pass_on(session, leader, created_after))

    async def cancel(self, judgment_id: str, *, worker: str, lease_seconds: float) -> Claimed | None:
        taking = uuid.uuid4().hex
        claimed = await self._pool.run(
            lambda session: leasing.cancel(session, judgment_id, worker, lease_seconds, taking)
        )
        self._news.announce()
        return claimed

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
        was_unsure = lease in self._unsure

        async def end(session: Session) -> bool:
            ended = (lease, state, judgment, elapsed_seconds)
            rows = (
                await session.fetch(_FINISH, *lease, *ended[1:], tokens)
                if points is None or not points.points
                else await postgres_runs.finish(session, *ended, points, tokens)
            )
            if not rows and (was_unsure or session.is_repeated):
                # An earlier try may have been kept although its answer was lost.
                rows = await session.fetch(_FINISHED, *lease, state, judgment)
            return bool(rows)

        try:
            is_kept = await self._pool.run(end)
        except Unreachable:
            self._unsure.add(lease)
            raise
        self._unsure.discard(lease)
        self._news.announce()
        return Finished() if is_kept else None

    async def is_followed(self, judgment_id: str) -> bool:
        rows = await self._pool.fetch(
            "SELECT 1 FROM judgments WHERE leader = $1 AND state = 'queued' LIMIT 1", judgment_id
        )
        return bool(rows)

    async def ended(self, judgment_ids: Collection[str]) -> tuple[StoredJudgment, ...]:
        rows = await self._pool.fetch(
            f"SELECT {leasing.COLUMNS} FROM judgments "  # noqa: S608
            "WHERE id = ANY($1::text[]) AND state IN ('done', 'cancelled')",
            tuple(judgment_ids),
        )
        return tuple(StoredJudgment(*row) for row in rows)

    async def open_count(self) -> Open:
        rows = await self._pool.fetch(
            "SELECT state, count(*) FROM judgments WHERE state IN ('queued', 'running') GROUP BY state"
        )
        counts = {state: int(number) for state, number in rows}
        return Open(counts.get("queued", 0), counts.get("running", 0))

    async def changed(self, timeout_seconds: float) -> None:
        """Wait for what any process tells, this one included; while nothing can be heard, for the time alone."""
        await self._news.changed(timeout_seconds)

    async def get(self, judgment_id: str, tenant: str | None = None) -> StoredJudgment | None:
        row = await self._pool.run(lambda session: leasing.row_of(session, judgment_id))
        return None if row is None or (tenant is not None and row.tenant != tenant) else row

    async def list(
        self, tenant: str, *, states: Sequence[State] = (), limit: int = 20, cursor: int | None = None
    ) -> Page:
        rows = await self._pool.fetch(_PAGE, tenant, cursor or 2**62, tuple(states), limit, MAX_PAGE_BYTES)
        if not rows:
            return Page((), None)
        found, last = rows[0][0], rows[-1][1]
        return Page(tuple(StoredJudgment(*row[2:]) for row in rows), last if found > len(rows) else None)

    async def tell(self, events: Sequence[AuditEvent]) -> None:
        now, telling = time.time(), uuid.uuid4().hex
        columns = (
            [one.judgment_id for one in events],
            [one.type for one in events],
            [one.node for one in events],
            [as_json(one.fields, f"event {one.type!r}") for one in events],
        )
        await self._pool.fetch(_TELL, *columns, now, telling)

    async def happenings(
        self, judgment_id: str, *, after: int = 0, limit: int = 500
    ) -> tuple[Happening, ...]:
        rows = await self._pool.fetch(_HAPPENINGS, judgment_id, after, limit)
        return tuple(Happening(*row) for row in rows)

    async def add_key(self, key: ApiKey) -> None:
        async def add(session: Session) -> None:
            if session.is_repeated and await session.fetch("SELECT 1 FROM api_keys WHERE id = $1", key.id):
                return
            await session.fetch(
                "INSERT INTO api_keys (id, tenant, sha256, prefix, created, revoked, scope) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7)",
                key.id,
                key.tenant,
                key.sha256,
                key.prefix,
                key.created,
                key.revoked,
                key.scope,
            )

        await self._pool.run(add)

    async def keys(self) -> tuple[ApiKey, ...]:
        rows = await self._pool.fetch(
            "SELECT id, tenant, sha256, prefix, created, revoked, scope FROM api_keys ORDER BY created, id"
        )
        return tuple(ApiKey(*row) for row in rows)

    async def revoke_key(self, key_id: str, when: float) -> bool:
        async def revoke(session: Session) -> bool:
            rows = await session.fetch(
                "UPDATE api_keys SET revoked = $2 WHERE id = $1 AND revoked IS NULL RETURNING id",
                key_id,
                when,
            )
            if not rows and session.is_repeated:
                rows = await session.fetch(
                    "SELECT id FROM api_keys WHERE id = $1 AND revoked = $2", key_id, when
                )
            return bool(rows)

        return await self._pool.run(revoke)

    async def set_head(self, writer: str, segment: str, count: int, head: str) -> bool:
        return bool(await self._pool.fetch(_SET_HEAD, writer, segment, count, head))

    async def last_segment(self, writer: str) -> str | None:
        rows = await self._pool.fetch(_LAST_SEGMENT, writer)
        return rows[0][0] if rows else None

    async def heads(self) -> tuple[LogHead, ...]:
        rows = await self._pool.fetch("SELECT writer, segment, count, head FROM log_heads ORDER BY sequence")
        return tuple(LogHead(*row) for row in rows)

    async def _accept_all(self, items: Sequence[NewJudgment]) -> Sequence[Accepted | StoreError]:
        return await self._pool.run(lambda session: leasing.accept_all(session, items))


_FINISH = f"""
WITH ended AS (
    UPDATE judgments SET state = $3, judgment = $4, elapsed_seconds = $5
    WHERE id = $1 AND lease = $2 AND state = 'running' RETURNING id, key_id, is_metered
), charged AS ({CHARGE.format(tokens="$6")})
SELECT id FROM ended
"""  # noqa: S608
_FINISHED = "SELECT id FROM judgments WHERE id = $1 AND lease = $2 AND state = $3 AND judgment = $4"
# A telling that is repeated, because its answer was lost, tells nothing twice.
_TELL = """
INSERT INTO happenings (judgment_id, type, node, fields, at, telling, place)
SELECT judgment_id, type, node, fields, $5, $6, place
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
    WITH ORDINALITY AS told (judgment_id, type, node, fields, place)
ORDER BY place ON CONFLICT DO NOTHING
"""
_HAPPENINGS = """
SELECT number, type, node, fields, at FROM happenings WHERE judgment_id = $1 AND number > $2
ORDER BY number LIMIT $3
"""
_SET_HEAD = """
INSERT INTO log_heads (writer, segment, count, head) VALUES ($1, $2, $3, $4)
ON CONFLICT (writer, segment) DO UPDATE SET count = excluded.count, head = excluded.head
WHERE excluded.count > log_heads.count OR (excluded.count = log_heads.count AND excluded.head = log_heads.head)
RETURNING count
"""
_LAST_SEGMENT = """
SELECT segment FROM log_heads WHERE writer = $1 ORDER BY length(segment) DESC, segment DESC LIMIT 1
"""
# The weights are read from the heads of the rows; only those that the page holds are read themselves.
_PAGE = f"""
WITH found AS MATERIALIZED (
    SELECT sequence, octet_length(metadata) + coalesce(octet_length(judgment), 0) AS weight FROM judgments
    WHERE tenant = $1 AND sequence < $2 AND (cardinality($3::text[]) = 0 OR state = ANY($3::text[]))
    ORDER BY sequence DESC LIMIT $4::bigint + 1
), weighed AS (
    SELECT sequence, sum(weight) OVER (ORDER BY sequence DESC) AS weight,
        row_number() OVER (ORDER BY sequence DESC) AS place
    FROM found
)
SELECT (SELECT count(*) FROM found), sequence, {leasing.COLUMNS}
FROM weighed JOIN judgments USING (sequence)
WHERE place = 1 OR (place <= $4::bigint AND weighed.weight <= $5::bigint) ORDER BY sequence DESC
"""  # noqa: S608

"""The runs of trainers in PostgreSQL. Fulfils `RunStore`; every statement is safe to repeat."""

from __future__ import annotations

import time
from collections.abc import Mapping

from judge_agent.errors import StoreError
from judge_agent.store.postgres_pool import PostgresPool, Session
from judge_agent.store.postgres_quotas import CHARGE
from judge_agent.store.runs import (
    NO_STEP,
    POINT_COLUMNS,
    WALK_COLUMNS,
    RunEnd,
    StoredRun,
    Walked,
    told_apart,
    values_of,
)
from judge_agent.store.sqlite_runs import place_of

_RUN = "number, id, created, pin_sha256, pin, pinned, answered, alarms"
_GET = f"SELECT {_RUN} FROM runs WHERE tenant = $1 AND id = $2"  # noqa: S608 - constants
_OPEN = "INSERT INTO runs (tenant, id, created) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_LIST = f"SELECT {_RUN} FROM runs WHERE tenant = $1 AND number < $2 ORDER BY number DESC LIMIT $3"  # noqa: S608
_PIN = """
UPDATE runs SET pin_sha256 = $3, pin = $4, pinned = $5 WHERE tenant = $1 AND id = $2 AND pin_sha256 IS NULL
"""
# A run that many judgments end in must not be rewritten by each of them.
_ANSWERED = "UPDATE runs SET answered = $3 WHERE tenant = $1 AND id = $2 AND answered IS NULL"
_REAL = "double precision"
_TYPES = (
    *("bigint", "bigint", "text", "text", "text", _REAL, _REAL, "text", _REAL),
    *("bigint", "text", "bigint", "bigint", "boolean", _REAL, _REAL, "bigint", "bigint", "bigint"),
)
# The end of a judgment and its points are one statement: either both are kept, or none.
FINISH_WITH_POINTS = f"""
WITH ended AS (
    UPDATE judgments SET state = $3, judgment = $4, elapsed_seconds = $5
    WHERE id = $1 AND lease = $2 AND state = 'running' RETURNING id, key_id, is_metered
), told AS (
    INSERT INTO run_points (run, step, judgment_id, {POINT_COLUMNS})
    SELECT $6, $7, ended.id, {POINT_COLUMNS} FROM ended, unnest(
        {", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_TYPES, 8))}
    ) WITH ORDINALITY AS new ({POINT_COLUMNS}, place) ORDER BY place
), charged AS ({CHARGE.format(tokens=f"${8 + len(_TYPES)}")})
SELECT id FROM ended
"""  # noqa: S608
_KEY = "SELECT idempotency_key FROM judgments WHERE id = $1"
_OF = "(SELECT number FROM runs WHERE tenant = $1 AND id = $2)"
# From one step to the next by the index: the points between are not read.
_STEPS = """
WITH RECURSIVE found (step) AS (
    (SELECT step FROM run_points WHERE run = $1 AND step BETWEEN $2 AND $3 ORDER BY step {way} LIMIT 1)
    UNION ALL
    SELECT (
        SELECT step FROM run_points WHERE run = $1 AND step {beyond} found.step AND step BETWEEN $2 AND $3
        ORDER BY step {way} LIMIT 1
    ) FROM found WHERE found.step IS NOT NULL
)
SELECT step FROM found WHERE step IS NOT NULL LIMIT $4
"""
_POINTS = f"""
SELECT {WALK_COLUMNS} FROM run_points
WHERE run = {_OF} AND (step, task_key, content_key, sequence) > ($3::bigint, $4::bigint, $5::bigint, $6::bigint)
    AND step <= $7
ORDER BY step, task_key, content_key, sequence LIMIT $8
"""  # noqa: S608
_RING = f"""
INSERT INTO run_alarms (run, step, name, at) SELECT {_OF}, $3, $4, $5 ON CONFLICT DO NOTHING RETURNING at
"""
_RUNG = f"SELECT step, name, at FROM run_alarms WHERE run = {_OF} AND step BETWEEN $3 AND $4"  # noqa: S608


class PostgresRuns:
    """The runs in the database of `PostgresStore`."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def get(self, tenant: str, run: str) -> StoredRun | None:
        rows = await self._pool.fetch(_GET, tenant, run)
        return StoredRun(*rows[0]) if rows else None

    async def opened(self, tenant: str, run: str) -> StoredRun:
        return await self._pool.run(lambda session: _opened(session, tenant, run))

    async def list(self, tenant: str, *, limit: int = 20, cursor: int | None = None) -> tuple[StoredRun, ...]:
        rows = await self._pool.fetch(_LIST, tenant, cursor or 2**62, limit)
        return tuple(StoredRun(*row) for row in rows)

    async def pin(self, tenant: str, run: str, sha256: str, parts: str) -> StoredRun:
        async def fix(session: Session) -> StoredRun:
            found = await _opened(session, tenant, run)
            if found.pin_sha256 is not None:
                return found
            await session.fetch(_PIN, tenant, run, sha256, parts, time.time())
            return await _opened(session, tenant, run)

        return await self._pool.run(fix)

    async def answered(self, tenant: str, run: str, by: str) -> str:
        async def note(session: Session) -> str:
            found = await _opened(session, tenant, run)
            if found.answered is None:
                await session.fetch(_ANSWERED, tenant, run, by)
                found = await _opened(session, tenant, run)
            return found.answered or by

        return await self._pool.run(note)

    async def set_alarms(self, tenant: str, run: str, alarms: str) -> None:
        async def keep(session: Session) -> None:
            found = await _opened(session, tenant, run)
            await session.fetch("UPDATE runs SET alarms = $2 WHERE number = $1", found.number, alarms)

        await self._pool.run(keep)

    async def steps(
        self,
        tenant: str,
        run: str,
        *,
        first: int = NO_STEP,
        last: int = 2**62,
        limit: int = 100,
        newest: bool,
    ) -> tuple[int, ...]:
        found = await self.get(tenant, run)
        if found is None:
            return ()
        statement = _STEPS.format(way="DESC" if newest else "ASC", beyond="<" if newest else ">")
        rows = await self._pool.fetch(statement, found.number, first, last, limit)
        return tuple(sorted(row[0] for row in rows))

    async def points(
        self,
        tenant: str,
        run: str,
        *,
        first: int = NO_STEP,
        last: int = 2**62,
        after: Walked | None = None,
        limit: int = 10_000,
    ) -> tuple[Walked, ...]:
        rows = await self._pool.fetch(_POINTS, tenant, run, *place_of(after, first), last, limit)
        return tuple(map(Walked._make, rows))

    async def ring(self, tenant: str, run: str, step: int, name: str, at: float) -> bool:
        async def note(session: Session) -> bool:
            rows = await session.fetch(_RING, tenant, run, step, name, at)
            if not rows and session.is_repeated:
                # An earlier try may have been kept although its answer was lost.
                rows = await session.fetch(
                    f"{_RUNG} AND name = $5 AND at = $6", tenant, run, step, step, name, at
                )
            return bool(rows)

        return await self._pool.run(note)

    async def rung(self, tenant: str, run: str, *, first: int, last: int) -> Mapping[tuple[int, str], float]:
        rows = await self._pool.fetch(_RUNG, tenant, run, first, last)
        return {(step, name): at for step, name, at in rows}


async def finish(
    session: Session,
    lease: tuple[str, int],
    state: str,
    judgment: str,
    elapsed_seconds: float,
    end: RunEnd,
    tokens: int = 0,
) -> list[tuple[object, ...]]:
    """End a judgment together with its points; no row comes back where it had ended, or is another worker's."""
    run = await _opened(session, end.tenant, end.run)
    step = NO_STEP if end.step is None else end.step
    rows = await session.fetch(_KEY, lease[0])
    key = rows[0][0] if rows else None
    points = [told_apart(point, lease[0], key) for point in end.points]
    columns = [list(column) for column in zip(*map(values_of, points), strict=True)]
    return await session.fetch(
        FINISH_WITH_POINTS, *lease, state, judgment, elapsed_seconds, run.number, step, *columns, tokens
    )


async def _opened(session: Session, tenant: str, run: str) -> StoredRun:
    rows = await session.fetch(_GET, tenant, run)
    if not rows:
        await session.fetch(_OPEN, tenant, run, time.time())
        rows = await session.fetch(_GET, tenant, run)
    if not rows:
        raise StoreError(f"the run {run!r} is gone from the database")
    return StoredRun(*rows[0])

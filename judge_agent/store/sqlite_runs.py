"""The runs of trainers in SQLite. Fulfils `RunStore`."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping

from judge_agent.store.database import Database
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

_RUN = "number, id, created, pin_sha256, pin, pinned, answered, alarms"
_GET = f"SELECT {_RUN} FROM runs WHERE tenant = ? AND id = ?"  # noqa: S608 - constants
_OPEN = "INSERT INTO runs (tenant, id, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_LIST = f"SELECT {_RUN} FROM runs WHERE tenant = ? AND number < ? ORDER BY number DESC LIMIT ?"  # noqa: S608
_PIN = """
UPDATE runs SET pin_sha256 = ?, pin = ?, pinned = ? WHERE tenant = ? AND id = ? AND pin_sha256 IS NULL
"""
_ANSWERED = """
UPDATE runs SET answered = coalesce(answered, ?) WHERE tenant = ? AND id = ? RETURNING answered
"""
_ADD = f"""
INSERT INTO run_points (run, step, judgment_id, {POINT_COLUMNS})
VALUES (?, ?, ?{", ?" * len(POINT_COLUMNS.split(","))})
"""  # noqa: S608
_KEY = "SELECT idempotency_key FROM judgments WHERE id = ?"
_OF = "(SELECT number FROM runs WHERE tenant = ? AND id = ?)"
# From one step to the next by the index: the points between are not read.
_STEPS = """
WITH RECURSIVE found (step) AS (
    SELECT {edge}(step) FROM run_points WHERE run = ?1 AND step BETWEEN ?2 AND ?3
    UNION ALL
    SELECT (SELECT {edge}(step) FROM run_points WHERE run = ?1 AND step {beyond} found.step AND step BETWEEN ?2 AND ?3)
    FROM found WHERE found.step IS NOT NULL
)
SELECT step FROM found WHERE step IS NOT NULL LIMIT ?4
"""
_POINTS = f"""
SELECT {WALK_COLUMNS} FROM run_points
WHERE run = {_OF} AND (step, task_key, content_key, sequence) > (?, ?, ?, ?) AND step <= ?
ORDER BY step, task_key, content_key, sequence LIMIT ?
"""  # noqa: S608
_RING = f"INSERT INTO run_alarms (run, step, name, at) VALUES ({_OF}, ?, ?, ?) ON CONFLICT DO NOTHING"  # noqa: S608
_RUNG = f"SELECT step, name, at FROM run_alarms WHERE run = {_OF} AND step BETWEEN ? AND ?"  # noqa: S608
LEAST = -(2**63)


class SqliteRuns:
    """The runs in the database of `SqliteStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, tenant: str, run: str) -> StoredRun | None:
        return await self._database.run(lambda connection: _get(connection, tenant, run))

    async def opened(self, tenant: str, run: str) -> StoredRun:
        return await self._database.run(lambda connection: _opened(connection, tenant, run))

    async def list(self, tenant: str, *, limit: int = 20, cursor: int | None = None) -> tuple[StoredRun, ...]:
        rows = await self._database.fetch(_LIST, tenant, cursor or 2**62, limit)
        return tuple(StoredRun(*row) for row in rows)

    async def pin(self, tenant: str, run: str, sha256: str, parts: str) -> StoredRun:
        def fix(connection: sqlite3.Connection) -> StoredRun:
            _opened(connection, tenant, run)
            connection.execute(_PIN, (sha256, parts, time.time(), tenant, run))
            return _opened(connection, tenant, run)

        return await self._database.run(fix)

    async def answered(self, tenant: str, run: str, by: str) -> str:
        def note(connection: sqlite3.Connection) -> str:
            _opened(connection, tenant, run)
            return str(connection.execute(_ANSWERED, (by, tenant, run)).fetchone()[0])

        return await self._database.run(note)

    async def set_alarms(self, tenant: str, run: str, alarms: str) -> None:
        def keep(connection: sqlite3.Connection) -> None:
            number = _opened(connection, tenant, run).number
            connection.execute("UPDATE runs SET alarms = ? WHERE number = ?", (alarms, number))

        await self._database.run(keep)

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
        statement = _STEPS.format(edge="max" if newest else "min", beyond="<" if newest else ">")
        rows = await self._database.fetch(statement, found.number, first, last, limit)
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
        rows = await self._database.fetch(_POINTS, tenant, run, *place_of(after, first), last, limit)
        return tuple(map(Walked._make, rows))

    async def ring(self, tenant: str, run: str, step: int, name: str, at: float) -> bool:
        return await self._database.execute(_RING, tenant, run, step, name, at) == 1

    async def rung(self, tenant: str, run: str, *, first: int, last: int) -> Mapping[tuple[int, str], float]:
        rows = await self._database.fetch(_RUNG, tenant, run, first, last)
        return {(step, name): at for step, name, at in rows}


def add(connection: sqlite3.Connection, judgment_id: str, end: RunEnd) -> None:
    """Keep the points of a judgment, in the transaction that ends it."""
    number = _opened(connection, end.tenant, end.run).number
    step = NO_STEP if end.step is None else end.step
    (key,) = connection.execute(_KEY, (judgment_id,)).fetchone()
    points = [told_apart(point, judgment_id, key) for point in end.points]
    connection.executemany(_ADD, [(number, step, judgment_id, *values_of(point)) for point in points])


def place_of(after: Walked | None, first: int) -> tuple[int, int, int, int]:
    """The place behind which a walk goes on; for one that begins, before the first point of the step `first`."""
    if after is None:
        return first, LEAST, LEAST, LEAST
    return after.step, after.task_key, after.content_key, after.sequence


def _get(connection: sqlite3.Connection, tenant: str, run: str) -> StoredRun | None:
    row = connection.execute(_GET, (tenant, run)).fetchone()
    return None if row is None else StoredRun(*row)


def _opened(connection: sqlite3.Connection, tenant: str, run: str) -> StoredRun:
    found = _get(connection, tenant, run)
    if found is None:
        connection.execute(_OPEN, (tenant, run, time.time()))
        found = _get(connection, tenant, run)
    assert found is not None
    return found

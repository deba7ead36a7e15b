"""What keys may use and have used, in SQL for SQLite. The clock is the machine's, as for leases."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping

from judge_agent.store.database import Database
from judge_agent.store.quotas import Charge, KeyLimits, QuotaExceeded, Standing, Usage, refused, standings

_OPEN = "SELECT count(*) FROM judgments WHERE key_id = ? AND state IN ('queued', 'running')"
_CHARGES = "SELECT tokens, at FROM token_charges WHERE key_id = ? ORDER BY number"
_USAGE = "SELECT requests, requests_at, tokens, tokens_at, day, day_tokens FROM key_usage WHERE key_id = ?"
_KEEP = """
INSERT INTO key_usage (key_id, requests, requests_at, tokens, tokens_at, day, day_tokens)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key_id) DO UPDATE SET
    requests = excluded.requests, requests_at = excluded.requests_at, tokens = excluded.tokens,
    tokens_at = excluded.tokens_at, day = excluded.day, day_tokens = excluded.day_tokens
"""
_CHARGE = """
INSERT INTO token_charges (key_id, tokens, at)
SELECT key_id, ?, ? FROM judgments WHERE id = ? AND is_metered
"""
_SET_LIMITS = """
INSERT INTO key_limits (key_id, max_open, requests_per_minute, tokens_per_minute, tokens_per_day)
VALUES (?, ?, ?, ?, ?) ON CONFLICT (key_id) DO UPDATE SET
    max_open = excluded.max_open, requests_per_minute = excluded.requests_per_minute,
    tokens_per_minute = excluded.tokens_per_minute, tokens_per_day = excluded.tokens_per_day
"""


class SqliteQuotas:
    """Fulfils `Quotas`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def limits(self) -> Mapping[str, KeyLimits]:
        rows = await self._database.fetch(
            "SELECT key_id, max_open, requests_per_minute, tokens_per_minute, tokens_per_day FROM key_limits"
        )
        return {str(key_id): KeyLimits(*values) for key_id, *values in rows}

    async def set_limits(self, key_id: str, limits: KeyLimits) -> None:
        await self._database.execute(_SET_LIMITS, key_id, *limits)

    async def standings(self, key_id: str, limits: KeyLimits) -> tuple[Standing, ...]:
        def read(connection: sqlite3.Connection) -> tuple[Standing, ...]:
            now = time.time()
            return standings(limits, _usage(connection, key_id, limits, now), _open(connection, key_id), now)

        return await self._database.run(read)

    async def take_request(self, key_id: str, limits: KeyLimits) -> None:
        only = KeyLimits(requests_per_minute=limits.requests_per_minute)

        def count(connection: sqlite3.Connection) -> QuotaExceeded | None:
            now = time.time()
            # Tokens keep to their own limits, so that they run off as they should.
            usage = _usage(connection, key_id, limits, now)
            over = refused(standings(only, usage, 0, now))
            _keep(connection, key_id, usage, 0 if over else 1)
            return QuotaExceeded(over) if over else None

        if limits.requests_per_minute and (over := await self._database.run(count)):
            raise over


def take(connection: sqlite3.Connection, key_id: str, limits: KeyLimits, count: int) -> QuotaExceeded | None:
    """Count `count` judgments that are accepted in this transaction, or say why they are not.

    A refusal is no error of the transaction: levels are kept as they stand now, or a clock that was set back would let
    nothing run off until it is where it was.
    """
    now = time.time()
    usage = _usage(connection, key_id, limits, now)
    opened = _open(connection, key_id) if limits.max_open else 0
    over = refused(standings(limits, usage, opened, now, count=count))
    _keep(connection, key_id, usage, 0 if over else count)
    return QuotaExceeded(over) if over else None


def charge(connection: sqlite3.Connection, judgment_id: str, tokens: int) -> None:
    """Note what a judgment has cost whose key has limits of tokens; in the transaction of its end."""
    if tokens > 0:
        connection.execute(_CHARGE, (tokens, time.time(), judgment_id))


def _usage(connection: sqlite3.Connection, key_id: str, limits: KeyLimits, now: float) -> Usage:
    row = connection.execute(_USAGE, (key_id,)).fetchone()
    charges = [Charge(*found) for found in connection.execute(_CHARGES, (key_id,))]
    return (Usage(*row) if row else Usage()).at(now, limits, charges)


def _keep(connection: sqlite3.Connection, key_id: str, usage: Usage, count: int) -> None:
    connection.execute(_KEEP, (key_id, *usage._replace(requests=usage.requests + count)))
    connection.execute("DELETE FROM token_charges WHERE key_id = ?", (key_id,))


def _open(connection: sqlite3.Connection, key_id: str) -> int:
    return int(connection.execute(_OPEN, (key_id,)).fetchone()[0])

"""Who judges what, in SQL for SQLite: accepting, claiming, renewing, cancelling and ending, each in one transaction.

Every worker's clock is the machine's: one SQLite file is used by processes of one machine.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from typing import Literal

from judge_agent.schema import State
from judge_agent.store.quotas import QuotaExceeded
from judge_agent.store.records import (
    Accepted,
    Claimed,
    Finished,
    IdempotencyConflict,
    Lease,
    NewJudgment,
    Open,
    Renewed,
    StoredJudgment,
    TooManyOpen,
)
from judge_agent.store.sqlite_quotas import charge, take
from judge_agent.store.turns import Whose, shares_by_key

COLUMNS = "id, tenant, state, metadata, judgment, created, elapsed_seconds"
_FREE = """state = 'queued' AND (leader IS NULL OR NOT EXISTS (
    SELECT 1 FROM judgments AS first WHERE first.id = judgments.leader AND first.state IN ('queued', 'running')))"""
_WAITING = f"SELECT tenant, key_id, count(*) FROM judgments WHERE {_FREE} GROUP BY tenant, key_id"  # noqa: S608
_NEXT = f"""
SELECT id FROM judgments WHERE tenant = ? AND key_id = ? AND {_FREE}
ORDER BY coalesce(turn, sequence), sequence LIMIT ?
"""  # noqa: S608
_CLAIMED = """
SELECT id, lease, tenant, created, max(elapsed_seconds, coalesce(
    (SELECT max(journal.elapsed_seconds) FROM journal WHERE journal.judgment_id = judgments.id), 0)),
    lease > 1, leader, is_cancelled
FROM judgments WHERE id = ?
"""
_FIRST_TURN = """
SELECT min(coalesce(turn, sequence)) FROM judgments
WHERE tenant = ? AND cohort = ? AND (state IN ('queued', 'running') OR EXISTS (
    SELECT 1 FROM group_members JOIN groups ON groups.id = grp
    WHERE judgment_id = judgments.id AND groups.state IN ('open', 'judging')))
"""
_BESIDE = """
SELECT EXISTS (SELECT 1 FROM judgments INDEXED BY judgments_waiting WHERE state = 'queued'),
    EXISTS (SELECT 1 FROM group_members WHERE judgment_id = ?)
"""
_TAKE = """
UPDATE judgments SET state = 'running', worker = ?, lease = lease + 1, lease_until = ? WHERE id = ?
"""


def accept(connection: sqlite3.Connection, new: NewJudgment) -> Accepted | QuotaExceeded:
    if new.idempotency_key is not None:
        earlier = earlier_of(connection, new.tenant, new.idempotency_key, new.body_sha256)
        if earlier is not None:
            return Accepted(earlier, created=False)
    if (over := _make_room(connection, new)) is not None:
        return over
    leader = _leader(connection, new)
    lease = Lease(new.id, 1) if new.worker is not None and leader is None else None
    state: Literal["queued", "running"] = "running" if lease else "queued"
    connection.execute(
        "INSERT INTO judgments (id, tenant, state, request, metadata, created, idempotency_key, body_sha256, "
        "worker, lease, lease_until, flight_key, leader, cohort, turn, key_id, is_metered) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new.id,
            new.tenant,
            state,
            new.request,
            new.metadata,
            new.created,
            new.idempotency_key,
            new.body_sha256,
            new.worker if lease else None,
            lease.token if lease else 0,
            time.time() + new.lease_seconds if lease else 0.0,
            new.flight_key,
            leader,
            new.cohort,
            _turn(connection, new),
            new.key_id,
            bool(new.limits and new.limits.counts_tokens),
        ),
    )
    row = StoredJudgment(new.id, new.tenant, state, new.metadata, None, new.created, 0.0)
    return Accepted(row, created=True, lease=lease)


def _make_room(connection: sqlite3.Connection, new: NewJudgment) -> QuotaExceeded | None:
    """Count a judgment for the store and for its key, or say that its key has no room. Raises TooManyOpen."""
    if new.max_open is not None and new.count:
        found = sum(open_count(connection))
        if found >= new.max_open:
            raise TooManyOpen(found, new.max_open)
    if new.limits is not None and new.limits.is_limited and new.count:
        return take(connection, new.key_id, new.limits, new.count)
    return None


def earlier_of(
    connection: sqlite3.Connection, tenant: str, idempotency_key: str, body_sha256: str
) -> StoredJudgment | None:
    row = connection.execute(
        f"SELECT {COLUMNS}, body_sha256 FROM judgments WHERE tenant = ? AND idempotency_key = ?",  # noqa: S608
        (tenant, idempotency_key),
    ).fetchone()
    if row is None:
        return None
    if row[-1] != body_sha256:
        raise IdempotencyConflict(idempotency_key, row[0])
    return StoredJudgment(*row[:-1])


def claim(
    connection: sqlite3.Connection, worker: str, count: int, lease_seconds: float
) -> tuple[Claimed, ...]:
    now = time.time()
    ids = [
        str(row[0])
        for row in connection.execute(
            "SELECT id FROM judgments INDEXED BY judgments_leases WHERE state = 'running' AND lease_until <= ? "
            "ORDER BY sequence LIMIT ?",
            (now, count),
        )
    ]
    ids += _next(connection, count - len(ids), now)
    return tuple(_taken(connection, one, worker, now + lease_seconds) for one in ids)


def renew(connection: sqlite3.Connection, clocks: Mapping[Lease, float], lease_seconds: float) -> Renewed:
    until = time.time() + lease_seconds
    lost, cancelled = set[str](), set[str]()
    for lease, seconds in clocks.items():
        row = connection.execute(
            "UPDATE judgments SET lease_until = ?, elapsed_seconds = max(elapsed_seconds, ?) "
            "WHERE id = ? AND lease = ? AND state = 'running' RETURNING is_cancelled",
            (until, seconds, *lease),
        ).fetchone()
        if row is None:
            lost.add(lease.judgment_id)
        elif row[0]:
            cancelled.add(lease.judgment_id)
    return Renewed(frozenset(lost), frozenset(cancelled))


def release(connection: sqlite3.Connection, clocks: Mapping[Lease, float]) -> None:
    connection.executemany(
        "UPDATE judgments SET lease_until = 0, elapsed_seconds = max(elapsed_seconds, ?) "
        "WHERE id = ? AND lease = ? AND state = 'running'",
        [(seconds, *lease) for lease, seconds in clocks.items()],
    )


def cancel(
    connection: sqlite3.Connection, judgment_id: str, worker: str, lease_seconds: float
) -> Claimed | None:
    now = time.time()
    row = connection.execute(
        "UPDATE judgments SET is_cancelled = 1 WHERE id = ? AND state IN ('queued', 'running') "
        "RETURNING state = 'queued' OR lease_until <= ?",
        (judgment_id, now),
    ).fetchone()
    if row is None or not row[0]:
        return None
    return _taken(connection, judgment_id, worker, now + lease_seconds)


def pass_on(connection: sqlite3.Connection, leader: str, created_after: float) -> None:
    row = connection.execute(
        "SELECT id FROM judgments WHERE leader = ? AND state = 'queued' AND created > ? ORDER BY sequence LIMIT 1",
        (leader, created_after),
    ).fetchone()
    if row is not None:
        connection.execute("UPDATE judgments SET leader = NULL WHERE id = ?", row)
        connection.execute(
            "UPDATE judgments SET leader = ? WHERE leader = ? AND state = 'queued' AND created > ?",
            (row[0], leader, created_after),
        )


def finish(
    connection: sqlite3.Connection,
    lease: Lease,
    judgment: str,
    state: State,
    elapsed_seconds: float,
    tokens: int,
) -> Finished | None:
    changed = connection.execute(
        "UPDATE judgments SET state = ?, judgment = ?, elapsed_seconds = ? "
        "WHERE id = ? AND lease = ? AND state = 'running'",
        (state, judgment, elapsed_seconds, *lease),
    ).rowcount
    if changed != 1:
        return None
    charge(connection, lease.judgment_id, tokens)
    return Finished(*map(bool, connection.execute(_BESIDE, (lease.judgment_id,)).fetchone()))


def open_count(connection: sqlite3.Connection) -> Open:
    counts = dict(
        connection.execute(
            "SELECT state, count(*) FROM judgments WHERE state IN ('queued', 'running') GROUP BY state"
        )
    )
    return Open(counts.get("queued", 0), counts.get("running", 0))


def _leader(connection: sqlite3.Connection, new: NewJudgment) -> str | None:
    """The open judgment of the same request that leads, if there is one."""
    if new.flight_key is None:
        return None
    row = connection.execute(
        "SELECT id FROM judgments WHERE tenant = ? AND flight_key = ? AND state IN ('queued', 'running') "
        "AND leader IS NULL AND NOT is_cancelled ORDER BY sequence LIMIT 1",
        (new.tenant, new.flight_key),
    ).fetchone()
    return None if row is None else str(row[0])


def _turn(connection: sqlite3.Connection, new: NewJudgment) -> int | None:
    """A member of a cohort has the turn of the cohort's first, so that whole groups end before new ones begin.

    A cohort whose judgments have all ended, and that no open group asks to be judged together, is over: another one of
    its name has no turn before those that wait.
    """
    if new.cohort is None:
        return None
    row = connection.execute(_FIRST_TURN, (new.tenant, new.cohort)).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def _next(connection: sqlite3.Connection, count: int, now: float) -> list[str]:
    if count <= 0:
        return []
    waiting = {Whose(tenant, key_id): number for tenant, key_id, number in connection.execute(_WAITING)}
    if not waiting:
        return []
    running = {
        Whose(tenant, key_id): number
        for tenant, key_id, number in connection.execute(
            "SELECT tenant, key_id, count(*) FROM judgments "
            "WHERE state = 'running' AND lease_until > ? GROUP BY tenant, key_id",
            (now,),
        )
    }
    return [
        str(row[0])
        for whose, share in shares_by_key(waiting, running, count).items()
        for row in connection.execute(_NEXT, (*whose, share))
    ]


def _taken(connection: sqlite3.Connection, judgment_id: str, worker: str, until: float) -> Claimed:
    connection.execute(_TAKE, (worker, until, judgment_id))
    row = connection.execute(_CLAIMED, (judgment_id,)).fetchone()
    found, token, tenant, created, elapsed, resumed, leader, is_cancelled = row
    return Claimed(Lease(found, token), tenant, created, elapsed, bool(resumed), leader, bool(is_cancelled))

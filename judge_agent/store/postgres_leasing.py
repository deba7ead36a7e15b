"""Who judges what, in SQL for PostgreSQL: accepting, claiming, renewing, cancelling and ending.

The clock of leases is the database's, so that workers need not agree on the time. Every change is one statement,
which finds and locks its rows itself; the fencing token is checked where the row is written. What locks several rows
locks them in the order of their ids, or skips those that are locked, so that nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.errors import StoreError
from judge_agent.store.postgres_pool import Session
from judge_agent.store.postgres_quotas import exceeded
from judge_agent.store.quotas import QUOTAS, KeyLimits
from judge_agent.store.records import (
    Accepted,
    Claimed,
    IdempotencyConflict,
    Lease,
    NewJudgment,
    Renewed,
    StoredJudgment,
    TooManyOpen,
)
from judge_agent.store.turns import Whose, shares_by_key

COLUMNS = "id, tenant, state, metadata, judgment, created, elapsed_seconds"
_NOW = "(SELECT clock_timestamp())"  # once for a statement, so that an index can be used
_UNTIL = "clock_timestamp() + {seconds} * interval '1 second'"
_FREE = """state = 'queued' AND (leader IS NULL OR NOT EXISTS (
    SELECT 1 FROM judgments AS first WHERE first.id = judgments.leader AND first.state IN ('queued', 'running')))"""
_ACCEPT = """
SELECT outcome, found_id, token, open_count, used, retry_seconds FROM accept_judgments(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::double precision[], $6::text[], $7::text[], $8::text[],
    $9::double precision[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::bigint[], $15::bigint[],
    $16::bigint[], $17::bigint[], $18::bigint[]
) ORDER BY place
"""
_COUNTS = f"""
SELECT tenant, key_id, count(*) FILTER (WHERE {_FREE}),
    count(*) FILTER (WHERE state = 'running' AND lease_until > {_NOW}),
    count(*) FILTER (WHERE state = 'running' AND lease_until <= {_NOW})
FROM judgments WHERE state IN ('queued', 'running') GROUP BY tenant, key_id
"""  # noqa: S608
_OVER = f"""
    SELECT id, sequence AS place FROM judgments WHERE state = 'running' AND lease_until <= {_NOW}
    ORDER BY sequence LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED
"""  # noqa: S608
_WAITING = f"""
    SELECT next.id, row_number() OVER (ORDER BY shares.place, next.turn, next.sequence) AS place
    FROM unnest($3::text[], $6::text[], $5::bigint[]) WITH ORDINALITY AS shares (tenant, key_id, share, place),
    LATERAL (
        SELECT id, coalesce(turn, sequence) AS turn, sequence FROM judgments
        WHERE tenant = shares.tenant AND key_id = shares.key_id AND {_FREE}
        ORDER BY coalesce(turn, sequence), sequence
        LIMIT shares.share FOR NO KEY UPDATE OF judgments SKIP LOCKED
    ) AS next
"""  # noqa: S608
_CLAIMED = """id, lease, tenant, created, greatest(judgments.elapsed_seconds, (
        SELECT max(journal.elapsed_seconds) FROM journal WHERE journal.judgment_id = judgments.id)),
    lease > 1, leader, is_cancelled"""
_TAKE = f"""
WITH next AS MATERIALIZED ({{next}}), taken AS (
    UPDATE judgments SET state = 'running', worker = $1, taking = $4, lease = lease + 1,
        lease_until = {_UNTIL.format(seconds="$2::double precision")}
    FROM next WHERE judgments.id = next.id
    RETURNING next.place, judgments.{_CLAIMED.replace("lease > 1", "lease > 1 AS is_resumed")}
)
SELECT * FROM taken ORDER BY place
"""  # noqa: S608
_TAKEN = f"""
SELECT {_CLAIMED} FROM judgments
WHERE taking = $1 AND state = 'running' AND lease_until > {_NOW} ORDER BY sequence
"""  # noqa: S608
_TAKE_OVER = _TAKE.format(next=_OVER)
_TAKE_WAITING = _TAKE.format(next=_WAITING)
_PROLONG = """
WITH given AS (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::double precision[]) AS given (id, lease, seconds)
), held AS MATERIALIZED (
    SELECT judgments.id, seconds FROM judgments JOIN given USING (id, lease)
    WHERE state = 'running' ORDER BY judgments.id FOR NO KEY UPDATE OF judgments
)
UPDATE judgments SET lease_until = {until}, elapsed_seconds = greatest(elapsed_seconds, held.seconds)
FROM held WHERE judgments.id = held.id
RETURNING judgments.id, is_cancelled
"""
_RENEW = _PROLONG.format(until=_UNTIL.format(seconds="$4::double precision"))
_RELEASE = _PROLONG.format(until="'-infinity'")
_RELEASE_ALL = """
WITH held AS MATERIALIZED (
    SELECT id FROM judgments WHERE state = 'running' ORDER BY id FOR NO KEY UPDATE
)
UPDATE judgments SET lease_until = '-infinity' FROM held WHERE judgments.id = held.id
"""
_CANCEL = f"""
WITH found AS MATERIALIZED (
    SELECT id, state = 'queued' OR lease_until <= clock_timestamp() AS is_free FROM judgments
    WHERE id = $1 AND state IN ('queued', 'running') FOR NO KEY UPDATE
)
UPDATE judgments SET is_cancelled = true, state = 'running',
    worker = CASE WHEN is_free THEN $2 ELSE worker END,
    taking = CASE WHEN is_free THEN $4 ELSE taking END,
    lease = CASE WHEN is_free THEN lease + 1 ELSE lease END,
    lease_until = CASE WHEN is_free THEN {_UNTIL.format(seconds="$3::double precision")} ELSE lease_until END
FROM found WHERE judgments.id = found.id
RETURNING is_free, judgments.{_CLAIMED}
"""  # noqa: S608
_PASS_ON = """
WITH next AS MATERIALIZED (
    SELECT id FROM judgments WHERE leader = $1 AND state = 'queued' AND created > $2::double precision
    ORDER BY sequence LIMIT 1
), found AS MATERIALIZED (
    SELECT id FROM judgments WHERE leader = $1 AND state = 'queued' AND created > $2::double precision
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE judgments SET leader = CASE WHEN judgments.id = next.id THEN NULL ELSE next.id END
FROM found, next WHERE judgments.id = found.id
"""


async def accept_all(session: Session, items: Sequence[NewJudgment]) -> list[Accepted | StoreError]:
    """Accept judgments in their order, in one statement; each is accepted or refused by itself."""
    columns: list[list[object]] = [
        [getattr(new, name) for new in items]
        for name in (
            "id",
            "tenant",
            "request",
            "metadata",
            "created",
            "idempotency_key",
            "body_sha256",
            "worker",
            "lease_seconds",
            "flight_key",
            "cohort",
            "max_open",
            "key_id",
            "count",
        )
    ]
    limits = [new.limits or KeyLimits() for new in items]
    columns += [list(column) for column in zip(*limits, strict=True)]
    rows = await session.fetch(_ACCEPT, *columns)
    return [
        _refused(new, outcome, open_count, used, retry)
        or await _accepted(session, new, str(outcome), str(found), int(token))
        for new, (outcome, found, token, open_count, used, retry) in zip(items, rows, strict=True)
    ]


def _refused(
    new: NewJudgment, outcome: str, open_count: int, used: float, retry: float | None
) -> StoreError | None:
    if outcome == "full":
        return TooManyOpen(open_count, new.max_open or 0)
    return exceeded(outcome, new.limits, used, retry) if outcome in QUOTAS else None


async def _accepted(
    session: Session, new: NewJudgment, outcome: str, found: str, token: int
) -> Accepted | StoreError:
    if outcome == "kept":
        row = StoredJudgment(
            new.id, new.tenant, "running" if token else "queued", new.metadata, None, new.created, 0.0
        )
        return Accepted(row, created=True, lease=Lease(new.id, token) if token else None)
    if session.is_repeated and found == new.id and outcome != "conflict":
        return await _kept_before(session, new)
    if outcome == "conflict":
        return IdempotencyConflict(new.idempotency_key or "", found)
    if outcome == "taken":
        return StoreError(f"there is a judgment {new.id!r} already")
    earlier = await row_of(session, found)
    return Accepted(earlier, created=False) if earlier else StoreError(f"judgment {found!r} is gone")


async def _kept_before(session: Session, new: NewJudgment) -> Accepted | StoreError:
    """What an accepting kept whose answer was lost. Its lease may have run out and be another's by now."""
    row = await row_of(session, new.id)
    if row is None:
        return StoreError(f"judgment {new.id!r} is gone")
    holds = await session.fetch(
        "SELECT 1 FROM judgments WHERE id = $1 AND lease = 1 AND worker = $2 AND state = 'running'",
        new.id,
        new.worker,
    )
    return Accepted(row, created=True, lease=Lease(new.id, 1) if holds else None)


async def row_of(session: Session, judgment_id: str) -> StoredJudgment | None:
    rows = await session.fetch(f"SELECT {COLUMNS} FROM judgments WHERE id = $1", judgment_id)  # noqa: S608
    return StoredJudgment(*rows[0]) if rows else None


def same_body(row: Sequence[Any], idempotency_key: str, body_sha256: str) -> StoredJudgment:
    """The judgment of a row of COLUMNS and body_sha256. Raises IdempotencyConflict where the body was another."""
    if row[-1] != body_sha256:
        raise IdempotencyConflict(idempotency_key, str(row[0]))
    return StoredJudgment(*row[:-1])


async def claim(
    session: Session, worker: str, count: int, lease_seconds: float, taking: str
) -> tuple[Claimed, ...]:
    """Take what is free. Two workers that count at one moment may both favour one tenant, once.

    `taking` is new for every claim: by it a claim whose answer was lost finds what it took.
    """
    if count <= 0:
        return ()
    if session.is_repeated and (taken := await session.fetch(_TAKEN, taking)):
        return tuple(_claimed(row) for row in taken)
    counts = await session.fetch(_COUNTS)
    rows = list[tuple[Any, ...]]()
    if any(over for *_, over in counts):
        rows += await session.fetch(_TAKE_OVER, worker, lease_seconds, count, taking)
    waiting = {Whose(tenant, key_id): number for tenant, key_id, number, _, _ in counts if number}
    if waiting and len(rows) < count:
        running = {Whose(tenant, key_id): number for tenant, key_id, _, number, _ in counts}
        for _, _, _, tenant, *_ in rows:
            # Which key one came by that is taken over does not matter for the sharing between tenants.
            taken_over = Whose(tenant, "")
            running[taken_over] = running.get(taken_over, 0) + 1
        shares = shares_by_key(waiting, running, count - len(rows))
        tenants, keys = [whose.tenant for whose in shares], [whose.key_id for whose in shares]
        rows += await session.fetch(
            _TAKE_WAITING, worker, lease_seconds, tenants, taking, tuple(shares.values()), keys
        )
    return tuple(_claimed(row[1:]) for row in rows)


async def renew(session: Session, clocks: Mapping[Lease, float], lease_seconds: float) -> Renewed:
    if not clocks:
        return Renewed(frozenset(), frozenset())
    rows = await session.fetch(_RENEW, *_columns(clocks), lease_seconds)
    held = {str(found): bool(is_cancelled) for found, is_cancelled in rows}
    lost = frozenset(lease.judgment_id for lease in clocks) - held.keys()
    return Renewed(lost, frozenset(found for found, is_cancelled in held.items() if is_cancelled))


async def release(session: Session, clocks: Mapping[Lease, float]) -> None:
    if clocks:
        await session.fetch(_RELEASE, *_columns(clocks))


async def release_all(session: Session) -> None:
    await session.fetch(_RELEASE_ALL)


async def cancel(
    session: Session, judgment_id: str, worker: str, lease_seconds: float, taking: str
) -> Claimed | None:
    if session.is_repeated and (taken := await session.fetch(_TAKEN, taking)):
        return _claimed(taken[0])
    rows = await session.fetch(_CANCEL, judgment_id, worker, lease_seconds, taking)
    return _claimed(rows[0][1:]) if rows and rows[0][0] else None


async def pass_on(session: Session, leader: str, created_after: float) -> None:
    await session.fetch(_PASS_ON, leader, created_after)


def _columns(clocks: Mapping[Lease, float]) -> tuple[list[str], list[int], list[float]]:
    return [lease.judgment_id for lease in clocks], [lease.token for lease in clocks], list(clocks.values())


def _claimed(row: Sequence[Any]) -> Claimed:
    found, token, tenant, created, elapsed, resumed, leader, is_cancelled = row
    return Claimed(Lease(found, token), tenant, created, elapsed, resumed, leader, is_cancelled)

"""Groups in the PostgreSQL store. Every statement is safe to repeat where its answer was lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from judge_agent.errors import StoreError
from judge_agent.schema import GroupState
from judge_agent.store.group_room import OpenGroups, TooMuchWaits
from judge_agent.store.groups import (
    MAX_GAP_SECONDS,
    NewGroup,
    NewMember,
    Seat,
    StoredGroup,
    StoredMember,
)
from judge_agent.store.postgres_pool import PostgresPool, Session
from judge_agent.store.records import IdempotencyConflict

_OPEN = "state IN ('open', 'judging')"
_NOW = "extract(epoch FROM clock_timestamp())::double precision"
_CLOCK = f"""(SELECT elapsed + least(greatest({_NOW} - beat, 0), {MAX_GAP_SECONDS}::double precision)
    FROM service_clock WHERE single = 1)"""  # noqa: S608
_COLUMNS = f"""id, tenant, group_id, attempt, size, state, is_joint, agreed, record, created, revision,
    coalesce(ended, {_CLOCK}) - began, {_OPEN} AND deadline <= {_CLOCK}, {_OPEN} AND last <= {_CLOCK}"""
_JOIN = """
SELECT outcome, found_id, found_place, found_judgment, open_count, held_count FROM join_group(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::bigint[], $15::text[], $16::text[], $17::text[],
    $18::text[], $19, $20, $21, $22)
"""
_MEMBERS = """
SELECT place, candidate_id, content_sha256, judgment_id, is_late, judgments.state
FROM group_members LEFT JOIN judgments ON judgments.id = judgment_id WHERE grp = $1 ORDER BY place
"""
_BEAT = f"""
UPDATE service_clock SET
    elapsed = elapsed + least(greatest({_NOW} - beat, 0), {MAX_GAP_SECONDS}::double precision), beat = {_NOW}
WHERE single = 1 AND EXISTS (SELECT 1 FROM groups WHERE {_OPEN})
"""  # noqa: S608
# A look at one of these brings it on; a look at one of the next may find no room for its judgment, for long.
_DUE = f"""
SELECT id FROM groups WHERE {_OPEN} AND (deadline <= {_CLOCK} OR (state = 'judging' AND
    NOT EXISTS (SELECT 1 FROM group_members LEFT JOIN judgments ON judgments.id = judgment_id
        WHERE grp = groups.id AND NOT is_late
            AND (judgments.state IS NULL OR judgments.state IN ('queued', 'running')))))
ORDER BY sequence LIMIT $1
"""  # noqa: S608
# That the state is one of both says nothing new: it is what the index of open groups is of.
_TO_BEGIN = """
SELECT id FROM (
    SELECT id, sequence, row_number() OVER (PARTITION BY tenant ORDER BY sequence) AS turn
    FROM groups WHERE state = 'judging' AND state IN ('open', 'judging') AND EXISTS (
        SELECT 1 FROM group_members WHERE grp = groups.id AND judgment_id IS NULL AND NOT is_late)) AS waiting
ORDER BY turn, sequence LIMIT $1
"""
_SETTLE = f"""
UPDATE groups SET state = $3, record = $4, settled = $5, ended = {_CLOCK}
WHERE id = $1 AND revision = $2 AND {_OPEN} RETURNING id
"""  # noqa: S608
_OF_KEY = """
SELECT grp, place, judgment_id, body_sha256 FROM group_members WHERE idempotency_key = $2 AND tenant || '' = $1
UNION ALL
SELECT kept.grp, kept.place, judgment_id, kept.body_sha256
FROM group_keys AS kept JOIN group_members AS one ON one.grp = kept.grp AND one.place = kept.place
WHERE kept.idempotency_key = $2 AND kept.tenant || '' = $1
"""


class PostgresGroups:
    """Fulfils `Groups`. `announce` has every process look again."""

    def __init__(self, pool: PostgresPool, announce: Callable[[], None]) -> None:
        self._pool = pool
        self._announce = announce

    async def join(self, group: NewGroup, members: Sequence[NewMember]) -> Seat:
        first = members[0]
        values = (
            group.id,
            group.tenant,
            group.group_id,
            group.attempt,
            group.size,
            group.is_joint,
            group.agreed,
            group.request,
            group.created,
            group.deadline_seconds,
            group.limit_seconds,
            group.max_open,
            MAX_GAP_SECONDS,
            [one.index for one in members],
            [one.candidate_id for one in members],
            [one.content_sha256 for one in members],
            [one.judgment_id for one in members],
            [one.candidate for one in members],
            first.idempotency_key,
            first.body_sha256,
            group.is_shared,
            group.max_waiting_bytes,
        )
        rows = await self._pool.fetch(_JOIN, *values)
        outcome, id, index, judgment_id, open_count, held = rows[0]
        if outcome == "conflict":
            raise IdempotencyConflict(first.idempotency_key or "", id)
        if outcome == "full":
            OpenGroups(held, open_count).check(group.max_open or 0, is_shared=group.is_shared)
        if outcome == "heavy":
            raise TooMuchWaits(open_count, group.max_waiting_bytes or 0)
        return Seat(outcome, id, index, judgment_id)

    async def earlier(self, tenant: str, idempotency_key: str, body_sha256: str) -> Seat | None:
        rows = await self._pool.fetch(_OF_KEY, tenant, idempotency_key)
        if not rows:
            return None
        if rows[0][3] != body_sha256:
            raise IdempotencyConflict(idempotency_key, rows[0][0])
        return Seat("earlier", *rows[0][:3])

    async def note_key(self, tenant: str, idempotency_key: str, body_sha256: str, seat: Seat) -> None:
        await self._pool.fetch(
            "INSERT INTO group_keys (tenant, idempotency_key, grp, place, body_sha256) "
            "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            tenant,
            idempotency_key,
            seat.id,
            seat.index,
            body_sha256,
        )
        await self.earlier(tenant, idempotency_key, body_sha256)

    async def find(self, tenant: str, group_id: str) -> tuple[StoredGroup, ...]:
        rows = await self._pool.fetch(
            f"SELECT {_COLUMNS} FROM groups WHERE group_id = $2 AND tenant || '' = $1 "  # noqa: S608
            "ORDER BY attempt DESC LIMIT 100",
            tenant,
            group_id,
        )
        return tuple(StoredGroup(*row) for row in rows)

    async def get(self, id: str, tenant: str | None = None) -> StoredGroup | None:
        rows = await self._pool.fetch(f"SELECT {_COLUMNS} FROM groups WHERE id = $1", id)  # noqa: S608
        found = [StoredGroup(*row) for row in rows if tenant is None or row[1] == tenant]
        return found[0] if found else None

    async def members(self, id: str) -> tuple[StoredMember, ...]:
        return tuple(StoredMember(*row) for row in await self._pool.fetch(_MEMBERS, id))

    async def request(self, id: str) -> str:
        rows = await self._pool.fetch("SELECT request FROM groups WHERE id = $1", id)
        if not rows:
            raise StoreError(f"there is no group {id!r}")
        return str(rows[0][0])

    async def candidates(self, id: str) -> tuple[tuple[int, str], ...]:
        rows = await self._pool.fetch(
            "SELECT place, candidate FROM group_members WHERE grp = $1 AND candidate IS NOT NULL AND NOT is_late "
            "ORDER BY place",
            id,
        )
        return tuple((int(place), str(candidate)) for place, candidate in rows)

    async def of_judgments(self, judgment_ids: Collection[str]) -> tuple[str, ...]:
        rows = await self._pool.fetch(
            "SELECT DISTINCT id FROM group_members JOIN groups ON id = grp "  # noqa: S608
            f"WHERE judgment_id = ANY($1::text[]) AND {_OPEN}",
            tuple(judgment_ids),
        )
        return tuple(str(row[0]) for row in rows)

    async def restart_clock(self) -> None:
        await self._pool.fetch(f"UPDATE service_clock SET beat = {_NOW} WHERE single = 1")  # noqa: S608

    async def due(self, limit: int) -> tuple[str, ...]:
        await self._pool.fetch(_BEAT)
        found = [*await self._pool.fetch(_DUE, limit), *await self._pool.fetch(_TO_BEGIN, limit)]
        return tuple(dict.fromkeys(str(row[0]) for row in found))

    async def close(self, id: str, revision: int) -> bool:
        return bool(
            await self._pool.fetch(
                "UPDATE groups SET state = 'judging', deadline = last, revision = revision + 1 "  # noqa: S608
                f"WHERE id = $1 AND revision = $2 AND {_OPEN} RETURNING id",
                id,
                revision,
            )
        )

    async def begun(self, id: str, judgment_id: str) -> None:
        await self._pool.fetch(
            "UPDATE group_members SET judgment_id = $2, candidate = NULL WHERE grp = $1 AND NOT is_late "
            "AND judgment_id IS NULL",
            id,
            judgment_id,
        )

    async def settle(self, id: str, revision: int, state: GroupState, record: str) -> bool:
        async def end(session: Session) -> bool:
            rows = await session.fetch(_SETTLE, id, revision, state, record, time.time())
            if not rows and session.is_repeated:
                rows = await session.fetch(
                    "SELECT id FROM groups WHERE id = $1 AND state = $2 AND record = $3", id, state, record
                )
            return bool(rows)

        is_kept = await self._pool.run(end)
        self._announce()
        return is_kept

    async def unlogged(self, older_than_seconds: float) -> tuple[str, ...]:
        rows = await self._pool.fetch(
            "SELECT id FROM groups WHERE settled IS NOT NULL AND settled <= $1 AND NOT is_logged "
            "ORDER BY settled LIMIT 100",
            time.time() - older_than_seconds,
        )
        return tuple(str(row[0]) for row in rows)

    async def logged(self, id: str) -> bool:
        return bool(
            await self._pool.fetch(
                "UPDATE groups SET is_logged = true WHERE id = $1 AND NOT is_logged RETURNING id", id
            )
        )

    async def settled(self, ids: Collection[str]) -> tuple[str, ...]:
        rows = await self._pool.fetch(
            f"SELECT id FROM groups WHERE id = ANY($1::text[]) AND NOT {_OPEN}",  # noqa: S608
            tuple(ids),
        )
        return tuple(str(row[0]) for row in rows)

    async def open_counts(self) -> dict[str, int]:
        rows = await self._pool.fetch(
            f"SELECT state, count(*) FROM groups WHERE {_OPEN} GROUP BY state"  # noqa: S608
        )
        return {str(state): int(count) for state, count in rows}

    async def open_of(self, tenant: str) -> OpenGroups:
        rows = await self._pool.fetch(
            f"SELECT count(*) FILTER (WHERE tenant = $1), count(*) FROM groups WHERE {_OPEN}",  # noqa: S608
            tenant,
        )
        return OpenGroups(*rows[0])

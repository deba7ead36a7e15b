"""Groups on SQLite: each method is one transaction of the store's one thread."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Sequence
from typing import Any, Literal

from judge_agent.errors import StoreError
from judge_agent.journal import Transactions
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
from judge_agent.store.records import IdempotencyConflict

_OPEN = "state IN ('open', 'judging')"
# Between two beats the clock is the last beat and the time since, as far as somebody can have been there.
_CLOCK = "(SELECT elapsed + min(max(? - beat, 0), ?) FROM service_clock)"
_COLUMNS = f"""id, tenant, group_id, attempt, size, state, is_joint, agreed, record, created, revision,
    coalesce(ended, {_CLOCK}) - began, {_OPEN} AND deadline <= {_CLOCK}, {_OPEN} AND last <= {_CLOCK}"""
_MEMBERS = """
SELECT place, candidate_id, content_sha256, judgment_id, is_late, judgments.state
FROM group_members LEFT JOIN judgments ON judgments.id = judgment_id WHERE grp = ? ORDER BY place
"""
_UNJUDGED = """EXISTS (
    SELECT 1 FROM group_members LEFT JOIN judgments ON judgments.id = judgment_id
    WHERE grp = groups.id AND NOT is_late AND (judgments.state IS NULL OR judgments.state IN ('queued', 'running')))"""
# A look at one of these brings it on; a look at one of the next may find no room for its judgment, for long.
_DUE = f"""
SELECT id FROM groups WHERE {_OPEN} AND (deadline <= {_CLOCK} OR (state = 'judging' AND NOT {_UNJUDGED}))
ORDER BY sequence LIMIT ?
"""  # noqa: S608
# That the state is one of both says nothing new: it is what the index of open groups is of.
_TO_BEGIN = """
SELECT id FROM (
    SELECT id, sequence, row_number() OVER (PARTITION BY tenant ORDER BY sequence) AS turn
    FROM groups WHERE state = 'judging' AND state IN ('open', 'judging') AND EXISTS (
        SELECT 1 FROM group_members WHERE grp = groups.id AND judgment_id IS NULL AND NOT is_late))
ORDER BY turn, sequence LIMIT ?
"""
_OF_KEY = """
SELECT grp, place, judgment_id, body_sha256 FROM group_members WHERE tenant = ? AND idempotency_key = ?
UNION ALL
SELECT kept.grp, kept.place, judgment_id, kept.body_sha256
FROM group_keys AS kept JOIN group_members AS one ON one.grp = kept.grp AND one.place = kept.place
WHERE kept.tenant = ? AND kept.idempotency_key = ?
"""


class SqliteGroups:
    """Fulfils `Groups`."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def join(self, group: NewGroup, members: Sequence[NewMember]) -> Seat:
        return await self._database.run(lambda connection: _join(connection, group, members))

    async def earlier(self, tenant: str, idempotency_key: str, body_sha256: str) -> Seat | None:
        return await self._database.run(
            lambda connection: _earlier(connection, tenant, idempotency_key, body_sha256)
        )

    async def note_key(self, tenant: str, idempotency_key: str, body_sha256: str, seat: Seat) -> None:
        def note(connection: sqlite3.Connection) -> None:
            if _earlier(connection, tenant, idempotency_key, body_sha256) is None:
                connection.execute(
                    "INSERT INTO group_keys (tenant, idempotency_key, grp, place, body_sha256) "
                    "VALUES (?, ?, ?, ?, ?)",
                    (tenant, idempotency_key, seat.id, seat.index, body_sha256),
                )

        await self._database.run(note)

    async def find(self, tenant: str, group_id: str) -> tuple[StoredGroup, ...]:
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM groups WHERE tenant = ? AND group_id = ? ORDER BY attempt DESC LIMIT 100",  # noqa: S608
            *_clocks(3),
            tenant,
            group_id,
        )
        return tuple(_group(row) for row in rows)

    async def get(self, id: str, tenant: str | None = None) -> StoredGroup | None:
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM groups WHERE id = ?",  # noqa: S608
            *_clocks(3),
            id,
        )
        found = [_group(row) for row in rows if tenant is None or row[1] == tenant]
        return found[0] if found else None

    async def members(self, id: str) -> tuple[StoredMember, ...]:
        rows = await self._database.fetch(_MEMBERS, id)
        return tuple(
            StoredMember(index, name, content, judgment_id, bool(is_late), state)
            for index, name, content, judgment_id, is_late, state in rows
        )

    async def request(self, id: str) -> str:
        rows = await self._database.fetch("SELECT request FROM groups WHERE id = ?", id)
        if not rows:
            raise StoreError(f"there is no group {id!r}")
        return str(rows[0][0])

    async def candidates(self, id: str) -> tuple[tuple[int, str], ...]:
        rows = await self._database.fetch(
            "SELECT place, candidate FROM group_members WHERE grp = ? AND candidate IS NOT NULL "
            "AND NOT is_late ORDER BY place",
            id,
        )
        return tuple((int(place), str(candidate)) for place, candidate in rows)

    async def of_judgments(self, judgment_ids: Collection[str]) -> tuple[str, ...]:
        marks = ", ".join("?" * len(judgment_ids))
        rows = await self._database.fetch(
            "SELECT DISTINCT id FROM group_members JOIN groups ON id = grp "  # noqa: S608
            f"WHERE judgment_id IN ({marks}) AND {_OPEN}",
            *judgment_ids,
        )
        return tuple(str(row[0]) for row in rows)

    async def restart_clock(self) -> None:
        await self._database.execute("UPDATE service_clock SET beat = ?", time.time())

    async def due(self, limit: int) -> tuple[str, ...]:
        def look(connection: sqlite3.Connection) -> tuple[str, ...]:
            is_any = connection.execute(f"SELECT 1 FROM groups WHERE {_OPEN} LIMIT 1").fetchone()  # noqa: S608
            if is_any is None:
                return ()
            _beat(connection)
            found = connection.execute(_DUE, (*_clocks(1), limit)).fetchall()
            found += connection.execute(_TO_BEGIN, (limit,)).fetchall()
            return tuple(dict.fromkeys(str(row[0]) for row in found))

        return await self._database.run(look)

    async def close(self, id: str, revision: int) -> bool:
        changed = await self._database.execute(
            f"UPDATE groups SET state = 'judging', deadline = last, revision = revision + 1 "  # noqa: S608
            f"WHERE id = ? AND revision = ? AND {_OPEN}",
            id,
            revision,
        )
        return changed == 1

    async def begun(self, id: str, judgment_id: str) -> None:
        await self._database.execute(
            "UPDATE group_members SET judgment_id = ?, candidate = NULL WHERE grp = ? AND NOT is_late "
            "AND judgment_id IS NULL",
            judgment_id,
            id,
        )

    async def settle(self, id: str, revision: int, state: GroupState, record: str) -> bool:
        changed = await self._database.execute(
            f"UPDATE groups SET state = ?, record = ?, settled = ?, ended = {_CLOCK} "  # noqa: S608
            f"WHERE id = ? AND revision = ? AND {_OPEN}",
            state,
            record,
            time.time(),
            *_clocks(1),
            id,
            revision,
        )
        return changed == 1

    async def unlogged(self, older_than_seconds: float) -> tuple[str, ...]:
        rows = await self._database.fetch(
            "SELECT id FROM groups WHERE settled <= ? AND NOT is_logged ORDER BY settled LIMIT 100",
            time.time() - older_than_seconds,
        )
        return tuple(str(row[0]) for row in rows)

    async def logged(self, id: str) -> bool:
        changed = await self._database.execute(
            "UPDATE groups SET is_logged = 1 WHERE id = ? AND NOT is_logged", id
        )
        return changed == 1

    async def settled(self, ids: Collection[str]) -> tuple[str, ...]:
        marks = ", ".join("?" * len(ids))
        rows = await self._database.fetch(
            f"SELECT id FROM groups WHERE id IN ({marks}) AND NOT {_OPEN}",  # noqa: S608
            *ids,
        )
        return tuple(str(row[0]) for row in rows)

    async def open_counts(self) -> dict[str, int]:
        rows = await self._database.fetch(
            f"SELECT state, count(*) FROM groups WHERE {_OPEN} GROUP BY state"  # noqa: S608
        )
        return {str(state): int(count) for state, count in rows}

    async def open_of(self, tenant: str) -> OpenGroups:
        return await self._database.run(lambda connection: _open_of(connection, tenant))


def _clocks(count: int) -> tuple[float, ...]:
    return (time.time(), MAX_GAP_SECONDS) * count


def _group(row: Sequence[Any]) -> StoredGroup:
    flags = {6, 12, 13}
    values: list[Any] = [bool(value) if at in flags else value for at, value in enumerate(row)]
    return StoredGroup(*values)


def _beat(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO service_clock (single, elapsed, beat) VALUES (1, 0, ?) ON CONFLICT (single) DO UPDATE "
        "SET elapsed = elapsed + min(max(excluded.beat - beat, 0), ?), beat = excluded.beat",
        _clocks(1),
    )


def _earlier(
    connection: sqlite3.Connection, tenant: str, idempotency_key: str | None, body_sha256: str
) -> Seat | None:
    row = connection.execute(_OF_KEY, (tenant, idempotency_key) * 2).fetchone()
    if row is None:
        return None
    if row[3] != body_sha256:
        raise IdempotencyConflict(str(idempotency_key), row[0])
    return Seat("earlier", row[0], row[1], row[2])


def _join(connection: sqlite3.Connection, group: NewGroup, members: Sequence[NewMember]) -> Seat:
    first = members[0]
    earlier = _earlier(connection, group.tenant, first.idempotency_key, first.body_sha256)
    if earlier is not None:
        return earlier
    row = connection.execute(
        "SELECT id, agreed, state, is_joint FROM groups WHERE tenant = ? AND group_id = ? AND attempt = ?",
        (group.tenant, group.group_id, group.attempt),
    ).fetchone()
    if row is None:
        _keep(connection, group)
        row = (group.id, group.agreed, "open", group.is_joint)
    id, agreed, state, is_joint = row
    if agreed != group.agreed:
        return Seat("disagrees", id, first.index, None)
    if (seat := _seated_before(connection, id, members)) is not None:
        return seat
    if state == "cancelled" or (is_joint and state != "open"):
        return Seat("closed", id, first.index, None)
    _check_weight(connection, id, members, group.max_waiting_bytes)
    is_late = state not in ("open", "judging")
    _sit(connection, id, group.tenant, members, is_late)
    if not is_late:
        connection.execute(
            "UPDATE groups SET seats = seats + ?, revision = revision + 1, "
            "state = CASE WHEN seats + ? >= size THEN 'judging' ELSE state END WHERE id = ?",
            (len(members), len(members), id),
        )
    return Seat("late" if is_late else "seated", id, first.index, first.judgment_id)


def _seated_before(connection: sqlite3.Connection, id: str, members: Sequence[NewMember]) -> Seat | None:
    """What is known of these indices already; None where all are free."""
    found = {
        int(place): (content, judgment)
        for place, content, judgment in connection.execute(
            "SELECT place, content_sha256, judgment_id FROM group_members WHERE grp = ?", (id,)
        )
    }
    taken = [one for one in members if one.index in found]
    for one in taken:
        if found[one.index][0] != one.content_sha256:
            return Seat("taken", id, one.index, found[one.index][1])
    if not taken:
        return None
    outcome: Literal["earlier", "partly"] = "earlier" if len(taken) == len(members) else "partly"
    return Seat(outcome, id, taken[0].index, found[taken[0].index][1])


def _check_weight(
    connection: sqlite3.Connection, id: str, members: Sequence[NewMember], limit: int | None
) -> None:
    """Raise TooMuchWaits where a member would make too much wait; the first one always may."""
    given = sum(len(one.candidate) for one in members if one.candidate is not None)
    if limit is None or not given:
        return
    waiting, count = connection.execute(
        "SELECT coalesce(sum(length(candidate)), 0), count(*) FROM group_members "
        "WHERE grp = ? AND candidate IS NOT NULL",
        (id,),
    ).fetchone()
    if count and waiting + given > limit:
        raise TooMuchWaits(waiting + given, limit)


def _open_of(connection: sqlite3.Connection, tenant: str) -> OpenGroups:
    held, count = connection.execute(
        f"SELECT coalesce(sum(tenant = ?), 0), count(*) FROM groups WHERE {_OPEN}",  # noqa: S608
        (tenant,),
    ).fetchone()
    return OpenGroups(held, count)


def _keep(connection: sqlite3.Connection, group: NewGroup) -> None:
    if group.max_open is not None:
        _open_of(connection, group.tenant).check(group.max_open, is_shared=group.is_shared)
    _beat(connection)
    (clock,) = connection.execute("SELECT elapsed FROM service_clock").fetchone()
    connection.execute(
        "INSERT INTO groups (id, tenant, group_id, attempt, size, state, is_joint, agreed, request, created, began, "
        "deadline, last) VALUES (?, ?, ?, ?, ?, 'open', ?, ?, ?, ?, ?, ?, ?)",
        (
            group.id,
            group.tenant,
            group.group_id,
            group.attempt,
            group.size,
            group.is_joint,
            group.agreed,
            group.request,
            group.created,
            clock,
            clock + group.deadline_seconds,
            clock + group.limit_seconds,
        ),
    )


def _sit(
    connection: sqlite3.Connection, id: str, tenant: str, members: Sequence[NewMember], is_late: bool
) -> None:
    connection.executemany(
        "INSERT INTO group_members (grp, place, tenant, candidate_id, content_sha256, judgment_id, candidate, is_late, "
        "idempotency_key, body_sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                id,
                one.index,
                tenant,
                one.candidate_id,
                one.content_sha256,
                one.judgment_id,
                one.candidate,
                is_late,
                one.idempotency_key,
                one.body_sha256,
            )
            for one in members
        ],
    )

"""The journal of finished calls and the results that posts share: on SQLite, and in memory for tests.

Every result makes the round trip through JSON on both, so that a first run and a resumed one see the same.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from judge_agent.errors import LeaseLost, StoreError
from judge_agent.seams.storage import JournalEntry

T = TypeVar("T")


class Transactions(Protocol):
    """Runs work on the database; what it wrote is on disk on return, or, of what is done at once, committed."""

    async def at_once(self, work: Callable[[sqlite3.Connection], T], /) -> T: ...

    async def run(self, work: Callable[[sqlite3.Connection], T], /) -> T: ...

    async def execute(self, statement: str, *values: object) -> int: ...

    async def fetch(self, statement: str, *values: object) -> list[tuple[Any, ...]]: ...

    async def look(self, statement: str, *values: object) -> list[tuple[Any, ...]]: ...


class SqliteJournal:
    """Fulfils `seams.storage.Journal`. The first result of a key is the one that stays."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def load(self, judgment_id: str) -> Mapping[str, JournalEntry]:
        rows = await self._database.fetch(
            "SELECT key, node, kind, result, elapsed_seconds FROM journal "
            "WHERE judgment_id = ? ORDER BY rowid",
            judgment_id,
        )
        return {
            key: JournalEntry(key, node, kind, json.loads(result), elapsed)
            for key, node, kind, result, elapsed in rows
        }

    async def append(self, judgment_id: str, entry: JournalEntry, *, lease: int | None = None) -> None:
        row = (judgment_id, entry.key, entry.node, entry.kind, written(entry), entry.elapsed_seconds)

        def keep(connection: sqlite3.Connection) -> None:
            if lease is not None:
                _check_lease(connection, judgment_id, lease)
            connection.execute(_APPEND, row)

        await self._database.at_once(keep)

    async def held(self, judgment_id: str, lease: int) -> None:
        if not await self._database.look(_HELD, judgment_id, lease):
            raise lease_lost(judgment_id, lease)


class SqliteSharedResults:
    """Fulfils `seams.storage.SharedResults`."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def get(self, tenant: str, key: str) -> Mapping[str, Any] | None:
        rows = await self._database.look(_SHARED, tenant, key)
        return dict(json.loads(rows[0][0])) if rows else None

    async def put(
        self, tenant: str, key: str, value: Mapping[str, Any], *, replace: bool = False
    ) -> Mapping[str, Any]:
        text = as_json(value, f"shared result {key!r}")

        def keep(connection: sqlite3.Connection) -> str:
            if connection.execute(_REPLACE if replace else _PUT, (tenant, key, text)).rowcount:
                return text
            return str(connection.execute(_SHARED, (tenant, key)).fetchone()[0])

        return dict(json.loads(await self._database.at_once(keep)))

    async def drop(self, tenant: str, key: str, value: Mapping[str, Any]) -> None:
        text = as_json(value, f"shared result {key!r}")
        await self._database.execute(_DROP, tenant, key, text)


class MemoryJournal:
    """A journal that lives as long as the process; for tests and for one-off judging."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, JournalEntry]] = {}

    async def load(self, judgment_id: str) -> Mapping[str, JournalEntry]:
        return dict(self._entries.get(judgment_id, {}))

    async def append(self, judgment_id: str, entry: JournalEntry, *, lease: int | None = None) -> None:
        result = json.loads(written(entry))
        kept = JournalEntry(entry.key, entry.node, entry.kind, result, entry.elapsed_seconds)
        self._entries.setdefault(judgment_id, {}).setdefault(entry.key, kept)

    async def held(self, judgment_id: str, lease: int) -> None:
        """Nobody else can hold anything here."""


class MemorySharedResults:
    """Shared results that live as long as the process; for tests and for one-off judging."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], str] = {}

    async def get(self, tenant: str, key: str) -> Mapping[str, Any] | None:
        text = self._values.get((tenant, key))
        return None if text is None else dict(json.loads(text))

    async def put(
        self, tenant: str, key: str, value: Mapping[str, Any], *, replace: bool = False
    ) -> Mapping[str, Any]:
        text = as_json(value, f"shared result {key!r}")
        if replace:
            self._values[(tenant, key)] = text
        text = self._values.setdefault((tenant, key), text)
        return dict(json.loads(text))

    async def drop(self, tenant: str, key: str, value: Mapping[str, Any]) -> None:
        if self._values.get((tenant, key)) == as_json(value, f"shared result {key!r}"):
            del self._values[(tenant, key)]


_HELD = "SELECT 1 FROM judgments WHERE id = ? AND lease = ? AND state = 'running'"
_SHARED = "SELECT value FROM shared_results WHERE tenant = ? AND key = ?"
_PUT = "INSERT INTO shared_results (tenant, key, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_REPLACE = (
    "INSERT INTO shared_results (tenant, key, value) VALUES (?, ?, ?) "
    "ON CONFLICT (tenant, key) DO UPDATE SET value = excluded.value"
)
_DROP = "DELETE FROM shared_results WHERE tenant = ? AND key = ? AND value = ?"
_APPEND = (
    "INSERT INTO journal (judgment_id, key, node, kind, result, elapsed_seconds) "
    "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)


def _check_lease(connection: sqlite3.Connection, judgment_id: str, lease: int) -> None:
    if connection.execute(_HELD, (judgment_id, lease)).fetchone() is None:
        raise lease_lost(judgment_id, lease)


def lease_lost(judgment_id: str, lease: int) -> LeaseLost:
    return LeaseLost(
        f"judgment {judgment_id!r} is not held by lease {lease} any more: another worker took it over, or it has ended"
    )


def written(entry: JournalEntry) -> str:
    """The JSON of a finished call's result. Raises StoreError for what is none."""
    return as_json(entry.result, f"journal entry {entry.key!r}")


def as_json(value: Mapping[str, Any], what: str) -> str:
    """Write JSON in ASCII, so that lone surrogates survive; log-probabilities of -inf are written too."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"the {what} cannot be kept as JSON: {error}") from error

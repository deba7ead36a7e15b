"""The host's side of a SQL box: one database in one process, asked line by line, killed soon after its deadline.

What comes back is a claim of a process that a foreign file or query may have taken over: bounded, and read as data.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, Literal

from judge_agent.errors import ToolError
from judge_agent.seams.sandbox import Box, BoxClosed, Limits, Program, Sandbox
from tools.sql.catalogue import allowed_functions
from tools.sql.database import DatabaseSource

LOAD_SECONDS = 20.0
KILL_AFTER_SECONDS = 0.5
MAX_ROWS = 50_000
MAX_BYTES = 4_000_000
_ADDRESS_SPACE = {"duckdb": 1_500_000_000, "sqlite": 600_000_000}
_OUT_OF_MEMORY = (b"bad_alloc", b"MemoryError", b"Out of Memory")  # an engine's last words
_DISK_BYTES = 160_000_000
_COPYING = (
    "shapes",
    "hanging",
    "across",
    "tables",
    "nudging",
    "filling",
    "changes",
    "adding",
    "edits",
    "copier",
    "sqlite_copy",
    "duckdb_copy",
)
_MODULES = (
    "engine",
    "cells",
    "sqlite_engine",
    "duckdb_engine",
    "server",
    *(f"copying/{name}" for name in _COPYING),
)
FailureKind = Literal["syntax", "error", "refused", "timeout", "memory", "died"]
_KINDS: tuple[FailureKind, ...] = ("syntax", "error", "refused", "timeout", "memory", "died")
Row = Sequence[Any]


class QueryFailed(Exception):
    """The engine gave no result. `kind` says why; the message is the engine's own."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class QueryResult:
    """Rows of encoded cells (`in_box/cells.py`). `cut`: there are more than were asked for."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    cut: bool = False


class DatabaseBox:
    """A database that is open in a box. Not for concurrent use."""

    def __init__(self, box: Box) -> None:
        self._box = box

    async def query(
        self, sql: str, *, seconds: float, max_rows: int = MAX_ROWS, max_bytes: int = MAX_BYTES
    ) -> QueryResult:
        """Run one query that the allow-list let through. Raises QueryFailed."""
        asked = {"op": "query", "sql": sql, "max_rows": max_rows, "max_bytes": max_bytes}
        return _result(await self._ask(asked, seconds), max_rows)

    async def parses(self, sql: str, *, seconds: float) -> None:
        """Raise QueryFailed where the engine itself does not take the text as one query."""
        await self._ask({"op": "parses", "sql": sql}, seconds)

    async def knows(self, names: Sequence[str], *, seconds: float) -> frozenset[str]:
        """Those of the function names that the engine has. Raises QueryFailed."""
        reply = await self._ask({"op": "knows", "names": list(names)}, seconds)
        known = reply.get("known")
        return frozenset(names) & frozenset(map(str, known if isinstance(known, list) else ()))

    async def describe(self, *, seconds: float) -> list[Any]:
        """Tables with their columns. Raises QueryFailed."""
        reply = await self._ask({"op": "describe"}, seconds)
        tables = reply.get("tables")
        return tables if isinstance(tables, list) else []

    async def read_backwards(self, *, seconds: float) -> None:
        """From now on, read tables from the end where a query leaves their order open. Raises QueryFailed."""
        await self._ask({"op": "backwards"}, seconds)

    async def turn_to_copy(self, asked: Mapping[str, Any], *, seconds: float) -> Mapping[str, Any]:
        """Make a perturbed copy (`in_box/copying`), which queries read from then on. Raises QueryFailed."""
        reply = await self._ask({"op": "copy", **asked}, seconds)
        told = reply.get("copy")
        if not isinstance(told, dict) or not isinstance(told.get("tables"), dict):
            raise QueryFailed("died", "the box broke the protocol: no copy")
        return told

    async def _ask(self, asked: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        try:
            await self._box.send(json.dumps({**asked, "seconds": seconds}).encode())
            line = await self._box.receive(timeout_seconds=seconds + KILL_AFTER_SECONDS)
        except TimeoutError as error:
            await self._box.stop()
            raise QueryFailed("timeout", f"it did not end within {seconds:g} s") from error
        except BoxClosed as error:
            raise await self._death(error) from error
        reply = _object(line)
        if isinstance(failure := reply.get("error"), dict):
            raise _failure(failure)
        return reply

    async def _death(self, error: BoxClosed) -> QueryFailed:
        result = await self._box.stop()
        if result.status == "timeout":
            return QueryFailed("timeout", f"it used up its {result.limit}")
        if result.limit == "memory_bytes" or any(sign in result.stderr for sign in _OUT_OF_MEMORY):
            return QueryFailed("memory", "it used up its memory")
        return QueryFailed("died", f"the engine ended during the query ({error})")


@asynccontextmanager
async def open_database(
    sandbox: Sandbox, source: DatabaseSource, *, seed: int, load_seconds: float = LOAD_SECONDS
) -> AsyncIterator[DatabaseBox]:
    """Open a database in a box of its own. Raises ToolError for one that cannot be opened; SandboxError."""
    limits = replace(
        Limits(),
        wall_seconds=600.0,
        cpu_seconds=120,
        memory_bytes=_ADDRESS_SPACE[source.engine],
        disk_bytes=_DISK_BYTES,
        program_bytes=len(source.payload) + 2_000_000,
    )
    modules = box_modules()
    program = Program("from tools.sql.in_box.server import main", modules, source.payload, seed, warm="sql")
    setup = {
        "engine": source.engine,
        "kind": source.kind,
        "seconds": load_seconds,
        "functions": sorted(allowed_functions("sqlite")) if source.engine == "sqlite" else [],
    }
    async with sandbox.open(program, limits=limits) as box:
        database = DatabaseBox(box)
        try:
            reply = await database._ask(setup, load_seconds)
        except QueryFailed as error:
            raise ToolError(
                f"database {source.name!r} could not be opened by {source.engine}: {error}"
            ) from error
        if reply.get("loaded") is not True:
            raise ToolError(f"database {source.name!r} could not be opened by {source.engine}")
        yield database


@cache
def box_modules() -> dict[str, str]:
    """Sources of what runs inside the box, by module name."""
    folder = resources.files("tools.sql.in_box")
    return {
        f"tools.sql.in_box.{name.replace('/', '.')}": folder.joinpath(f"{name}.py").read_text(
            encoding="utf-8"
        )
        for name in _MODULES
    }


def _object(line: bytes) -> dict[str, Any]:
    try:
        reply = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise QueryFailed("died", f"the box broke the protocol: {error}") from error
    if not isinstance(reply, dict):
        raise QueryFailed("died", "the box broke the protocol: no object")
    return reply


def _failure(failure: Mapping[str, Any]) -> QueryFailed:
    kind: FailureKind = next((known for known in _KINDS if known == failure.get("kind")), "died")
    return QueryFailed(kind, str(failure.get("message", ""))[:1000])


def _result(reply: Mapping[str, Any], max_rows: int) -> QueryResult:
    columns, rows = reply.get("columns"), reply.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list) or len(rows) > max_rows:
        raise QueryFailed("died", "the box broke the protocol: no table")
    if any(not isinstance(row, list) or len(row) != len(columns) for row in rows):
        raise QueryFailed("died", "the box broke the protocol: rows of another width")
    return QueryResult(tuple(map(str, columns)), tuple(rows), reply.get("cut") is True)

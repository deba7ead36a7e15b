"""The host's side of a replay box: a copy of a database that declared SQL changes, call by call.

What comes back is a claim of a process that a foreign file may have taken over: bounded, and read as data.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

from judge_agent.errors import ToolError
from judge_agent.schema import SqlEffect
from judge_agent.seams.sandbox import Box, BoxClosed, Limits, Program, Sandbox
from tools.sql.database import DatabaseSource
from tools.sql.engine_box import box_modules
from tools.states.sightings import Went

LOAD_SECONDS = 20.0
CALL_SECONDS = 5.0
DUMP_SECONDS = 15.0
KILL_AFTER_SECONDS = 1.0
_MEMORY_BYTES = 1_500_000_000
_DISK_BYTES = 320_000_000  # the database and its copy
_MODULES = ("cells", "replaying", "unsteady", "writers")
Json = dict[str, Any]


class NoAnswer(Exception):
    """The box gave no answer to a question; the message says why."""


class WrongStatement(Exception):
    """A declared statement is none for this database, whatever a call's arguments are; the message is the engine's."""


class DatabaseWorld:
    """A database that is open in a box. `unsteady` are the tables into which calls wrote clocks or random values, in
    lower case. Not for concurrent use.
    """

    def __init__(self, box: Box) -> None:
        self._box = box
        self.unsteady: set[str] = set()

    async def call(self, effect: SqlEffect, parameters: Mapping[str, Any]) -> tuple[Went, str]:
        """Do what one call does; say how it went, and why. Raises NoAnswer, WrongStatement."""
        asked = {"op": "call", "require": effect.require, "run": effect.run, "parameters": dict(parameters)}
        reply = await self._ask(asked, CALL_SECONDS)
        if reply.get("went") == "wrong":
            raise WrongStatement(str(reply.get("message", ""))[:500])
        kinds: tuple[Went, ...] = ("done", "failed", "unclear")
        went = next((kind for kind in kinds if kind == reply.get("went")), None)
        if went is None:
            raise NoAnswer("the box broke the protocol")
        written = reply.get("unsteady", ())
        if not isinstance(written, (list, tuple)):
            raise NoAnswer("the box broke the protocol")
        self.unsteady.update(str(name) for name in written)
        return went, str(reply.get("message", ""))[:500]

    async def query(self, sql: str) -> Json:
        """The rows of a query: {sha256, count, rows, cut}. Raises NoAnswer."""
        return await self._ask({"op": "query", "sql": sql}, CALL_SECONDS)

    async def tables(self, ignored: Mapping[str, Sequence[str]]) -> dict[str, Json]:
        """Every table: {sha256, count, rows, cut}, by name, without the ignored columns. Raises NoAnswer."""
        tables = (await self._ask({"op": "dump", "ignored": ignored}, DUMP_SECONDS)).get("tables")
        if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
            raise NoAnswer("the box broke the protocol")
        return tables

    async def _ask(self, asked: Mapping[str, Any], seconds: float) -> Json:
        try:
            await self._box.send(json.dumps({**asked, "seconds": seconds}).encode())
            line = await self._box.receive(timeout_seconds=seconds + KILL_AFTER_SECONDS)
            reply = json.loads(line)
        except TimeoutError as error:
            await self._box.stop()
            raise NoAnswer(f"it did not end within {seconds:g} s") from error
        except (BoxClosed, ValueError, RecursionError) as error:
            raise NoAnswer(f"the engine ended or broke the protocol ({error})") from error
        if not isinstance(reply, dict):
            raise NoAnswer("the box broke the protocol")
        if "error" in reply:
            raise NoAnswer(str(reply["error"])[:500])
        return reply


@asynccontextmanager
async def open_world(sandbox: Sandbox, source: DatabaseSource, *, seed: int) -> AsyncIterator[DatabaseWorld]:
    """Open a copy of a database in a box of its own. Raises ToolError where it cannot be opened; SandboxError."""
    limits = replace(
        Limits(),
        wall_seconds=600.0,
        cpu_seconds=120,
        memory_bytes=_MEMORY_BYTES,
        disk_bytes=_DISK_BYTES,
        output_bytes=16_000_000,
        program_bytes=len(source.payload) + 2_000_000,
    )
    modules = {**box_modules(), **_modules()}
    program = Program(
        "from tools.states.in_box.replaying import main", modules, source.payload, seed, warm="sql"
    )
    setup = {"engine": source.engine, "kind": source.kind}
    async with sandbox.open(program, limits=limits) as box:
        world = DatabaseWorld(box)
        try:
            reply = await world._ask(setup, LOAD_SECONDS)
        except NoAnswer as error:
            raise ToolError(
                f"database {source.name!r} could not be opened by {source.engine}: {error}"
            ) from error
        if reply.get("opened") is not True:
            raise ToolError(f"database {source.name!r} could not be opened by {source.engine}")
        yield world


@cache
def _modules() -> dict[str, str]:
    """Sources of what runs inside the box, by module name."""
    folder = resources.files("tools.states.in_box")
    return {
        f"tools.states.in_box.{name}": folder.joinpath(f"{name}.py").read_text("utf-8") for name in _MODULES
    }

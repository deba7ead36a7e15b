"""The program of a replay box: opens a database, and changes a copy of it call by call, each wholly or not at all.

A question is {op: call | query | dump, ...}, a line each; an answer holds `error` where it could not be given. What
comes back is bounded here, and again by the host.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable

from tools.sql.in_box.engine import DATABASE, Channel, EngineError, Json
from tools.states.in_box.cells import line_of
from tools.states.in_box.writers import (
    CallFailed,
    DuckdbWriter,
    SqliteWriter,
    Unclear,
    Writer,
    WrongStatement,
)

REPLAYED = "replayed"
MAX_MESSAGE_CHARS = 500
MAX_ROWS = 2000
MAX_BYTES = 500_000


def main(channel: Channel) -> None:
    """Serve until the host closes the channel."""
    setup = json.loads(channel.receive() or b"{}")
    try:
        writer = _opened(setup)
    except (EngineError, ImportError, MemoryError, RecursionError, OSError) as error:
        _send(channel, {"error": f"{type(error).__name__}: {error}"[:MAX_MESSAGE_CHARS]})
        return
    _send(channel, {"opened": True})
    while (line := channel.receive()) is not None:
        _send(channel, _answer(writer, json.loads(line)))


def _opened(setup: Json) -> Writer:
    """The engine that reads databases builds or receives it; what is changed is a copy of its file."""
    payload = json.loads(sys.stdin.buffer.read()) if setup["kind"] != "file" else {}
    if setup["engine"] == "sqlite":
        from tools.sql.in_box.sqlite_engine import SqliteEngine

        SqliteEngine([]).load(setup["kind"], payload, setup["seconds"])
        shutil.copyfile(DATABASE, REPLAYED)
        return SqliteWriter(REPLAYED)
    from tools.sql.in_box.duckdb_engine import DuckdbEngine

    DuckdbEngine().load(setup["kind"], payload, setup["seconds"])
    shutil.copyfile(DATABASE, REPLAYED)
    return DuckdbWriter(REPLAYED)


def _answer(writer: Writer, asked: Json) -> Json:
    try:
        if asked["op"] == "call":
            return _call(writer, asked)
        if asked["op"] == "query":
            return _rows(writer.query(asked["sql"], asked["seconds"]))
        return {
            "tables": {
                name: _rows(rows, sort=True)
                for name, rows in writer.tables(asked["seconds"], asked["ignored"])
            }
        }
    except (Unclear, MemoryError, RecursionError) as error:
        return {"error": f"{error}"[:MAX_MESSAGE_CHARS] or type(error).__name__}


def _call(writer: Writer, asked: Json) -> Json:
    try:
        tables = writer.call(asked["require"], asked["run"], asked["parameters"], asked["seconds"])
    except CallFailed as failure:
        return {"went": "failed", "message": str(failure)[:MAX_MESSAGE_CHARS]}
    except Unclear as error:
        return {
            "went": "wrong" if isinstance(error, WrongStatement) else "unclear",
            "message": str(error)[:MAX_MESSAGE_CHARS],
        }
    return {"went": "done", "unsteady": sorted(tables)}


def _rows(found: Iterable[Iterable[object]], *, sort: bool = False) -> Json:
    """All rows by their hash, and the rows themselves as long as there is room."""
    lines = [line_of(row) for row in found]
    if sort:
        lines.sort()
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode() + b"\n")
    size, kept = 0, 0
    for line in lines[:MAX_ROWS]:
        size += len(line)
        if size > MAX_BYTES:
            break
        kept += 1
    rows = [json.loads(line) for line in lines[:kept]]
    return {"sha256": digest.hexdigest(), "count": len(lines), "rows": rows, "cut": kept < len(lines)}


def _send(channel: Channel, answer: Json) -> None:
    channel.send(json.dumps(answer).encode())

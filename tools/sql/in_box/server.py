"""The program of a SQL box: opens one database, then answers one question a line.

A question is {op: query | parses | knows | describe | backwards | copy, ...}; an answer holds `error: {kind, message}`
where the engine did not do it. Everything that comes back is bounded here, and again by the host.
"""

from __future__ import annotations

import json
import sys

from tools.sql.in_box.cells import line_of
from tools.sql.in_box.engine import Channel, Clock, Engine, EngineError, Json

MAX_MESSAGE_CHARS = 1000


def main(channel: Channel) -> None:
    """Serve until the host closes the channel."""
    setup = json.loads(channel.receive() or b"{}")
    try:
        engine = _engine(setup)
        payload = json.loads(sys.stdin.buffer.read()) if setup["kind"] != "file" else {}
        engine.load(setup["kind"], payload, setup["seconds"])
    except EngineError as error:
        _send(channel, _failure(error.kind, str(error)))
        return
    except ImportError as error:
        _send(channel, _failure("missing", str(error)))
        return
    except (MemoryError, RecursionError, OSError) as error:
        _send(channel, _failure("memory", f"{type(error).__name__}: {error}"))
        return
    _send(channel, {"loaded": True})
    while (line := channel.receive()) is not None:
        channel.send(_answer(engine, json.loads(line)))


def _engine(setup: Json) -> Engine:
    if setup["engine"] == "sqlite":
        from tools.sql.in_box.sqlite_engine import SqliteEngine

        return SqliteEngine(setup["functions"])
    from tools.sql.in_box.duckdb_engine import DuckdbEngine

    return DuckdbEngine()


def _answer(engine: Engine, asked: Json) -> bytes:
    clock = Clock(asked.get("seconds", 5.0))
    try:
        if asked["op"] == "query":
            return _query(engine, asked, clock)
        if asked["op"] == "parses":
            engine.parses(asked["sql"], clock)
            answer: Json = {"parses": True}
        elif asked["op"] == "knows":
            answer = {"known": engine.knows(asked["names"])}
        elif asked["op"] == "backwards":
            engine.read_backwards()
            answer = {"backwards": True}
        elif asked["op"] == "copy":
            answer = {"copy": engine.turn_to_copy(asked, clock)}
        else:
            answer = {"tables": engine.describe()}
    except EngineError as error:
        answer = _failure(error.kind, str(error))
    except (MemoryError, RecursionError) as error:
        answer = _failure("memory", f"{type(error).__name__}: {error}")
    except ValueError as error:
        answer = _failure("error", str(error))
    return json.dumps(answer).encode()


def _query(engine: Engine, asked: Json, clock: Clock) -> bytes:
    """Columns, and rows until `max_rows` or `max_bytes` are reached; `cut` says that there are more."""
    columns, rows = engine.run(asked["sql"], clock)
    lines, size, cut = list[str](), 0, False
    for row in rows:
        line = line_of(row)
        size += len(line) + 1
        if len(lines) == asked["max_rows"] or size > asked["max_bytes"]:
            cut = True
            break
        lines.append(line)
    head = json.dumps({"columns": columns, "cut": cut})[:-1]
    return f'{head}, "rows": [{",".join(lines)}]}}'.encode()


def _failure(kind: str, message: str) -> Json:
    return {"error": {"kind": kind, "message": message[:MAX_MESSAGE_CHARS]}}


def _send(channel: Channel, answer: Json) -> None:
    channel.send(json.dumps(answer).encode())

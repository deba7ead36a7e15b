"""Runs SQL over the log with DuckDB: read-only views `events` and `contents`, and nothing else.

The log is loaded into memory first; then the database loses its access to files, network, extensions and
its own configuration, so that the SQL reaches nothing but the log. Memory and time are capped.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from judge_agent.errors import InvalidRequest, JudgeError, StoreError
from judge_agent.log.segments import raw_lines, segment_files

_EVENTS = {
    "writer": "VARCHAR", "segment": "VARCHAR", "line": "BIGINT", "time": "DOUBLE", "type": "VARCHAR",
    "judgment_id": "VARCHAR", "tenant": "VARCHAR", "node": "VARCHAR", "fields": "JSON", "contents": "JSON",
    "previous": "VARCHAR", "hash": "VARCHAR",
}  # fmt: skip
_CONTENTS = {"line": "BIGINT", "name": "VARCHAR", "text": "VARCHAR"}
_VIEWS = """
CREATE VIEW events AS SELECT writer, segment, line, make_timestamp((time * 1000000)::BIGINT) AS time, type,
  judgment_id, tenant, node, fields, contents, previous, hash FROM loaded_events
  WHERE line IS NOT NULL AND type <> 'segment';
CREATE VIEW contents AS SELECT regexp_extract(file, '([a-z0-9]+)-([0-9]+)[.]contents$', 1) AS writer,
  regexp_extract(file, '([a-z0-9]+)-([0-9]+)[.]contents$', 2) AS segment, line, name, text FROM loaded_contents
  WHERE line IS NOT NULL AND text IS NOT NULL;
"""
MIN_LINE_BYTES = 1 << 20


class Table(NamedTuple):
    """The answer of a query. `truncated`: there are more rows than were asked for."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool


def query(
    folder: Path,
    sql: str,
    *,
    max_rows: int = 10_000,
    timeout_seconds: float = 60.0,
    memory_limit: str = "2GB",
) -> Table:
    """Run one SELECT over the log.

    `events` has a row per line, `contents` a row per text that is not redacted. Raises InvalidRequest for
    anything but one SELECT and for SQL that fails, StoreError when the log cannot be loaded.
    """
    duckdb = _duckdb()
    connection = duckdb.connect(":memory:", config=_settings(memory_limit))
    try:
        _load(connection, folder, duckdb)
        _lock(connection)
        statement = _one_select(connection, sql, duckdb)
        timer = threading.Timer(timeout_seconds, connection.interrupt)
        timer.start()
        try:
            found = connection.execute(statement)
            rows = found.fetchmany(max_rows + 1)
        finally:
            timer.cancel()
        columns = tuple(str(column[0]) for column in found.description or ())
    except duckdb.InterruptException as error:
        raise InvalidRequest("sql", f"ran longer than timeout_seconds={timeout_seconds:g}") from error
    except duckdb.Error as error:
        raise InvalidRequest("sql", str(error)) from error
    finally:
        connection.close()
    return Table(columns, tuple(tuple(row) for row in rows[:max_rows]), len(rows) > max_rows)


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise JudgeError(
            "querying the log needs DuckDB; install it with: pip install 'judge-agent[service]'"
        ) from error
    return duckdb


def _settings(memory_limit: str) -> dict[str, str]:
    return {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",
        "memory_limit": memory_limit,
        "temp_directory": "",
        "threads": "1",
    }


def _load(connection: Any, folder: Path, duckdb: Any) -> None:
    """Read the files into tables, torn lines left out."""
    files = segment_files(folder)
    try:
        _load_table(connection, "loaded_events", [file.path for file in files], _EVENTS)
        _load_table(
            connection, "loaded_contents", [f.contents for f in files if f.contents.exists()], _CONTENTS
        )
        connection.execute(_VIEWS)
    except duckdb.Error as error:
        raise StoreError(f"the log in {str(folder)!r} cannot be loaded: {error}") from error


def _load_table(connection: Any, table: str, files: Sequence[Path], columns: dict[str, str]) -> None:
    filled = [path for path in files if path.stat().st_size]
    if not filled:
        declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        connection.execute(f"CREATE TABLE {table} ({declared}, file VARCHAR)")
        return
    longest = max(len(raw) for path in filled for raw in raw_lines(path))
    connection.read_json(
        [str(path) for path in filled],
        columns=columns,
        format="newline_delimited",
        ignore_errors=True,
        filename="file",
        maximum_object_size=max(MIN_LINE_BYTES, 2 * longest),
    ).create(table)


def _lock(connection: Any) -> None:
    for setting in ("enable_external_access = false", "lock_configuration = true"):
        connection.execute(f"SET {setting}")


def _one_select(connection: Any, sql: str, duckdb: Any) -> Any:
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        kinds = ", ".join(str(statement.type).rpartition(".")[2] for statement in statements) or "nothing"
        raise InvalidRequest("sql", f"must be one SELECT, got {kinds}")
    return statements[0]

"""Both engines, open for writing on a copy of a database, in which only rows may change.

A statement is one SELECT, INSERT, UPDATE or DELETE; parameters have names (`:name` in SQLite, `$name` in DuckDB). What
breaks a constraint fails the call; what the engine does not take, or lacks a parameter for, makes it unclear.
Does NOT protect against a bug in an engine that a foreign file or a statement reaches: the box around it does.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from tools.sql.in_box.engine import quoted

MAX_VALUE_BYTES = 8_000_000
MAX_TABLES = 500
STEPS_BETWEEN_LOOKS = 5_000
Rows = Iterable[Sequence[object]]
_ROWS_ONLY = frozenset(
    (
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_INSERT,
        sqlite3.SQLITE_UPDATE,
        sqlite3.SQLITE_DELETE,
        sqlite3.SQLITE_RECURSIVE,
    )
)
_DUCKDB_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "memory_limit": "256MB",
    "max_temp_directory_size": "0KiB",
    "threads": 1,
}


class CallFailed(Exception):
    """A requirement or a constraint does not hold: the call leaves no effect."""


class Unclear(Exception):
    """The engine could not do what is declared; the message is its own."""


class Writer(Protocol):
    """One database."""

    def call(
        self, require: Sequence[str], run: Sequence[str], parameters: Mapping[str, Any], seconds: float
    ) -> None:
        """Do what one call does. Raises CallFailed or Unclear, with the database as it was."""
        ...

    def query(self, sql: str, seconds: float) -> Rows:
        """The rows of one query. Raises Unclear."""
        ...

    def tables(self, seconds: float) -> Iterator[tuple[str, Rows]]:
        """Every table with its rows, by name. Raises Unclear."""
        ...


def _do_call(
    writer: SqliteWriter | DuckdbWriter,
    require: Sequence[str],
    run: Sequence[str],
    parameters: Mapping[str, Any],
) -> None:
    for sql in require:
        row = next(iter(writer.rows(sql, parameters)), None)
        if row is None or not row[0]:
            raise CallFailed(f"requires {sql}")
    for sql in run:
        writer.rows(sql, parameters)


class SqliteWriter:
    """SQLite. Foreign keys are enforced only where the file says so: that is SQLite's own default."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.text_factory = lambda text: text.decode("utf-8", "backslashreplace")
        self._connection.execute("PRAGMA trusted_schema=OFF")
        self._connection.execute("PRAGMA journal_mode=MEMORY")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)

    def call(
        self, require: Sequence[str], run: Sequence[str], parameters: Mapping[str, Any], seconds: float
    ) -> None:
        self._until(seconds)
        self._connection.execute("BEGIN")
        try:
            _do_call(self, require, run, parameters)
        except BaseException:
            self._connection.set_progress_handler(None, 0)
            if self._connection.in_transaction:  # a conflict clause may have rolled it back
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def query(self, sql: str, seconds: float) -> Rows:
        self._until(seconds)
        return self.rows(sql, {})

    def tables(self, seconds: float) -> Iterator[tuple[str, Rows]]:
        self._until(seconds)
        named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name LIMIT ?"
        for (name,) in self._connection.execute(named, (MAX_TABLES,)).fetchall():
            yield str(name), self.rows(f"SELECT * FROM {quoted(name)}", {})  # noqa: S608 - quoted

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[object, ...]]:
        connection = self._connection
        connection.set_authorizer(_only_rows)
        try:
            return connection.execute(sql.strip().rstrip("; \t\r\n"), dict(parameters)).fetchall()
        except sqlite3.IntegrityError as error:
            raise CallFailed(str(error)) from error
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            raise Unclear(f"{sql[:100]!r}: {error}") from error
        finally:
            connection.set_authorizer(None)

    def _until(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self._connection.set_progress_handler(lambda: int(time.monotonic() > end), STEPS_BETWEEN_LOOKS)


def _only_rows(
    action: int, first: str | None, second: str | None, database: str | None, source: str | None
) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        is_safe = (second or "").lower() not in ("load_extension", "fts3_tokenizer")
        return sqlite3.SQLITE_OK if is_safe else sqlite3.SQLITE_DENY
    # The schema is a table too.
    if (first or "").lower().startswith("sqlite_") and action not in (
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_SELECT,
    ):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _ROWS_ONLY else sqlite3.SQLITE_DENY


class DuckdbWriter:
    """DuckDB, without files, extensions and settings."""

    def __init__(self, path: str) -> None:
        import _duckdb  # the engine itself, without its Python package

        self._duckdb = _duckdb
        self._connection = _duckdb.connect(path, config=_DUCKDB_CONFIG)
        self._connection.execute("SET TimeZone='UTC'")
        self._connection.execute("SET lock_configuration=true")
        kinds = _duckdb.StatementType
        self._kinds = (kinds.SELECT, kinds.INSERT, kinds.UPDATE, kinds.DELETE)
        self._end = 0.0

    def call(
        self, require: Sequence[str], run: Sequence[str], parameters: Mapping[str, Any], seconds: float
    ) -> None:
        self._end = time.monotonic() + seconds
        self._connection.execute("BEGIN")
        try:
            _do_call(self, require, run, parameters)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def query(self, sql: str, seconds: float) -> Rows:
        self._end = time.monotonic() + seconds
        return self.rows(sql, {})

    def tables(self, seconds: float) -> Iterator[tuple[str, Rows]]:
        self._end = time.monotonic() + seconds
        named = "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal ORDER BY ALL LIMIT ?"
        for schema, name in self._connection.execute(named, [MAX_TABLES]).fetchall():
            rows = self.rows(f"SELECT * FROM {quoted(schema)}.{quoted(name)}", {})  # noqa: S608 - quoted
            yield (name if schema == "main" else f"{schema}.{name}"), rows

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[object, ...]]:
        timer = threading.Timer(max(0.01, self._end - time.monotonic()), self._connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            return self._executed(sql, parameters)
        except self._duckdb.ConstraintException as error:
            raise CallFailed(str(error)) from error
        except (self._duckdb.Error, ValueError, OverflowError) as error:
            raise Unclear(f"{sql[:100]!r}: {error}") from error
        finally:
            timer.cancel()

    def _executed(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[object, ...]]:
        statements = self._connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type not in self._kinds:
            raise Unclear(f"{sql[:100]!r}: must be one SELECT, INSERT, UPDATE or DELETE")
        wanted = statements[0].named_parameters
        missing = sorted(name for name in wanted if name not in parameters)
        if missing:
            raise Unclear(f"{sql[:100]!r}: there is no {missing[0]!r} to bind")
        bound = {name: parameters[name] for name in wanted}
        result: list[tuple[object, ...]] = self._connection.execute(statements[0], bound).fetchall()
        return result

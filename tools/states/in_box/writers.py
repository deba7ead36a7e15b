"""Both engines, open for writing on a copy of a database, in which only rows may change.

A statement is one SELECT, INSERT, UPDATE or DELETE; parameters have names (`:name` in SQLite, `$name` in DuckDB). What
breaks a constraint fails the call; what the engine does not take, or lacks a parameter for, makes it unclear.
Does NOT protect against a bug in an engine that a foreign file or a statement reaches: the box around it does.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tools.sql.in_box.engine import quoted
from tools.states.in_box.unsteady import (
    CLOCK_WORDS,
    DATE_FUNCTIONS,
    RANDOM_FUNCTIONS,
    unsteady,
    written_table,
)

MAX_VALUE_BYTES = 8_000_000
MAX_TABLES = 500
STEPS_BETWEEN_LOOKS = 5_000
Rows = Iterable[Sequence[object]]
Ignored = Mapping[str, Sequence[str]]  # columns by table, both in lower case
_SQLITE_WRONG = re.compile(
    r"syntax error|no such (?:table|column|function)|unrecognized token|incomplete input|not authorized|prohibited|"
    r"one statement at a time"
)
_DUCKDB_WRONG = re.compile(r"(?:Parser|Catalog) Error|Binder Error: (?:Referenced|Table) .*not found", re.S)
_COLONS = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\w*)\$.*?\$\1\$|(?<=[\s(,=<>+*/|%!-]):([A-Za-z_]\w*)",
    re.S,
)
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


class WrongStatement(Unclear):
    """What is declared is no statement for this database, whatever values it is given."""


class Writer(Protocol):
    """One database."""

    def call(
        self, require: Sequence[str], run: Sequence[str], parameters: Mapping[str, Any], seconds: float
    ) -> frozenset[str]:
        """Do what one call does; the tables into which it wrote clocks or random values, in lower case. Raises
        CallFailed or Unclear, with the database as it was.
        """
        ...

    def query(self, sql: str, seconds: float) -> Rows:
        """The rows of one query. Raises Unclear."""
        ...

    def tables(self, seconds: float, ignored: Ignored) -> Iterator[tuple[str, Rows]]:
        """Every table with its rows, by name, without the ignored columns. Raises Unclear."""
        ...


def _do_call(
    writer: SqliteWriter | DuckdbWriter,
    require: Sequence[str],
    run: Sequence[str],
    parameters: Mapping[str, Any],
) -> frozenset[str]:
    unsteady_tables = frozenset[str]()
    for sql in require:
        row = next(iter(writer.rows(sql, parameters)), None)
        if found := writer.unsteady_in(sql, parameters):
            raise Unclear(f"{sql[:100]!r}: {found} gives another value each time")
        if row is None or not row[0]:
            raise CallFailed(f"requires {sql}")
    for sql in run:
        writer.rows(sql, parameters)
        unsteady_tables |= writer.unsteady_tables(sql, parameters)
    return unsteady_tables


def _with_dollars(sql: str) -> str:
    """Named parameters as DuckDB writes them (`$name`), out of strings, quoted names, comments and casts (`::`)."""
    return _COLONS.sub(lambda hit: f"${hit[2]}" if hit[2] else hit[0], sql)


def _without(ignored: Ignored, table: str, columns: Iterable[str]) -> str:
    """The columns of a table that are compared, as a list of SQL; of none the rows are still counted."""
    left_out = ignored.get(table.lower(), ())
    return ", ".join(quoted(column) for column in columns if column.lower() not in left_out) or "1"


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
        found = self._connection.execute("SELECT type, lower(name), sql FROM sqlite_master").fetchall()
        self._with_unsteady_defaults = {
            name for kind, name, sql in found if kind == "table" and unsteady(sql or "")
        }
        self._triggers_tell_the_time = any(unsteady(sql or "") for kind, _, sql in found if kind != "table")
        self._clock_was_told = False
        self._seen = _Seen()

    def call(
        self, require: Sequence[str], run: Sequence[str], parameters: Mapping[str, Any], seconds: float
    ) -> frozenset[str]:
        self._until(seconds)
        self._connection.execute("BEGIN")
        try:
            unsteady_tables = _do_call(self, require, run, parameters)
        except BaseException:
            self._connection.set_progress_handler(None, 0)
            if self._connection.in_transaction:  # a conflict clause may have rolled it back
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return unsteady_tables

    def query(self, sql: str, seconds: float) -> Rows:
        self._until(seconds)
        rows = self.rows(sql, {})
        if found := self.unsteady_in(sql, {}):
            raise Unclear(f"{sql[:100]!r}: {found} gives another value each time")
        return rows

    def unsteady_in(self, sql: str, parameters: Mapping[str, Any]) -> str | None:
        """What gave another value than it will the next time, in the statement that ran last."""
        told = (value.strip().lower() for value in parameters.values() if isinstance(value, str))
        self._clock_was_told |= any(value in CLOCK_WORDS for value in told)
        if found := unsteady(sql) or min(self._seen.functions & RANDOM_FUNCTIONS, default=None):
            return found
        tells = self._clock_was_told or self._triggers_tell_the_time
        return "'now'" if tells and self._seen.functions & DATE_FUNCTIONS else None

    def unsteady_tables(self, sql: str, parameters: Mapping[str, Any]) -> frozenset[str]:
        """The tables into which the statement that ran last wrote such values, by itself, triggers or defaults."""
        if self.unsteady_in(sql, parameters):
            return frozenset(self._seen.written)
        return frozenset(self._seen.inserted & self._with_unsteady_defaults)

    def tables(self, seconds: float, ignored: Ignored) -> Iterator[tuple[str, Rows]]:
        self._until(seconds)
        named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name LIMIT ?"
        for (name,) in self._connection.execute(named, (MAX_TABLES,)).fetchall():
            listed = "*"
            if str(name).lower() in ignored:
                info = self._connection.execute("SELECT name FROM pragma_table_xinfo(?)", (name,)).fetchall()
                listed = _without(ignored, str(name), [column for (column,) in info])
            yield str(name), self.rows(f"SELECT {listed} FROM {quoted(name)}", {})  # noqa: S608 - quoted

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[object, ...]]:
        connection = self._connection
        self._seen = _Seen()
        connection.set_authorizer(self._seen.authorize)
        try:
            return connection.execute(sql.strip().rstrip("; \t\r\n"), dict(parameters)).fetchall()
        except sqlite3.IntegrityError as error:
            raise CallFailed(str(error)) from error
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            kind = WrongStatement if _SQLITE_WRONG.search(str(error)) else Unclear
            raise kind(f"{sql[:100]!r}: {error}") from error
        finally:
            connection.set_authorizer(None)

    def _until(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self._connection.set_progress_handler(lambda: int(time.monotonic() > end), STEPS_BETWEEN_LOOKS)


@dataclass
class _Seen:
    """What one statement of SQLite calls and writes, triggers included; column defaults are not seen here."""

    functions: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    inserted: set[str] = field(default_factory=set)

    def authorize(
        self, action: int, first: str | None, second: str | None, database: str | None, source: str | None
    ) -> int:
        if action == sqlite3.SQLITE_FUNCTION:
            self.functions.add((second or "").lower())
        if action in (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE):
            self.written.add((first or "").lower())
        if action == sqlite3.SQLITE_INSERT:
            self.inserted.add((first or "").lower())
        return _only_rows(action, first, second, database, source)


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
        found = self._connection.execute(
            "SELECT lower(schema_name || '.' || table_name), column_default, lower(column_name)"
            " FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
        self._tables = {table for table, _, _ in found}
        self._with_unsteady_defaults = {table for table, default, _ in found if unsteady(default or "")}

    def call(
        self, require: Sequence[str], run: Sequence[str], parameters: Mapping[str, Any], seconds: float
    ) -> frozenset[str]:
        self._end = time.monotonic() + seconds
        self._connection.execute("BEGIN")
        try:
            unsteady_tables = _do_call(self, require, run, parameters)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return unsteady_tables

    def query(self, sql: str, seconds: float) -> Rows:
        self._end = time.monotonic() + seconds
        if found := unsteady(sql):
            raise Unclear(f"{sql[:100]!r}: {found} gives another value each time")
        return self.rows(sql, {})

    def unsteady_in(self, sql: str, parameters: Mapping[str, Any]) -> str | None:
        """What in a statement gives another value each time; here a parameter is never read as a clock."""
        return unsteady(sql)

    def unsteady_tables(self, sql: str, parameters: Mapping[str, Any]) -> frozenset[str]:
        """The tables into which a statement writes such values; all, where it cannot be told which."""
        target = written_table(sql)
        named = {target, f"main.{target}"} & self._tables if target else set()
        written = named or self._tables
        if unsteady(sql) is None:
            written = written & self._with_unsteady_defaults
        return frozenset(table.removeprefix("main.") for table in written)

    def tables(self, seconds: float, ignored: Ignored) -> Iterator[tuple[str, Rows]]:
        self._end = time.monotonic() + seconds
        named = "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal ORDER BY ALL LIMIT ?"
        for schema, name in self._connection.execute(named, [MAX_TABLES]).fetchall():
            shown = name if schema == "main" else f"{schema}.{name}"
            listed = "*"
            if shown.lower() in ignored:
                columns = self._connection.execute(
                    "SELECT column_name FROM duckdb_columns() WHERE schema_name = ? AND table_name = ?"
                    " ORDER BY column_index",
                    [schema, name],
                ).fetchall()
                listed = _without(ignored, shown, [column for (column,) in columns])
            yield shown, self.rows(f"SELECT {listed} FROM {quoted(schema)}.{quoted(name)}", {})  # noqa: S608 - quoted

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[object, ...]]:
        timer = threading.Timer(max(0.01, self._end - time.monotonic()), self._connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            return self._executed(sql, parameters)
        except self._duckdb.ConstraintException as error:
            raise CallFailed(str(error)) from error
        except (self._duckdb.Error, ValueError, OverflowError) as error:
            kind = WrongStatement if _DUCKDB_WRONG.match(str(error)) else Unclear
            raise kind(f"{sql[:100]!r}: {error}") from error
        finally:
            timer.cancel()

    def _executed(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[object, ...]]:
        statements = self._connection.extract_statements(_with_dollars(sql))
        if len(statements) != 1 or statements[0].type not in self._kinds:
            raise WrongStatement(f"{sql[:100]!r}: must be one SELECT, INSERT, UPDATE or DELETE")
        wanted = statements[0].named_parameters
        missing = sorted(name for name in wanted if name not in parameters)
        if missing:
            raise Unclear(f"{sql[:100]!r}: there is no {missing[0]!r} to bind")
        bound = {name: parameters[name] for name in wanted}
        result: list[tuple[object, ...]] = self._connection.execute(statements[0], bound).fetchall()
        return result

"""DuckDB in the box: read-only, external access off, extensions off, configuration locked.

Does NOT protect against a query that ignores interrupts (some string functions do) or that takes memory outside
of DuckDB's own limit: the host kills the box, and its address space is bounded.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import sys
from collections.abc import Iterator
from types import ModuleType

from tools.sql.in_box.engine import COPY, DATABASE, Alarm, Clock, EngineError, Json, Row, quoted, receive_file

TYPE_CHECKING = False
if TYPE_CHECKING:  # the box has no Python package of DuckDB
    from _duckdb import DuckDBPyConnection

    from tools.sql.in_box.copying.copier import Copier
    from tools.sql.in_box.copying.duckdb_copy import DuckdbCopy

ROWS_PER_INSERT = 5000
ROWS_PER_FETCH = 500
_UNNESTED = "SELECT unnest(from_json(?, '[[\"JSON\"]]')) AS r"
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_unsigned_extensions": False,
    "allow_persistent_secrets": False,
    "memory_limit": "256MB",
    "max_temp_directory_size": "0KiB",
    "temp_directory": "",
    "threads": 1,
}


class DuckdbEngine:
    """One database."""

    _connection: DuckDBPyConnection

    def __init__(self) -> None:
        _stand_in_for_pytz()
        import _duckdb  # the engine itself, without its Python package

        self._duckdb = _duckdb
        self._copier: Copier | None = None
        self._copies = 0
        # A broken file or a fault of the engine is no mistake of the query that comes upon it.
        self._broken = (_duckdb.InternalException, _duckdb.FatalException, _duckdb.SerializationException)

    def load(self, kind: str, payload: Json, seconds: float) -> None:
        """Receive or build the database, then open it for reading. Raises EngineError."""
        clock = Clock(seconds)
        if kind == "file":
            receive_file()
        else:
            with self._failures(clock):
                self._build(kind, payload, clock)
        with self._failures(clock):
            self._open(DATABASE)

    def run(self, sql: str, clock: Clock) -> tuple[list[str], Iterator[Row]]:
        """Run a query; rows are fetched as they are asked for. Raises EngineError, also while iterating."""
        self.parses(sql, clock)
        with self._failures(clock), self._interrupted_at(clock):
            cursor = self._connection.execute(sql)
        if cursor.description is None:
            raise EngineError("refused", "it is no query: it gives no result")
        return [column[0] for column in cursor.description], self._rows(cursor, clock)

    def parses(self, sql: str, clock: Clock) -> None:
        """Raise EngineError where DuckDB's own parser does not find one SELECT."""
        with self._failures(clock):
            statements = self._connection.extract_statements(sql)
        kinds = [statement.type for statement in statements]
        if kinds != [self._duckdb.StatementType.SELECT]:
            found = ", ".join(str(kind).rpartition(".")[2] for kind in kinds[:5]) or "nothing"
            raise EngineError("refused", f"it must be one SELECT, not: {found}")

    def knows(self, names: list[str]) -> list[str]:
        found = self._connection.execute(
            "SELECT DISTINCT lower(function_name) FROM duckdb_functions()"
        ).fetchall()
        known = {row[0] for row in found}
        return [name for name in names if name in known]

    def describe(self) -> list[Json]:
        """Tables and views with their columns and types."""
        columns = (
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal "
            "ORDER BY table_name, column_index"
        )
        views = {
            row[0] for row in self._connection.execute("SELECT view_name FROM duckdb_views()").fetchall()
        }
        found: dict[str, list[Json]] = {}
        for table, column, kind in self._connection.execute(columns).fetchall():
            found.setdefault(table, []).append({"name": column, "type": kind, "key": False})
        return [
            {
                "name": name,
                "kind": "view" if name in views else "table",
                "columns": described,
                "references": [],
            }
            for name, described in found.items()
        ]

    def read_backwards(self) -> None:
        """DuckDB has no such setting."""

    def turn_to_copy(self, asked: Json, clock: Clock) -> Json:
        """Make a perturbed copy; from now on queries read it. Raises EngineError: then they read what they read."""
        from tools.sql.in_box.copying.copier import Copier

        self._copier = self._copier or Copier(self._to_be_changed)
        self._copies += 1
        target, before = f"{COPY}{self._copies}", f"{COPY}{self._copies - 1}"
        with self._failures(clock):
            told = self._copier.make(asked, target, clock)
            self._connection.close()
            self._open(target)
        with contextlib.suppress(FileNotFoundError):
            os.remove(before)
        return told

    def _to_be_changed(self, path: str, clock: Clock) -> DuckdbCopy:
        from tools.sql.in_box.copying.duckdb_copy import DuckdbCopy

        connection = self._duckdb.connect(path, config=_CONFIG)
        connection.execute("SET checkpoint_threshold='1GB'")  # a checkpoint would number the rows anew
        connection.execute("SET TimeZone='UTC'")
        connection.execute("SET lock_configuration=true")
        return DuckdbCopy(connection, clock)

    def _open(self, path: str) -> None:
        self._connection = self._duckdb.connect(path, read_only=True, config=_CONFIG)
        self._connection.execute("SET TimeZone='UTC'")
        self._connection.execute("SET lock_configuration=true")
        self._connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone()

    def _build(self, kind: str, payload: Json, clock: Clock) -> None:
        self._connection = self._duckdb.connect(DATABASE, config=_CONFIG)
        try:
            self._connection.execute("SET lock_configuration=true")
            with self._interrupted_at(clock):
                if kind == "sql":
                    self._connection.execute(payload["sql"])
                else:
                    self._create_tables(payload["tables"], clock)
        finally:
            self._connection.close()

    def _create_tables(self, tables: Json, clock: Clock) -> None:
        """Rows come as JSON text: binding each cell as a parameter takes ten times as long."""
        run = self._connection.execute
        run("BEGIN")
        for name, table in tables.items():
            columns = ", ".join(f"{quoted(column['name'])} {column['type']}" for column in table["columns"])
            run(f"CREATE TABLE {quoted(name)} ({columns})")
            cells = ", ".join(f"r[{index + 1}]->>'$'" for index in range(len(table["columns"])))
            insert = f"INSERT INTO {quoted(name)} SELECT {cells} FROM ({_UNNESTED})"  # noqa: S608 - quoted
            for at in range(0, len(table["rows"]), ROWS_PER_INSERT):
                run(insert, [json.dumps(table["rows"][at : at + ROWS_PER_INSERT])])
                if clock.is_over():
                    raise clock.late()
        run("COMMIT")

    def _rows(self, cursor: DuckDBPyConnection, clock: Clock) -> Iterator[Row]:
        while True:
            with self._failures(clock), self._interrupted_at(clock):
                rows = cursor.fetchmany(ROWS_PER_FETCH)
            if not rows:
                return
            if clock.is_over():
                raise clock.late()
            yield from rows

    @contextlib.contextmanager
    def _interrupted_at(self, clock: Clock) -> Iterator[None]:
        alarm = Alarm(clock, self._connection.interrupt)
        try:
            yield
        finally:
            alarm.cancel()

    @contextlib.contextmanager
    def _failures(self, clock: Clock) -> Iterator[None]:
        try:
            yield
        except self._duckdb.Error as error:
            if isinstance(error, self._duckdb.InterruptException) and clock.is_over():
                raise clock.late() from error
            raise EngineError(self._kind(error), str(error)) from error
        except (ValueError, OverflowError, UnicodeError) as error:
            raise EngineError("error", str(error)) from error

    def _kind(self, error: Exception) -> str:
        if isinstance(error, self._duckdb.ParserException):
            return "syntax"
        if isinstance(error, self._duckdb.PermissionException):
            return "refused"
        if isinstance(error, self._broken):
            return "died"
        return "memory" if isinstance(error, self._duckdb.OutOfMemoryException) else "error"


def _stand_in_for_pytz() -> None:
    """DuckDB asks for `pytz` to hand over a timestamp with a time zone; the zone of these connections is UTC."""
    module = ModuleType("pytz")
    module.timezone = lambda name: _Utc()  # type: ignore[attr-defined]
    module.utc = _Utc()  # type: ignore[attr-defined]
    sys.modules["pytz"] = module


class _Utc(datetime.tzinfo):
    def utcoffset(self, when: datetime.datetime | None) -> datetime.timedelta:
        return datetime.timedelta(0)

    def dst(self, when: datetime.datetime | None) -> datetime.timedelta:
        return datetime.timedelta(0)

    def tzname(self, when: datetime.datetime | None) -> str:
        return "UTC"

    def fromutc(self, when: datetime.datetime) -> datetime.datetime:
        return when

    def localize(self, when: datetime.datetime) -> datetime.datetime:
        return when.replace(tzinfo=self)

"""SQLite in the box: the file is opened read-only and immutable; an authorizer lets through reading and listed calls.

Does NOT protect against a bug in SQLite that a foreign file or a query reaches: the box around it does.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator

from tools.sql.in_box.engine import COPY, DATABASE, Clock, EngineError, Json, Row, quoted, receive_file

TYPE_CHECKING = False
if TYPE_CHECKING:  # compiled only in boxes that are asked for a copy
    from tools.sql.in_box.copying.copier import Copier

MAX_VALUE_BYTES = 8_000_000
MAX_PAGES = 30_000  # of 4 kB, while a script builds a database
STEPS_BETWEEN_LOOKS = 5_000
MAX_VIRTUAL_TABLES = 200
_ASKED_BY_FULL_TEXT = ("data_version", "page_size")  # pragmas that only read a number
_READING = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE))
_BROKEN_FILE = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOTADB))
_NEVER_BUILDS = frozenset((sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH))


class SqliteEngine:
    """One database. `functions` are the names that queries, views and triggers may call."""

    _connection: sqlite3.Connection

    def __init__(self, functions: Iterable[str]) -> None:
        self._functions = frozenset(functions)
        self._denied = ""
        self._copier: Copier | None = None
        self._copies = 0

    def load(self, kind: str, payload: Json, seconds: float) -> None:
        """Receive or build the database, then open it for reading. Raises EngineError."""
        if kind == "file":
            receive_file()
        else:
            with self._failures(Clock(seconds)):
                self._build(kind, payload, Clock(seconds))
        with self._failures(Clock(seconds)):
            self._open(DATABASE)

    def run(self, sql: str, clock: Clock) -> tuple[list[str], Iterator[Row]]:
        """Start a query; the rows come as they are asked for. Raises EngineError, also while iterating."""
        connection = self._connection
        connection.set_progress_handler(lambda: int(clock.is_over()), STEPS_BETWEEN_LOOKS)
        with self._failures(clock):
            cursor = connection.execute(sql.rstrip("; \t\r\n"))  # an empty statement counts as a second one
        if cursor.description is None:
            raise EngineError("refused", "it is no query: it gives no result")
        return [column[0] for column in cursor.description], self._rows(cursor, clock)

    def parses(self, sql: str, clock: Clock) -> None:
        """Raise EngineError where SQLite itself does not take the text as one reading statement."""
        self.run(f"EXPLAIN {sql}", clock)

    def knows(self, names: list[str]) -> list[str]:
        with self._trusted() as connection:
            known = {row[0].lower() for row in connection.execute("SELECT name FROM pragma_function_list")}
        return [name for name in names if name in known]

    def describe(self) -> list[Json]:
        """Tables and views with their columns, types and keys."""
        found = []
        with self._trusted() as connection:
            kinds = "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
            for name, kind in connection.execute(kinds).fetchall():
                try:
                    columns = connection.execute(f"PRAGMA table_info({quoted(name)})").fetchall()
                    keys = connection.execute(f"PRAGMA foreign_key_list({quoted(name)})").fetchall()
                except sqlite3.Error:  # a view of what is gone hides no other table
                    columns, keys = [], []
                described = [{"name": c[1], "type": c[2], "key": bool(c[5])} for c in columns]
                references = [f"{key[3]} -> {key[2]}.{key[4]}" for key in keys]
                found.append({"name": name, "kind": kind, "columns": described, "references": references})
        return found

    def read_backwards(self) -> None:
        """Also without indexes made for one query: they put equals into an order that no table has."""
        with self._trusted() as connection:
            connection.execute("PRAGMA reverse_unordered_selects=ON")
            connection.execute("PRAGMA automatic_index=OFF")

    def turn_to_copy(self, asked: Json, clock: Clock) -> Json:
        """Make a perturbed copy; from now on queries read it. Raises EngineError: then they read what they read."""
        from tools.sql.in_box.copying.copier import Copier
        from tools.sql.in_box.copying.sqlite_copy import SqliteCopy

        self._copier = self._copier or Copier(SqliteCopy)
        self._copies += 1
        target, before = f"{COPY}{self._copies}", f"{COPY}{self._copies - 1}"
        with self._failures(clock):
            told = self._copier.make(asked, target, clock)
            self._connection.close()
            self._open(target)
        with contextlib.suppress(FileNotFoundError):
            os.remove(before)
        return told

    def _open(self, path: str) -> None:
        self._connection = self._opened(path)
        self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        self._connect_virtual_tables()
        self._connection.set_authorizer(self._authorize)

    def _build(self, kind: str, payload: Json, clock: Clock) -> None:
        with contextlib.closing(sqlite3.connect(DATABASE, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=MEMORY")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute(f"PRAGMA max_page_count={MAX_PAGES}")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
            connection.set_progress_handler(lambda: int(clock.is_over()), STEPS_BETWEEN_LOOKS)
            connection.set_authorizer(_authorize_building)
            if kind == "sql":
                connection.executescript(payload["sql"])
            else:
                _create_tables(connection, payload["tables"])
            if connection.in_transaction:
                connection.execute("COMMIT")

    def _opened(self, path: str) -> sqlite3.Connection:
        connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True, isolation_level=None)
        connection.text_factory = lambda text: text.decode("utf-8", "backslashreplace")
        for setting in (
            "trusted_schema=OFF",
            "query_only=ON",
            "cell_size_check=ON",
            "temp_store=MEMORY",
            "mmap_size=0",
        ):
            connection.execute(f"PRAGMA {setting}")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        defensive = getattr(sqlite3, "SQLITE_DBCONFIG_DEFENSIVE", None)
        if defensive is not None:  # Python 3.12
            connection.setconfig(defensive, True)  # type: ignore[attr-defined]
        return connection

    def _connect_virtual_tables(self) -> None:
        """Have every virtual table declared now: it is done as if it wrote the schema, which the authorizer denies."""
        for function in ("json_each", "json_tree"):
            with contextlib.suppress(sqlite3.Error):  # a database may have a table of its own of that name
                self._connection.execute(f"SELECT 1 FROM {function}('[]')").fetchall()  # noqa: S608 - ours
        named = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL%' LIMIT ?"
        for (name,) in self._connection.execute(named, (MAX_VIRTUAL_TABLES,)).fetchall():
            with contextlib.suppress(sqlite3.Error):  # a query that reads it is told
                self._connection.execute(f"PRAGMA table_info({quoted(name)})").fetchall()

    def _authorize(
        self, action: int, first: str | None, second: str | None, database: str | None, source: str | None
    ) -> int:
        if action in _READING:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in self._functions:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_PRAGMA and second is None and first in _ASKED_BY_FULL_TEXT:
            return sqlite3.SQLITE_OK
        self._denied = (
            f"the function {second}" if action == sqlite3.SQLITE_FUNCTION else "anything but reading"
        )
        return sqlite3.SQLITE_DENY

    @contextlib.contextmanager
    def _trusted(self) -> Iterator[sqlite3.Connection]:
        """The connection for our own questions about the schema."""
        connection = self._connection
        connection.set_authorizer(None)
        try:
            yield connection
        finally:
            connection.set_authorizer(self._authorize)

    def _rows(self, cursor: sqlite3.Cursor, clock: Clock) -> Iterator[Row]:
        while True:
            with self._failures(clock):
                row = cursor.fetchone()
            if row is None:
                return
            yield row

    @contextlib.contextmanager
    def _failures(self, clock: Clock) -> Iterator[None]:
        self._denied = ""
        try:
            yield
        except (sqlite3.Warning, sqlite3.ProgrammingError) as error:
            is_unbound = "bindings" in str(error)  # a parameter in a query that is given none: its own error
            raise EngineError("error" if is_unbound else "refused", str(error)) from error
        except (sqlite3.Error, UnicodeError, ValueError, OverflowError) as error:
            message = str(error)
            if clock.is_over() and message == "interrupted":
                raise clock.late() from error
            if self._denied:
                raise EngineError("refused", f"{message}: {self._denied} is not allowed") from error
            if message.startswith("unsafe use of"):  # in a view or a trigger, by trusted_schema
                raise EngineError("refused", message) from error
            raise EngineError(_kind(error, message), message) from error


def _kind(error: Exception, message: str) -> str:
    """A broken file is no mistake of the query that comes upon it: as if the engine had died."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BROKEN_FILE:
        return "died"
    is_syntax = any(sign in message for sign in ("syntax error", "incomplete input", "unrecognized token"))
    return "syntax" if is_syntax else "error"


def _authorize_building(
    action: int, first: str | None, second: str | None, database: str | None, source: str | None
) -> int:
    """Dumps begin with harmless pragmas: every one is passed over. Other files stay out of reach."""
    if action in _NEVER_BUILDS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in ("load_extension", "fts3_tokenizer"):
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and not (second is None and first in _ASKED_BY_FULL_TEXT):
        return sqlite3.SQLITE_IGNORE
    return sqlite3.SQLITE_OK


def _create_tables(connection: sqlite3.Connection, tables: Json) -> None:
    connection.execute("BEGIN")
    for name, table in tables.items():
        columns = ", ".join(f"{quoted(column['name'])} {column['type']}" for column in table["columns"])
        connection.execute(f"CREATE TABLE {quoted(name)} ({columns})")
        marks = ", ".join("?" * len(table["columns"]))
        insert = f"INSERT INTO {quoted(name)} VALUES ({marks})"  # noqa: S608 - quoted
        connection.executemany(insert, table["rows"])
    connection.execute("COMMIT")

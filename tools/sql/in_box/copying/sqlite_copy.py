"""Reads the tables of a SQLite file, and writes the changes of a copy into it.

A change that a constraint of the schema refuses is left out: the row then stays as it was. Triggers of the copy are
dropped first; virtual tables stay as they are. Runs before any query sees the copy.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Sequence

from tools.sql.in_box.copying.edits import Edits
from tools.sql.in_box.copying.tables import MAX_CELLS, MAX_ROWS, Cell, Column, Foreign, Table, TooLarge
from tools.sql.in_box.engine import Clock, quoted

STEPS_BETWEEN_LOOKS = 5_000
_TABLES = (
    "SELECT name, wr, type = 'table' FROM pragma_table_list "
    "WHERE schema = 'main' AND type IN ('table', 'virtual')"
)
_ROW_IDS = ("rowid", "_rowid_", "oid")


class SqliteCopy:
    """A file that is to be changed. `path` is a copy already."""

    def __init__(self, path: str, clock: Clock) -> None:
        self.left_alone: list[str] = []
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        self._connection.execute("PRAGMA journal_mode=MEMORY")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute("PRAGMA trusted_schema=OFF")
        self._connection.set_progress_handler(lambda: int(clock.is_over()), STEPS_BETWEEN_LOOKS)

    def close(self) -> None:
        self._connection.close()

    def tables(self) -> list[Table]:
        """All base tables with their rows, in the order of their names. Raises TooLarge, sqlite3.Error."""
        found: dict[str, Table] = {}
        cells = 0
        for name, without, plain in sorted(self._connection.execute(_TABLES).fetchall()):
            if name.lower().startswith("sqlite_"):
                continue
            table, primary = self._columns(name)
            keyed = tuple(quoted(table.columns[at].name) for at in primary)
            table.handle = keyed if without else self._row_id(table)
            if not (plain and table.handle and table.columns):
                self.left_alone.append(name)
                continue
            self._read_keys(table, primary)
            self._read_rows(table)
            cells += len(table.rows) * len(table.columns)
            if len(table.rows) > MAX_ROWS or cells > MAX_CELLS:
                raise TooLarge(f"its tables have more than {MAX_ROWS} rows or {MAX_CELLS} cells")
            found[name.casefold()] = table
        for table in found.values():
            table.foreign = list(self._foreign(table, found))
        return list(found.values())

    def write(self, edits: Sequence[Edits], shuffle: random.Random | None) -> None:
        """Apply the changes; `shuffle` puts the rows of tables without a key of their own into another order."""
        for (trigger,) in self._connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            self._connection.execute(f"DROP TRIGGER {quoted(trigger)}")
        self._connection.execute("BEGIN")
        for own in edits:
            self._write(own)
        if shuffle is not None:
            for own in edits:
                self._shuffle(own.table, shuffle)
        self._connection.execute("COMMIT")

    def rows_of(self, table: Table) -> Iterator[tuple[Cell, ...]]:
        """The rows of the copy, as they come."""
        return iter(self._connection.execute(f"SELECT * FROM {quoted(table.name)}"))  # noqa: S608 - quoted

    def _columns(self, name: str) -> tuple[Table, list[int]]:
        """The stored columns that may be written, and the places of the primary key among them."""
        listed = [
            one for one in self._connection.execute(f"PRAGMA table_xinfo({quoted(name)})") if not one[6]
        ]
        table = Table(name, [Column(one[1], one[2], not one[3]) for one in listed])
        numbered = sorted((one[5], at) for at, one in enumerate(listed) if one[5])
        return table, [at for _, at in numbered]

    @staticmethod
    def _row_id(table: Table) -> tuple[str, ...]:
        """The name of the row number that no column hides; none where all are hidden."""
        names = [column.name.casefold() for column in table.columns]
        return next(((one,) for one in _ROW_IDS if one not in names), ())

    def _read_keys(self, table: Table, primary: list[int]) -> None:
        keys = [tuple(primary)] if primary else []
        for _, index, unique, _, partial, *_ in self._connection.execute(
            f"PRAGMA index_list({quoted(table.name)})"
        ).fetchall():
            if unique and not partial:
                names = [one[2] for one in self._connection.execute(f"PRAGMA index_info({quoted(index)})")]
                places = [table.index(name) if name is not None else None for name in names]
                keys.append(
                    tuple(sorted(at for at in places if at is not None)) if None not in places else ()
                )
        table.keys = list(dict.fromkeys(key for key in keys if key))
        table.declared = bool(table.keys)
        for at in primary:
            table.columns[at].fixed, table.columns[at].nullable = True, False

    def _read_rows(self, table: Table) -> None:
        handle = table.handle
        names = ", ".join([*handle, *(quoted(column.name) for column in table.columns)])
        order = ", ".join(handle)
        rows = self._connection.execute(
            f"SELECT {names} FROM {quoted(table.name)} ORDER BY {order} LIMIT {MAX_ROWS + 1}"  # noqa: S608 - quoted
        ).fetchall()
        table.ids = [row[: len(handle)] for row in rows]
        table.rows = [row[len(handle) :] for row in rows]

    def _foreign(self, table: Table, found: dict[str, Table]) -> Iterator[Foreign]:
        declared: dict[int, list[tuple[str, str, str | None]]] = {}
        for number, _, parent, column, to, *_ in self._connection.execute(
            f"PRAGMA foreign_key_list({quoted(table.name)})"
        ):
            declared.setdefault(number, []).append((parent, column, to))
        for links in declared.values():
            theirs = found.get(links[0][0].casefold())
            if theirs is None:
                continue
            own = [table.index(column) for _, column, _ in links]
            named = [theirs.index(to) if to is not None else None for _, _, to in links]
            primary = next((key for key in theirs.keys), ())
            to = [at for at in named if at is not None] or list(primary)
            places = [at for at in own if at is not None]
            if len(places) == len(to) == len(links):
                for at in places:
                    table.columns[at].fixed = True
                yield Foreign(tuple(places), theirs, tuple(to))

    def _write(self, own: Edits) -> None:
        table, name = own.table, quoted(own.table.name)
        where = " AND ".join(f"{one} IS ?" for one in table.handle)
        gone = [table.ids[row] for row in own.gone]
        self._connection.executemany(f"DELETE FROM {name} WHERE {where}", gone)  # noqa: S608 - quoted
        for made in own.made:
            marks = ", ".join("?" for _ in made)
            names = ", ".join(quoted(column.name) for column in table.columns)
            self._tried(f"INSERT INTO {name} ({names}) VALUES ({marks})", list(made))  # noqa: S608 - quoted
        for row, values in own.added:
            self._tried(_adding(table, name, values), [*values.values(), *table.ids[row]])
        for row, values in own.changed.items():
            if row not in own.gone:
                self._updated(table, row, values)

    def _updated(self, table: Table, row: int, values: dict[int, Cell]) -> bool:
        if not values:
            return False
        cells = ", ".join(f"{quoted(table.columns[at].name)} = ?" for at in values)
        where = " AND ".join(f"{one} IS ?" for one in table.handle)
        sql = f"UPDATE {quoted(table.name)} SET {cells} WHERE {where}"  # noqa: S608 - quoted
        return self._tried(sql, [*values.values(), *table.ids[row]])

    def _tried(self, sql: str, values: list[Cell]) -> bool:
        """Whether it went; what a constraint refuses is left out, and texts that are none."""
        try:
            self._connection.execute(sql, values)
        except (sqlite3.IntegrityError, UnicodeEncodeError, OverflowError):
            return False
        return True

    def _shuffle(self, table: Table, rng: random.Random) -> None:
        """Give the rows other numbers where none of their columns is the number."""
        handle = table.handle
        if handle[0] not in _ROW_IDS:
            return
        listed = f"SELECT {handle[0]} FROM {quoted(table.name)}"  # noqa: S608 - quoted
        numbers = [row[0] for row in self._connection.execute(listed)]
        kind = [
            column for column in table.columns if column.kind.upper() == "INTEGER" and not column.nullable
        ]
        if not numbers or kind or min(numbers) < 0:
            return  # a column may be another name of the row's number
        others = numbers[:]
        rng.shuffle(others)
        moved = f"UPDATE {quoted(table.name)} SET {handle[0]} = ? WHERE {handle[0]} = ?"  # noqa: S608 - quoted
        self._connection.executemany(moved, [(-2 - one, one) for one in numbers])
        self._connection.executemany(
            moved, [(new, -2 - one) for new, one in zip(others, numbers, strict=True)]
        )


def _adding(table: Table, name: str, values: dict[int, Cell]) -> str:
    """An added row repeats another in the database itself, so that what is not changed stays as it is stored.

    The parameters are the new values, in the order of `values`, and the handle of the row.
    """
    names = ", ".join(quoted(column.name) for column in table.columns)
    numbers = {at: number + 1 for number, at in enumerate(values)}
    cells = ", ".join(
        f"?{numbers[at]}" if at in numbers else quoted(column.name) for at, column in enumerate(table.columns)
    )
    where = " AND ".join(f"{one} IS ?{len(values) + place + 1}" for place, one in enumerate(table.handle))
    return f"INSERT INTO {name} ({names}) SELECT {cells} FROM {name} WHERE {where}"  # noqa: S608 - quoted

"""Reads the tables of a DuckDB file, and writes the changes of a copy into it.

Changes of one column go in one statement; where a constraint of the schema refuses it, row by row, and what is refused
then stays as it was. Columns of a declared key or index are not changed: DuckDB would give the row another number.
Runs before any query sees the copy.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tools.sql.in_box.copying.edits import Edits
from tools.sql.in_box.copying.tables import MAX_CELLS, MAX_ROWS, Cell, Column, Foreign, Table, TooLarge
from tools.sql.in_box.engine import Alarm, Clock, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:  # the box has no Python package of DuckDB
    from _duckdb import DuckDBPyConnection

_TABLES = (
    "SELECT table_name, sql ILIKE '%GENERATED%' FROM duckdb_tables() "
    "WHERE NOT internal AND NOT temporary AND schema_name = 'main' ORDER BY 1"
)
_COLUMNS = (
    "SELECT column_name, data_type, is_nullable FROM duckdb_columns() "
    "WHERE schema_name = 'main' AND table_name = ? ORDER BY column_index"
)
_CONSTRAINTS = (
    "SELECT table_name, constraint_type, constraint_column_names, referenced_table, referenced_column_names "
    "FROM duckdb_constraints() WHERE schema_name = 'main'"
)
_INDEXED = "SELECT table_name, is_unique, expressions FROM duckdb_indexes() WHERE schema_name = 'main'"


class DuckdbCopy:
    """A file that is to be changed. `connection` is open for writing, on a copy already."""

    def __init__(self, connection: DuckDBPyConnection, clock: Clock) -> None:
        self.left_alone: list[str] = []
        self._connection = connection
        self._alarm = Alarm(clock, connection.interrupt)

    def close(self) -> None:
        self._alarm.cancel()
        self._connection.close()

    def tables(self) -> list[Table]:
        """All tables with their rows, in the order of their names. Raises TooLarge, and DuckDB's errors."""
        found: dict[str, Table] = {}
        cells = 0
        for name, computes in self._asked(_TABLES):
            columns = [Column(one[0], one[1], bool(one[2])) for one in self._asked(_COLUMNS, [name])]
            table = Table(name, columns)
            table.handle = ("rowid",)
            if computes or table.index("rowid") is not None:
                self.left_alone.append(name)
                continue
            self._read_rows(table)
            cells += len(table.rows) * len(columns)
            if len(table.rows) > MAX_ROWS or cells > MAX_CELLS:
                raise TooLarge(f"its tables have more than {MAX_ROWS} rows or {MAX_CELLS} cells")
            found[name.casefold()] = table
        self._read_constraints(found)
        return list(found.values())

    def write(self, edits: Sequence[Edits], shuffle: random.Random | None) -> None:
        """Apply the changes; `shuffle` puts the rows of tables that no other refers to into another order."""
        self._delete(edits)
        self._make(edits)
        for own in edits:
            self._add(own)
            self._change(own)
        parents = {one.parent.name for own in edits for one in own.table.foreign}
        if shuffle is not None:
            for own in edits:
                if own.table.name not in parents:
                    self._shuffle(own.table, shuffle.randrange(10**6))

    def rows_of(self, table: Table) -> Iterator[tuple[Cell, ...]]:
        """The rows of the copy, as they come."""
        return iter(self._asked(f"SELECT * FROM {quoted(table.name)}"))  # noqa: S608 - quoted

    def _asked(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Cell, ...]]:
        return self._connection.execute(sql, list(values)).fetchall()

    def _read_rows(self, table: Table) -> None:
        names = ", ".join(["rowid", *(quoted(column.name) for column in table.columns)])
        rows = self._asked(f"SELECT {names} FROM {quoted(table.name)} ORDER BY rowid LIMIT {MAX_ROWS + 1}")  # noqa: S608
        table.ids = [row[:1] for row in rows]
        table.rows = [row[1:] for row in rows]

    def _read_constraints(self, found: dict[str, Table]) -> None:
        for name, kind, columns, parent, to in self._asked(_CONSTRAINTS):
            table = found.get(name.casefold())
            if table is None or kind not in ("PRIMARY KEY", "UNIQUE", "FOREIGN KEY"):
                continue
            places = _places(table, columns)
            for at in places:
                table.columns[at].fixed = True
            theirs = found.get((parent or "").casefold())
            if kind == "FOREIGN KEY" and theirs is not None:
                table.foreign.append(Foreign(places, theirs, _places(theirs, to)))
            elif kind != "FOREIGN KEY" and places:
                table.declared = True
                table.keys.append(tuple(sorted(places)))
        for name, unique, expressions in self._asked(_INDEXED):
            table = found.get(name.casefold())
            if table is None:
                continue
            places = _places(table, [part.strip(" \"'") for part in str(expressions).strip("[]").split(",")])
            for at in places or range(len(table.columns)):
                table.columns[at].fixed = True
            if unique and places and tuple(sorted(places)) not in table.keys:
                table.declared = True
                table.keys.append(tuple(sorted(places)))

    def _delete(self, edits: Sequence[Edits]) -> None:
        """Rows that others refer to go after those; where they may not go at all, they stay."""
        left = [own for own in edits if own.gone]
        while left:
            again = [own for own in left if not self._deleted(own)]
            if len(again) == len(left):
                return
            left = again

    def _deleted(self, own: Edits) -> bool:
        ids = [own.table.ids[row][0] for row in own.gone]
        sql = f"DELETE FROM {quoted(own.table.name)} WHERE rowid IN (SELECT unnest(?::BIGINT[]))"  # noqa: S608 - quoted
        return self._tried(sql, [ids])

    def _add(self, own: Edits) -> None:
        """In one statement: columns that only some rows have anew are given to the others as they are."""
        places = sorted({at for _, values in own.added for at in values})
        rows = [(row, {at: own.table.rows[row][at] for at in places} | values) for row, values in own.added]
        sql = _adding(own.table, places)
        if rows and not self._tried(sql, _lists(own.table, places, rows)) and len(rows) > 1:
            for one in rows:
                self._tried(sql, _lists(own.table, places, [one]))

    def _change(self, own: Edits) -> None:
        """What may move a row to another number comes last, and all of a row at once: it hangs together."""
        fixed = {at for at, column in enumerate(own.table.columns) if column.fixed}
        for late in (False, True):
            rows = [
                (row, {at: value for at, value in values.items() if (at in fixed) is late})
                for row, values in own.changed.items()
                if row not in own.gone
            ]
            rows = [(row, values) for row, values in rows if values]
            places = sorted({at for _, values in rows for at in values})
            sql = _changing(own.table, places)
            if rows and not self._tried(sql, _changes(own.table, places, rows)) and len(rows) > 1:
                for one in rows:
                    own_places = sorted(one[1])
                    self._tried(_changing(own.table, own_places), _changes(own.table, own_places, [one]))

    def _make(self, edits: Sequence[Edits]) -> None:
        """Rows that refer to others go after those; what is refused is tried again once others are there."""
        left = [(own.table, row) for own in edits for row in own.made]
        while left:
            again = [one for one in left if not self._made(*one)]
            if len(again) == len(left):
                return
            left = again

    def _made(self, table: Table, row: Sequence[Cell]) -> bool:
        names = ", ".join(quoted(column.name) for column in table.columns)
        cells = ", ".join(f"CAST(? AS {column.kind})" for column in table.columns)
        sql = f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({cells})"  # noqa: S608 - quoted
        return self._tried(sql, [_text(value) for value in row])

    def _tried(self, sql: str, values: list[object]) -> bool:
        """Whether it went. What the schema or a cast refuses is left out; what ran out of time is not."""
        import _duckdb

        try:
            self._connection.execute(sql, values)
        except (_duckdb.IntegrityError, _duckdb.DataError, _duckdb.InvalidInputException):
            return False
        return True

    def _shuffle(self, table: Table, salt: int) -> None:
        name = quoted(table.name)
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE dealt_ AS SELECT * FROM {name} ORDER BY hash(rowid + {salt}), rowid"  # noqa: S608
        )
        self._connection.execute(f"DELETE FROM {name}")  # noqa: S608 - quoted
        self._connection.execute(f"INSERT INTO {name} SELECT * FROM dealt_")  # noqa: S608 - quoted


def _places(table: Table, names: Sequence[str] | None) -> tuple[int, ...]:
    found = [table.index(name) for name in names or ()]
    return tuple(at for at in found if at is not None) if None not in found else ()


def _lists(table: Table, places: Sequence[int], rows: Sequence[tuple[int, dict[int, Cell]]]) -> list[object]:
    """The numbers of the rows, and the new values of each column as text."""
    ids: list[object] = [table.ids[row][0] for row, _ in rows]
    return [ids, *([_text(values[at]) for _, values in rows] for at in places)]


def _changes(
    table: Table, places: Sequence[int], rows: Sequence[tuple[int, dict[int, Cell]]]
) -> list[object]:
    """The numbers of the rows; of each column which rows it changes in, and its new values as text."""
    given: list[object] = [[table.ids[row][0] for row, _ in rows]]
    for at in places:
        given.append([at in values for _, values in rows])
        given.append([_text(values.get(at)) for _, values in rows])
    return given


def _changing(table: Table, places: Sequence[int]) -> str:
    name = quoted(table.name)
    cells = ", ".join(
        f"{quoted(table.columns[at].name)} = CASE WHEN v.f{number} THEN CAST(v.c{number} AS {table.columns[at].kind}) "
        f"ELSE {name}.{quoted(table.columns[at].name)} END"
        for number, at in enumerate(places)
    )
    given = "".join(
        f", unnest(?::BOOLEAN[]) AS f{n}, unnest(?::VARCHAR[]) AS c{n}" for n in range(len(places))
    )
    return f"UPDATE {name} SET {cells} FROM (SELECT unnest(?::BIGINT[]) AS rid{given}) v WHERE {name}.rowid = v.rid"  # noqa: S608


def _text(value: Cell) -> str | None:
    return None if value is None else str(value)


def _adding(table: Table, places: Sequence[int]) -> str:
    name = quoted(table.name)
    made = {at: f"CAST(v.c{number} AS {table.columns[at].kind})" for number, at in enumerate(places)}
    cells = ", ".join(
        made.get(at, f"{name}.{quoted(column.name)}") for at, column in enumerate(table.columns)
    )
    given = "".join(f", unnest(?::VARCHAR[]) AS c{number}" for number in range(len(places)))
    return (
        f"INSERT INTO {name} SELECT {cells} FROM (SELECT unnest(?::BIGINT[]) AS rid{given}) v "  # noqa: S608 - quoted
        f"JOIN {name} ON {name}.rowid = v.rid ORDER BY v.rid{''.join(f', v.c{n}' for n in range(len(places)))}"
    )

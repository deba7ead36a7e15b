"""The tables of a database as a perturbation sees them, and what of their data must stay as it is.

Kept are the keys, foreign keys and NOT NULL that the schema declares, and what only the data shows: columns without
repeats, values that are all found in another table's key, columns without NULL, columns that are never larger than
another, columns that hang together (`hanging.py`), and what holds between rows and between linked tables (`across.py`).
"""

from __future__ import annotations

import datetime
import decimal
import re
from typing import Any, NamedTuple

from tools.sql.in_box.copying.across import bind_rows, bind_tables
from tools.sql.in_box.copying.hanging import hanging

MAX_ROWS = 20_000  # of one table
MAX_CELLS = 600_000  # of all tables
MAX_PAIRED = 12  # columns of a table that are tried in pairs
MAX_LOOKED_AT = 500  # rows that dependencies are read from; fewer where there are many columns
LEAST_LOOKED_AT = 30
MAX_EFFORT = 200_000  # cells that are compared with another
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_GENERIC = ("id", "name", "code", "key", "no", "nr", "number", "title", "type", "status", "date", "uuid")
Cell = Any


class TooLarge(Exception):
    """The database is too large to be copied and changed here."""


class Foreign(NamedTuple):
    """Columns whose values, where none is NULL, are those of a row of `parent`."""

    columns: tuple[int, ...]
    parent: Table
    to: tuple[int, ...]


class Column:
    """`fixed`: no value of it is changed by itself. `hung`: for others hang on it."""

    def __init__(self, name: str, kind: str, nullable: bool) -> None:
        self.name = name
        self.kind = kind
        self.nullable = nullable
        self.fixed = False
        self.hung = False
        self.has_null = False


class Table:
    """`ids[i]` are the values of the columns `handle` (as SQL) that name `rows[i]` in the database.

    `keys` are sets of columns without repeats, `schema_keys` those that the schema declares; `declared`: it has one.
    `below`: pairs of columns of which the first is never larger. `bundles`: columns that change together. `together`:
    rows with equal values of these columns are left out together, all rows where it is empty. `grows`: rows may be
    added, in a copy that keeps what the data shows and (`grows_by_guess`) in one that need not.
    """

    def __init__(self, name: str, columns: list[Column]) -> None:
        self.name = name
        self.columns = columns
        self.handle: tuple[str, ...] = ()
        self.ids: list[tuple[Cell, ...]] = []
        self.rows: list[tuple[Cell, ...]] = []
        self.keys: list[tuple[int, ...]] = []
        self.schema_keys: list[tuple[int, ...]] = []
        self.foreign: list[Foreign] = []
        self.declared = False
        self.below: list[tuple[int, int]] = []
        self.bundles: list[tuple[int, ...]] = []
        self.together: tuple[int, ...] | None = None
        self.grows = True
        self.grows_by_guess = True

    def values(self, at: int) -> list[Cell]:
        return [row[at] for row in self.rows]

    def index(self, name: str) -> int | None:
        wanted = name.casefold()
        return next((at for at, one in enumerate(self.columns) if one.name.casefold() == wanted), None)


def learn(tables: list[Table], joined: list[str]) -> None:
    """Read from the data what it keeps to. `joined`: (lower-case) names of columns that a query compares."""
    for table in tables:
        table.schema_keys = table.keys[:]
        for at in (at for key in table.keys for at in key):
            table.columns[at].fixed = True  # rows are changed one by one: an exchange of two keys is refused
        for at, column in enumerate(table.columns):
            values = table.values(at)
            column.has_null = any(value is None for value in values)
            if (at,) not in table.keys and _has_no_repeats(values) and not _are_measures(values):
                table.keys.append((at,))
        if not any(len(key) == 1 for key in table.keys) and not table.declared:
            table.keys += _pairs_without_repeats(table)
    for table in tables:
        _find_parents(table, tables, joined)
    for table in tables:
        _fix(table, joined)
        _find_dependencies(table)
        bind_rows(table)
    bind_tables(tables)
    for table in tables:
        for group in table.bundles[:]:
            if any(table.columns[at].fixed for at in group):
                table.bundles.remove(group)
                for at in group:
                    table.columns[at].fixed = True


def _has_no_repeats(values: list[Cell]) -> bool:
    known = [value for value in values if value is not None]
    try:
        return bool(known) and len(set(known)) == len(known)
    except TypeError:  # lists and the like are not looked at
        return False


def _are_measures(values: list[Cell]) -> bool:
    """Fractions are no keys, even where few rows repeat none."""
    return any(isinstance(value, (float, decimal.Decimal)) for value in values)


def _are_texts(values: list[Cell]) -> bool:
    return any(isinstance(value, str) and not _DAY.match(value) for value in values)


def _pairs_without_repeats(table: Table) -> list[tuple[int, ...]]:
    width = min(len(table.columns), MAX_PAIRED)
    pairs = [(one, other) for one in range(width) for other in range(one + 1, width)]
    return [pair for pair in pairs if _has_no_repeats([(row[pair[0]], row[pair[1]]) for row in table.rows])]


def _find_parents(table: Table, tables: list[Table], joined: list[str]) -> None:
    """Columns that hold nothing but another table's key, and are named so or joined."""
    taken = {at for one in table.foreign for at in one.columns}
    for at, column in enumerate(table.columns):
        if at in taken or ((at,) in table.schema_keys and _plain(column.name) in _GENERIC):
            continue  # a table's own `id` links to none, even where `id` is compared
        found = _parent_of(table, at, column, tables, joined)
        if found is not None:
            table.foreign.append(found)


def _parent_of(
    table: Table, at: int, column: Column, tables: list[Table], joined: list[str]
) -> Foreign | None:
    try:
        values = {value for value in table.values(at) if value is not None}
    except TypeError:
        return None
    for parent in tables if values else ():
        for key in parent.keys:
            if len(key) != 1 or (parent is table and key == (at,)):
                continue
            to = parent.columns[key[0]]
            if not _are_named_alike(column, to, parent, joined) or (parent is table and column is to):
                continue
            theirs = set(parent.values(key[0]))
            if values <= theirs and not (values == theirs and (at,) in table.keys and table is not parent):
                return Foreign((at,), parent, key)
    return None


def _are_named_alike(column: Column, to: Column, parent: Table, joined: list[str]) -> bool:
    own, other = _plain(column.name), _plain(to.name)
    if column.name.casefold() in joined and to.name.casefold() in joined:
        return True
    stem = _plain(parent.name).rstrip("s")
    if other in _GENERIC:
        return (
            own != other
            and own.endswith(other)
            and own.removesuffix(other).rstrip("s") in (stem, stem[:-1] + "y")
        )
    return own.endswith(other) or own == stem + other


def _plain(name: str) -> str:
    return name.casefold().replace("_", "")


def _fix(table: Table, joined: list[str]) -> None:
    """Columns that link rows, and parts of keys that the schema declares or that are found in pairs."""
    linking = {at for key in table.keys if len(key) > 1 for at in key}
    linking |= {at for one in table.foreign for at in one.columns}
    for at, column in enumerate(table.columns):
        named = _plain(column.name)
        is_id = (at,) in table.keys and (at == 0 or named.endswith(("id", "code", "key", "uuid")))
        column.fixed = column.fixed or at in linking or column.name.casefold() in joined or is_id
    for one in table.foreign:
        for at in one.to:
            one.parent.columns[at].fixed = True


def _find_dependencies(table: Table) -> None:
    """Columns that hang together move together; where one of them may not be changed, none is."""
    width = len(table.columns)
    rows = table.rows[: max(LEAST_LOOKED_AT, min(MAX_LOOKED_AT, MAX_EFFORT // (width * width)))]
    if len(rows) < 2:
        return
    single = {key[0] for key in table.keys if len(key) == 1}
    named = {at for at in single if (at,) in table.schema_keys or table.columns[at].fixed}
    naming = {at for at in named if not _are_texts(table.values(at))}
    for group in hanging(rows, naming):
        parts = {at for key in (*table.schema_keys, *table.keys) if len(key) > 1 for at in key}
        if parts & {*group} or any((at,) in table.schema_keys for at in group):
            table.grows = table.grows_by_guess = False
        for at in group:  # numbers and days that hang on others are no keys, even where few rows repeat none
            if (at,) in table.keys and (at,) not in table.schema_keys and not _are_texts(table.values(at)):
                table.keys.remove((at,))
        if any(table.columns[at].fixed for at in group):
            for at in group:
                table.columns[at].fixed = table.columns[at].hung = True
        else:
            table.bundles.append(group)
    table.below = [
        (one, other)
        for one in range(width)
        for other in range(width)
        if one != other and _below(rows, one, other)
    ]


def _below(rows: list[tuple[Cell, ...]], one: int, other: int) -> bool:
    """Whether one number or day is never larger than the other, in three rows or more, and could be."""
    pairs = [(row[one], row[other]) for row in rows if row[one] is not None and row[other] is not None]
    if len(pairs) < 3 or not all(_are_alike(small, large) for small, large in pairs):
        return False
    if not all(small <= large for small, large in pairs):
        return False
    return bool(max(small for small, _ in pairs) > min(large for _, large in pairs))


def _are_alike(one: Cell, other: Cell) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return _DAY.match(one) is not None and _DAY.match(other) is not None
    if isinstance(one, bool) or isinstance(other, bool):
        return False
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return True
    return type(one) is type(other) and isinstance(one, (datetime.date, decimal.Decimal))

"""Fills a copy of a SQLite file with plain random rows, which keep to what its schema declares and to nothing else.

Shares no code with the copies that `query_sql` makes, so that what those never try is not hidden. Each cell is drawn
by itself: a value of its own column, a constant of the queries or its neighbours, or NULL where the column may be. Keys
that the schema declares, NOT NULL, CHECK and declared foreign keys hold; what only the data shows does not.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

MAX_ROWS = 60
NULLS = 0.08
CONSTANTS = 0.25  # share of the cells of a column that the queries compare with something
Cell = Any


class _Column(NamedTuple):
    name: str
    kind: str
    may_be_null: bool
    values: Sequence[Cell]


class _Table(NamedTuple):
    """`links`: own columns, the table that they refer to, and its columns."""

    name: str
    columns: Sequence[_Column]
    links: Sequence[tuple[tuple[str, ...], str, tuple[str, ...]]]
    numbered: str | None  # a primary key of one number


def write_random(
    source: Path, target: Path, constants: Mapping[str, Sequence[str]], rng: random.Random
) -> None:
    """Write the file `target`: the schema of `source` with other rows. `constants` go by lower-case column names."""
    shutil.copyfile(source, target)
    with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as connection:
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        tables = _parents_first(_tables(connection))
        connection.execute("BEGIN")
        for table in reversed(tables):
            connection.execute(f"DELETE FROM {_quoted(table.name)}")  # noqa: S608 - quoted
        count = rng.choice((4, 12, 30, MAX_ROWS))
        for table in tables:
            _fill(connection, table, count, constants, rng)
        connection.execute("COMMIT")


def _tables(connection: sqlite3.Connection) -> list[_Table]:
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    ).fetchall()
    return [_table(connection, name) for (name,) in names]


def _table(connection: sqlite3.Connection, name: str) -> _Table:
    listed = connection.execute(f"PRAGMA table_info({_quoted(name)})").fetchall()
    columns = []
    for _, column, kind, not_null, _, primary in listed:
        found = connection.execute(f"SELECT DISTINCT {_quoted(column)} FROM {_quoted(name)} LIMIT 500")  # noqa: S608
        values = [value for (value,) in found if value is not None]
        columns.append(_Column(column, str(kind).upper(), not (not_null or primary), values))
    keys = [one for one in listed if one[5]]
    numbered = keys[0][1] if len(keys) == 1 and "INT" in str(keys[0][2]).upper() else None
    return _Table(name, columns, _links(connection, name), numbered)


def _links(connection: sqlite3.Connection, name: str) -> list[tuple[tuple[str, ...], str, tuple[str, ...]]]:
    found: dict[int, list[tuple[str, str, str | None]]] = {}
    for number, _, parent, own, to, *_ in connection.execute(f"PRAGMA foreign_key_list({_quoted(name)})"):
        found.setdefault(number, []).append((own, parent, to))
    links = []
    for parts in found.values():
        parent = parts[0][1]
        primary = [
            row[1]
            for row in sorted(
                connection.execute(f"PRAGMA table_info({_quoted(parent)})"), key=lambda one: one[5]
            )
            if row[5]
        ]
        to = tuple(part[2] or primary[at] for at, part in enumerate(parts) if part[2] or at < len(primary))
        if len(to) == len(parts):
            links.append((tuple(part[0] for part in parts), parent, to))
    return links


def _parents_first(tables: Sequence[_Table]) -> list[_Table]:
    done: dict[str, _Table] = {}
    left = list(tables)
    while left:
        ready = [one for one in left if all(to == one.name or to in done for _, to, _ in one.links)] or left
        done |= {one.name: one for one in ready}
        left = [one for one in left if one.name not in done]
    return list(done.values())


def _fill(
    connection: sqlite3.Connection,
    table: _Table,
    count: int,
    constants: Mapping[str, Sequence[str]],
    rng: random.Random,
) -> None:
    names = ", ".join(_quoted(column.name) for column in table.columns)
    marks = ", ".join("?" for _ in table.columns)
    sql = f"INSERT OR IGNORE INTO {_quoted(table.name)} ({names}) VALUES ({marks})"  # noqa: S608 - quoted
    parents = {
        own: connection.execute(f"SELECT {', '.join(map(_quoted, to))} FROM {_quoted(parent)}").fetchall()  # noqa: S608
        for own, parent, to in table.links
    }
    for number in range(count):
        row = {
            column.name: _cell(column, constants.get(column.name.casefold(), ()), rng)
            for column in table.columns
        }
        for own, known in parents.items():
            if known:
                row |= dict(zip(own, rng.choice(known), strict=True))
            nullable = all(column.may_be_null for column in table.columns if column.name in own)
            if nullable and (not known or rng.random() < NULLS):
                row |= dict.fromkeys(own)
        if table.numbered is not None and not any(table.numbered in own for own in parents):
            row[table.numbered] = number + 1
        with contextlib.suppress(
            sqlite3.IntegrityError
        ):  # a CHECK or NOT NULL refuses it: the row is left out
            connection.execute(sql, list(row.values()))


def _cell(column: _Column, constants: Sequence[str], rng: random.Random) -> Cell:
    if column.may_be_null and rng.random() < NULLS:
        return None
    near = list(_near(column, constants)) if constants and rng.random() < CONSTANTS else []
    if near:
        return rng.choice(near)
    if column.values:
        return rng.choice(column.values)
    return (
        rng.randint(1, 9)
        if any(word in column.kind for word in ("INT", "NUM", "REAL"))
        else rng.choice("abc")
    )


def _near(column: _Column, constants: Sequence[str]) -> Iterator[Cell]:
    """Constants, and for numbers their neighbours, of the type that the column holds."""
    sample = column.values[0] if column.values else ""
    for constant in constants:
        if isinstance(sample, str):
            yield constant.replace("%", "")
            continue
        with contextlib.suppress(ValueError):
            number = float(constant)
            steps = (-1, 0, 1) if isinstance(sample, int) else (-0.5, 0.0, 0.5)
            yield from (type(sample)(number + step) for step in steps)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

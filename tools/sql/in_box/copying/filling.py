"""Makes rows for a table that has none, of what its schema says: types, NOT NULL, keys and foreign keys.

The form of its values is not known, so such rows never decide. What a CHECK refuses is left out when it is written.
Does not know types of its own of a schema, nor lists and structures.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Sequence
from typing import Any

from tools.sql.in_box.copying.tables import Foreign, Table

ROWS = 8
WORDS = ("a", "b", "c", "d", "e", "f", "g", "h")
_FIRST = datetime.date(2024, 1, 1)
Cell = Any


def filled(
    table: Table,
    constants: dict[str, list[Any]],
    linked: Callable[[Foreign], Sequence[tuple[Cell, ...]]],
    rng: random.Random,
) -> list[tuple[Cell, ...]]:
    """Rows that repeat no key. `linked` gives what a foreign key may refer to; none of that: NULL, or no row."""
    rows: list[tuple[Cell, ...]] = []
    taken: dict[tuple[int, ...], set[tuple[Cell, ...]]] = {key: set() for key in table.schema_keys}
    keyed = {at for key in table.schema_keys for at in key}
    for turn in range(ROWS):
        values = [_value(column.kind, turn, _named(constants, column.name), rng) for column in table.columns]
        for at, column in enumerate(table.columns):
            if column.nullable and at not in keyed and rng.random() < 0.2:
                values[at] = None
        for link in table.foreign:
            known = linked(link)
            part = rng.choice(known) if known else (None,) * len(link.columns)
            for at, value in zip(link.columns, part, strict=True):
                values[at] = value
        parts = {key: tuple(values[at] for at in key) for key in table.schema_keys}
        if any(
            value is None and not column.nullable for value, column in zip(values, table.columns, strict=True)
        ):
            continue
        if all(part not in taken[key] for key, part in parts.items()):
            rows.append(tuple(values))
            for key, part in parts.items():
                taken[key].add(part)
    return rows


def _named(constants: dict[str, list[Any]], name: str) -> list[Any]:
    return constants.get(name.casefold(), [])


def _value(kind: str, turn: int, constants: list[Any], rng: random.Random) -> Cell:
    """A value of a declared type, that of a constant which stands beside the column now and then."""
    plain = kind.upper()
    given = rng.choice(constants) if constants and rng.random() < 0.5 else None
    if "BOOL" in plain:
        return turn % 2
    if "INT" in plain:
        number = _number(given)
        return turn + 1 if number is None else int(number)
    if any(word in plain for word in ("REAL", "FLOA", "DOUB", "DEC", "NUM")):
        number = _number(given)
        return turn + 0.5 if number is None else number
    day = _FIRST + datetime.timedelta(days=turn)
    if "TIMESTAMP" in plain or "DATETIME" in plain:
        return f"{day} 00:00:00"
    if "DATE" in plain:
        return str(day)
    return WORDS[turn % len(WORDS)] if given is None else str(given)


def _number(given: Any) -> float | None:
    try:
        return float(given)
    except (TypeError, ValueError):
        return None

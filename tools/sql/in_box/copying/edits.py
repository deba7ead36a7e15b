"""Plans one perturbed copy: which rows go, which cells change, which rows are added. Pure, and the same for one seed.

What `tables.py` has learnt is kept: a row goes with all rows that refer to it; a changed value repeats no key; an
added row is a kept one with new values in its keys.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, NamedTuple

from tools.sql.in_box.copying.nudging import fresh, near, swapped
from tools.sql.in_box.copying.tables import Cell, Column, Table

MAX_CHANGED = 400  # cells of a column
MAX_ADDED = 200  # rows of a table
FEW_ROWS = 10  # of so few, as many are added as of these
TRIES = 12


class Recipe(NamedTuple):
    """Shares of rows kept, of cells changed, of cells made NULL, and of rows added.

    `guess`: values may leave what the data shows, and NULL may stand where the schema lets it.
    """

    keep: float
    change: float
    nulls: float
    add: float
    guess: bool


class Hints(NamedTuple):
    """What the queries name, in lower case: columns (None: all), and constants by the column that they stand beside."""

    used: list[str] | None
    constants: dict[str, list[Any]]


class Edits:
    """The changes to one table: row numbers, cells by row and column, and added rows as the row that they repeat."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.gone: dict[int, None] = {}
        self.changed: dict[int, dict[int, Cell]] = {}
        self.added: list[tuple[int, dict[int, Cell]]] = []

    def kept(self) -> list[int]:
        return [at for at in range(len(self.table.rows)) if at not in self.gone]

    def now(self, row: int, at: int) -> Cell:
        return self.changed.get(row, {}).get(at, self.table.rows[row][at])

    def set(self, row: int, at: int, value: Cell) -> None:
        self.changed.setdefault(row, {})[at] = value


def plan(tables: list[Table], recipe: Recipe, hints: Hints, rng: random.Random) -> list[Edits]:
    """Plan the changes to all tables."""
    edits = {table.name: Edits(table) for table in tables}
    _leave_out(edits, recipe.keep, rng)
    for table in tables:
        for at, column in enumerate(table.columns):
            if column.fixed or not _is_used(column, hints):
                continue
            _change(edits[table.name], at, recipe, hints, rng)
            _make_null(edits[table.name], at, recipe, rng)
    for table in tables:
        _add(edits, table, recipe, hints, rng)
    return list(edits.values())


def _is_used(column: Column, hints: Hints) -> bool:
    return hints.used is None or column.name.casefold() in hints.used


def _leave_out(edits: dict[str, Edits], keep: float, rng: random.Random) -> None:
    parents = {one.parent.name for own in edits.values() for one in own.table.foreign}
    for own in edits.values():
        share = (1 - keep) / 4 if own.table.name in parents else 1 - keep
        for row in range(len(own.table.rows)):
            if rng.random() < share:
                own.gone[row] = None
        if own.table.rows and len(own.gone) == len(own.table.rows):
            del own.gone[rng.randrange(len(own.table.rows))]
    while any(_leave_out_orphans(own, edits) for own in edits.values()):
        continue


def _leave_out_orphans(own: Edits, edits: dict[str, Edits]) -> bool:
    """Take out rows whose parent has gone. A row that never had one stays."""
    before = len(own.gone)
    for one in own.table.foreign:
        theirs = edits[one.parent.name]
        gone = {tuple(one.parent.rows[row][at] for at in one.to) for row in theirs.gone}
        left = {tuple(one.parent.rows[row][at] for at in one.to) for row in theirs.kept()}
        lost = gone - left
        for row in own.kept() if lost else ():
            if tuple(own.table.rows[row][at] for at in one.columns) in lost:
                own.gone[row] = None
    return len(own.gone) > before


def _change(own: Edits, at: int, recipe: Recipe, hints: Hints, rng: random.Random) -> None:
    kept = own.kept()
    bound = any(at in pair for pair in own.table.below)
    if not recipe.change or len(kept) < 1:
        return
    if own.table.columns[at].renamed:
        if not bound:
            _rename(own, at, kept, rng)
        return
    unique = (at,) in own.table.keys
    if unique and bound:
        return
    count = min(MAX_CHANGED, math.ceil(recipe.change * len(kept)))
    places = sorted(rng.sample(kept, count))
    for row, value in swapped(rng, own.table.values(at), places).items():
        if unique or _is_allowed(own, row, at, value):
            own.set(row, at, value)
    constants = hints.constants.get(own.table.columns[at].name.casefold(), [])
    candidates = near(own.table.values(at), constants, recipe.guess)
    _put_near(own, at, places, candidates, unique, rng)


def _rename(own: Edits, at: int, kept: list[int], rng: random.Random) -> None:
    """Exchange the values of a column with each other, all equal ones alike: what hangs on them stays so."""
    domain = list(
        dict.fromkeys(own.table.rows[row][at] for row in kept if own.table.rows[row][at] is not None)
    )
    others = domain[:]
    rng.shuffle(others)
    names = dict(zip(domain, others, strict=True))
    for row in kept:
        value = own.table.rows[row][at]
        if value is not None and names[value] != value:
            own.set(row, at, names[value])


def _put_near(
    own: Edits, at: int, places: list[int], candidates: list[Cell], unique: bool, rng: random.Random
) -> None:
    if not candidates:
        return
    if unique:
        taken = {own.now(row, at): None for row in own.kept()}
        for value, row in zip(
            [one for one in candidates if one not in taken], rng.sample(places, len(places)), strict=False
        ):
            own.set(row, at, value)
        return
    for row in places:
        if rng.random() < 0.6:
            value = rng.choice(candidates)
            if _is_allowed(own, row, at, value):
                own.set(row, at, value)


def _is_allowed(own: Edits, row: int, at: int, value: Cell) -> bool:
    return _is_ordered(own.table, at, value, lambda other: own.now(row, other))


def _is_ordered(table: Table, at: int, value: Cell, now: Callable[[int], Cell]) -> bool:
    """Whether a row keeps the order of its columns. `now` gives the values of its other columns."""
    for small, large in table.below:
        if at in (small, large):
            low = value if at == small else now(small)
            high = value if at == large else now(large)
            if low is not None and high is not None and not low <= high:
                return False
    return True


def _make_null(own: Edits, at: int, recipe: Recipe, rng: random.Random) -> None:
    column = own.table.columns[at]
    may = column.has_null or (recipe.guess and column.nullable)
    if not recipe.nulls or not may or not column.nullable or column.renamed:
        return
    if (at,) in own.table.keys and own.table.declared and not column.nullable:
        return
    kept = own.kept()
    for row in rng.sample(kept, min(MAX_CHANGED, math.ceil(recipe.nulls * len(kept)))):
        own.set(row, at, None)


def _add(edits: dict[str, Edits], table: Table, recipe: Recipe, hints: Hints, rng: random.Random) -> None:
    own, kept = edits[table.name], edits[table.name].kept()
    count = min(MAX_ADDED, math.ceil(recipe.add * max(len(kept), FEW_ROWS)))
    if not count or not kept or not (table.keys or recipe.guess or _repeats_rows(table)):
        return
    taken = {key: {_part(own, row, key): None for row in kept} for key in table.keys}
    for turn in range(count):
        row = rng.choice(kept)
        values = _new_values(edits, own, row, taken, turn, rng)
        if values is None:
            continue
        for key in table.keys:
            taken[key][tuple(values.get(at, own.now(row, at)) for at in key)] = None
        changed = {at: value for at, value in own.changed.get(row, {}).items() if at not in values}
        own.added.append((row, {**changed, **values}))
        _vary(own, own.added[-1], recipe, hints, rng)


def _repeats_rows(table: Table) -> bool:
    texts = [repr(row) for row in table.rows]
    return len(set(texts)) < len(texts)


def _part(own: Edits, row: int, key: tuple[int, ...]) -> tuple[Cell, ...]:
    return tuple(own.now(row, at) for at in key)


def _new_values(
    edits: dict[str, Edits],
    own: Edits,
    row: int,
    taken: dict[tuple[int, ...], dict[tuple[Cell, ...], None]],
    turn: int,
    rng: random.Random,
) -> dict[int, Cell] | None:
    """New values for the keys of an added row; None where a key cannot be made."""
    values: dict[int, Cell] = {}
    for key in sorted(own.table.keys, key=len):
        if len(key) == 1:
            made = _new_key(edits, own, row, key[0], {one[0]: None for one in taken[key]}, turn, rng)
            if made is None and own.now(row, key[0]) is not None:
                return None
            if made is not None:
                values[key[0]] = made
    for key in own.table.keys:
        if len(key) > 1 and not _recombined(edits, own, row, key, values, taken[key], rng):
            return None
    return values


def _new_key(
    edits: dict[str, Edits],
    own: Edits,
    row: int,
    at: int,
    taken: dict[Cell, None],
    turn: int,
    rng: random.Random,
) -> Cell:
    linked = [one for one in own.table.foreign if at in one.columns]
    if not linked:
        return fresh(own.now(row, at), taken, turn) if own.now(row, at) is not None else None
    free = [value for value in _parents(edits, own, at) if value not in taken]
    return rng.choice(free) if free else None


def _parents(edits: dict[str, Edits], own: Edits, at: int) -> list[Cell]:
    """The values that a linking column may have, in the order of the parent's rows."""
    for one in own.table.foreign:
        if one.columns == (at,):
            theirs = edits[one.parent.name]
            return [one.parent.rows[row][one.to[0]] for row in theirs.kept()]
    return []


def _recombined(
    edits: dict[str, Edits],
    own: Edits,
    row: int,
    key: tuple[int, ...],
    values: dict[int, Cell],
    taken: dict[tuple[Cell, ...], None],
    rng: random.Random,
) -> bool:
    """Find a combination of known values that the key has not; say whether there is one."""
    wide = {at for one in own.table.foreign if len(one.columns) > 1 for at in one.columns}
    parts = [at for at in key if at not in wide]
    for _ in range(TRIES):
        if tuple(values.get(at, own.now(row, at)) for at in key) not in taken:
            return True
        if not parts:
            return False
        at = rng.choice(parts)
        known = _parents(edits, own, at) or [own.now(one, at) for one in own.kept()]
        number = own.now(row, at)
        is_free = not any(at in one.columns for one in own.table.foreign)
        if is_free and isinstance(number, int) and not isinstance(number, bool) and rng.random() < 0.5:
            known = [max(one for one in known if isinstance(one, int)) + 1]
        values[at] = rng.choice(known)
    return tuple(values.get(at, own.now(row, at)) for at in key) not in taken


def _vary(
    own: Edits, added: tuple[int, dict[int, Cell]], recipe: Recipe, hints: Hints, rng: random.Random
) -> None:
    """Give an added row other values where the queries look, so that it is no mere repeat."""
    row, values = added
    for at, column in enumerate(own.table.columns):
        keyed = any(at in key for key in own.table.keys)
        if column.fixed or column.renamed or keyed or at in values or not _is_used(column, hints):
            continue
        constants = hints.constants.get(column.name.casefold(), [])
        candidates = near(own.table.values(at), constants, recipe.guess)
        if rng.random() < 0.5:
            value = rng.choice(candidates) if candidates and rng.random() < 0.6 else None
            value = own.now(rng.choice(own.kept()), at) if value is None else value
            if _is_ordered(own.table, at, value, lambda other: values.get(other, own.now(row, other))):
                values[at] = value

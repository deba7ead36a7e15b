"""Plans one perturbed copy: which rows go, which cells change, which rows are added. Pure, and the same for one seed.

What `tables.py` has learnt is kept: a row goes with all rows that refer to it; a changed value repeats no key; columns
that hang together get another row's values together; an added row is a kept one with new values in its keys, and where
none can be made in the form of a key's values, no row is added. Only a copy that guesses repeats what the data shows
once, has NULL wherever the schema lets it, and has rows in tables that have none (`filling.py`).
"""

from __future__ import annotations

import math
import random

from tools.sql.in_box.copying.adding import add_rows, linked
from tools.sql.in_box.copying.changes import Edits as Edits
from tools.sql.in_box.copying.changes import Hints as Hints
from tools.sql.in_box.copying.changes import Recipe as Recipe
from tools.sql.in_box.copying.changes import is_ordered, is_used
from tools.sql.in_box.copying.filling import filled
from tools.sql.in_box.copying.nudging import near, swapped
from tools.sql.in_box.copying.tables import Cell, Table

MAX_CHANGED = 400  # cells of a column


def plan(tables: list[Table], recipe: Recipe, hints: Hints, rng: random.Random) -> list[Edits]:
    """Plan the changes to all tables, those that others refer to first."""
    tables = _parents_first(tables)
    edits = {table.name: Edits(table, _keys(table, recipe)) for table in tables}
    _leave_out(edits, recipe.keep, rng)
    for table in tables:
        own = edits[table.name]
        for bundle in table.bundles:
            if any(is_used(table.columns[at], hints) for at in bundle):
                _deal(own, bundle, recipe, rng)
        bound = {at for bundle in table.bundles for at in bundle}
        for at, column in enumerate(table.columns):
            if column.fixed or at in bound or not is_used(column, hints):
                continue
            _change(own, at, recipe, hints, rng)
            _make_null(own, at, recipe, rng)
        for places in _links(table):
            _unlink(own, places, recipe, rng)
    for table in tables:
        add_rows(edits, table, recipe, hints, rng)
    if recipe.guess:
        for table in tables:
            if not table.rows:
                own = edits[table.name]
                own.made = filled(table, hints.constants, lambda one: linked(edits, one), rng)
    return list(edits.values())


def _parents_first(tables: list[Table]) -> list[Table]:
    """In the given order where tables refer to each other in a circle."""
    found: dict[str, Table] = {}
    left = tables
    while left:
        ready = [
            table
            for table in left
            if all(one.parent.name in found or one.parent is table for one in table.foreign)
        ] or left
        found |= {table.name: table for table in ready}
        left = [table for table in left if table.name not in found]
    return list(found.values())


def _keys(table: Table, recipe: Recipe) -> list[tuple[int, ...]]:
    """What only the data shows to repeat nothing may repeat in a guess, all but the numbers of rows."""
    if not recipe.guess:
        return table.keys
    return [
        key
        for key in table.keys
        if key in table.schema_keys or (not table.declared and all(table.columns[at].fixed for at in key))
    ]


def _leave_out(edits: dict[str, Edits], keep: float, rng: random.Random) -> None:
    parents = {one.parent.name for own in edits.values() for one in own.table.foreign}
    for own in edits.values():
        share = (1 - keep) / 4 if own.table.name in parents else 1 - keep
        own.gone = _gone(own.table, share, rng)
        if own.table.rows and len(own.gone) == len(own.table.rows):
            del own.gone[rng.randrange(len(own.table.rows))]
    while any(_leave_out_orphans(own, edits) for own in edits.values()):
        continue


def _gone(table: Table, share: float, rng: random.Random) -> dict[int, None]:
    """Rows by chance; those that belong together all or none."""
    rows = range(len(table.rows))
    if table.together is None:
        return {row: None for row in rows if rng.random() < share}
    parts = {row: tuple(table.rows[row][at] for at in table.together) for row in rows if table.together}
    left_out = {part: rng.random() < share for part in dict.fromkeys(parts.values())}
    return {row: None for row, part in parts.items() if left_out[part]}


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


def _deal(own: Edits, bundle: tuple[int, ...], recipe: Recipe, rng: random.Random) -> None:
    """Exchange what stands in these columns between rows, all of it at once."""
    kept = own.kept()
    if not recipe.change or len(kept) < 2 or any(own.table.columns[at].fixed for at in bundle):
        return
    places = sorted(rng.sample(kept, min(MAX_CHANGED, math.ceil(recipe.change * len(kept)))))
    dealt = places[:]
    rng.shuffle(dealt)
    unique = any((at,) in own.table.keys for at in bundle)
    moved = {
        row: {at: own.table.rows[other][at] for at in bundle}
        for row, other in zip(places, dealt, strict=True)
    }
    fits = {row: _keeps_order(own, row, values) for row, values in moved.items()}
    for row, values in moved.items() if all(fits.values()) or not unique else ():
        if fits[row]:
            own.changed.setdefault(row, {}).update(values)


def _keeps_order(own: Edits, row: int, values: dict[int, Cell]) -> bool:
    return all(
        is_ordered(own.table, at, value, lambda other: values.get(other, own.now(row, other)))
        for at, value in values.items()
    )


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
    return is_ordered(own.table, at, value, lambda other: own.now(row, other))


def _make_null(own: Edits, at: int, recipe: Recipe, rng: random.Random) -> None:
    column = own.table.columns[at]
    may = column.has_null or (recipe.guess and column.nullable)
    if not recipe.nulls or not may or not column.nullable:
        return
    if (at,) in own.table.keys and own.table.declared and not column.nullable:
        return
    kept = own.kept()
    for row in rng.sample(kept, min(MAX_CHANGED, math.ceil(recipe.nulls * len(kept)))):
        own.set(row, at, None)


def _links(table: Table) -> list[tuple[int, ...]]:
    """Columns that link rows, that may be NULL, and that no key and nothing else hangs on."""
    bound = {at for key in table.keys for at in key}
    return [
        one.columns
        for one in table.foreign
        if not any(
            at in bound or not table.columns[at].nullable or table.columns[at].hung for at in one.columns
        )
    ]


def _unlink(own: Edits, places: tuple[int, ...], recipe: Recipe, rng: random.Random) -> None:
    """Have rows refer to none."""
    kept = own.kept()
    if kept and own.table.grows_by_guess and own.may_unlink(places, recipe):
        for row in rng.sample(kept, min(MAX_CHANGED, math.ceil(recipe.nulls * len(kept)))):
            for at in places:
                own.set(row, at, None)

"""Adds rows to a copy: each repeats a kept one, with new values in its keys, and some where the queries look."""

from __future__ import annotations

import math
import random

from tools.sql.in_box.copying.changes import Edits, Hints, Recipe, is_ordered, is_used
from tools.sql.in_box.copying.nudging import Free, fresh, near
from tools.sql.in_box.copying.tables import Cell, Foreign, Table

MAX_ADDED = 200  # rows of a table
FEW_ROWS = 10  # of so few, as many are added as of these
MAX_KNOWN = 2_000  # values that a new one is made like
TRIES = 12
RELINKED = 0.4  # share of added rows that refer to another row than the one that they repeat
Keys = dict[tuple[int, ...], dict[tuple[Cell, ...], None]]


def add_rows(edits: dict[str, Edits], table: Table, recipe: Recipe, hints: Hints, rng: random.Random) -> None:
    """Add rows that repeat kept ones, with keys of their own. Where no key can be made, a row is left out."""
    own, kept = edits[table.name], edits[table.name].kept()
    count = min(MAX_ADDED, math.ceil(recipe.add * max(len(kept), FEW_ROWS)))
    may_grow = table.grows_by_guess if recipe.guess else table.grows
    if not (may_grow and count and kept) or not (own.keys or recipe.guess or _repeats_rows(table)):
        return
    taken = {key: {_part(own, row, key): None for row in kept} for key in own.keys}
    free = {key[0]: _free(own, key[0], hints) for key in own.keys if len(key) == 1}
    for _ in range(count):
        row = rng.choice(kept)
        values = _new_values(edits, own, row, taken, free, rng)
        if values is None:
            continue
        for key in own.keys:
            taken[key][tuple(values.get(at, own.now(row, at)) for at in key)] = None
        changed = {at: value for at, value in own.changed.get(row, {}).items() if at not in values}
        own.added.append((row, {**changed, **values}))
        _relink(edits, own, own.added[-1][1], recipe, rng)
        _vary(own, own.added[-1], recipe, hints, rng)


def _free(own: Edits, at: int, hints: Hints) -> Free:
    column = own.table.columns[at]
    probed = hints.probed is None or column.name.casefold() in hints.probed
    gone = [own.table.rows[row][at] for row in list(own.gone)[:MAX_KNOWN]]
    known = [value for value in own.table.values(at)[:MAX_KNOWN] if value is not None]
    return Free(known, gone, (at,) in own.table.schema_keys or column.fixed, probed)


def _repeats_rows(table: Table) -> bool:
    texts = [repr(row) for row in table.rows]
    return len(set(texts)) < len(texts)


def _part(own: Edits, row: int, key: tuple[int, ...]) -> tuple[Cell, ...]:
    return tuple(own.now(row, at) for at in key)


def _new_values(
    edits: dict[str, Edits],
    own: Edits,
    row: int,
    taken: Keys,
    free: dict[int, Free],
    rng: random.Random,
) -> dict[int, Cell] | None:
    """New values for the keys of an added row; None where a key cannot be made."""
    values = _new_bundles(own, taken, rng)
    if values is None:
        return None
    for key in sorted(own.keys, key=len):
        if len(key) == 1 and key[0] not in values:
            made = _new_key(edits, own, row, key[0], {one[0]: None for one in taken[key]}, free[key[0]], rng)
            if made is None and own.now(row, key[0]) is not None:
                return None
            if made is not None:
                values[key[0]] = made
    for key in own.keys:
        if len(key) > 1 and not _recombined(edits, own, row, key, values, taken[key], rng):
            return None
    return values


def _new_bundles(own: Edits, taken: Keys, rng: random.Random) -> dict[int, Cell] | None:
    """Columns that hang together with a key are those of a row that has gone, or of one that has none of the key."""
    values: dict[int, Cell] = {}
    for bundle in own.table.bundles:
        keys = [at for at in bundle if (at,) in own.keys]
        if not keys:
            continue
        gone = [own.table.rows[row] for row in own.gone]
        known = [row for row in gone if all((row[at],) not in taken[(at,)] for at in keys)]
        known += [row for row in own.table.rows if all(row[at] is None for at in keys)]
        if not known:
            return None
        row = rng.choice(known)
        values |= {at: row[at] for at in bundle}
    return values


def _new_key(
    edits: dict[str, Edits],
    own: Edits,
    row: int,
    at: int,
    taken: dict[Cell, None],
    free: Free,
    rng: random.Random,
) -> Cell:
    linked = [one for one in own.table.foreign if at in one.columns]
    if not linked:
        return fresh(own.now(row, at), taken, free, rng) if own.now(row, at) is not None else None
    parents = [value for value in _parents(edits, own, at) if value not in taken]
    return rng.choice(parents) if parents else None


def _parents(edits: dict[str, Edits], own: Edits, at: int) -> list[Cell]:
    """The values that a linking column may have, in the order of the parent's rows."""
    for one in own.table.foreign:
        if one.columns == (at,):
            known = (
                linked(edits, one) if one.parent is own.table else [*linked(edits, one), *_added(edits, one)]
            )
            return [part[0] for part in known]
    return []


def linked(edits: dict[str, Edits], link: Foreign) -> list[tuple[Cell, ...]]:
    """What a link may refer to, in the order of the rows."""
    theirs = edits[link.parent.name]
    known = [link.parent.rows[row] for row in theirs.kept()] or theirs.made
    return [tuple(row[at] for at in link.to) for row in known]


def _added(edits: dict[str, Edits], link: Foreign) -> list[tuple[Cell, ...]]:
    """What a link may refer to among the added rows."""
    theirs = edits[link.parent.name]
    return [tuple(new.get(at, theirs.now(row, at)) for at in link.to) for row, new in theirs.added]


def _relink(
    edits: dict[str, Edits], own: Edits, values: dict[int, Cell], recipe: Recipe, rng: random.Random
) -> None:
    """Have an added row refer to another row, or to none where that may be."""
    keyed = {at for key in own.table.keys for at in key}
    for link in own.table.foreign:
        if keyed & {*link.columns} or any(own.table.columns[at].hung for at in link.columns):
            continue
        known = linked(edits, link)
        if link.parent is not own.table:
            known += _added(edits, link)
        part = rng.choice(known) if known and rng.random() < RELINKED else None
        if part is None and rng.random() < recipe.nulls and own.may_unlink(link.columns, recipe):
            part = (None,) * len(link.columns)
        if part is not None:
            values.update(zip(link.columns, part, strict=True))


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
    bound = {at for bundle in own.table.bundles for at in bundle}
    keyed = {at for key in own.table.keys for at in key}
    if recipe.guess:
        keyed &= {at for key in own.keys for at in key}
    for bundle in own.table.bundles:
        if values.keys() & {*bundle}:
            continue
        other = rng.choice(own.kept())
        dealt = {at: own.now(other, at) for at in bundle}
        if rng.random() < 0.5 and not keyed & {*bundle} and _keeps_order_of(own, row, values, dealt):
            values.update(dealt)
    for at, column in enumerate(own.table.columns):
        if column.fixed or at in bound or at in keyed or at in values or not is_used(column, hints):
            continue
        constants = hints.constants.get(column.name.casefold(), [])
        candidates = near(own.table.values(at), constants, recipe.guess)
        if rng.random() < 0.5:
            value = rng.choice(candidates) if candidates and rng.random() < 0.6 else None
            value = own.now(rng.choice(own.kept()), at) if value is None else value
            if _keeps_order_of(own, row, values, {at: value}):
                values[at] = value


def _keeps_order_of(own: Edits, row: int, values: dict[int, Cell], more: dict[int, Cell]) -> bool:
    """Whether an added row with these further values keeps the order of its columns."""
    after = {**values, **more}
    return all(
        is_ordered(own.table, at, value, lambda other: after.get(other, own.now(row, other)))
        for at, value in more.items()
    )

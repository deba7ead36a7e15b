"""Finds what holds in the given data between the rows of a table, and between the rows of two tables that are linked.

Between rows: numbers that go on without a gap within each group, a value that each group has in just one row (the
current price), running totals, and two columns that number their places together (a tree in nested sets). Such a group
is left out as a whole, and gets no further row.

Between tables: totals, counts, firsts and lasts of the linked rows; columns that repeat or follow one of the linked
row; days and numbers that are never before it; a value that says whether there are linked rows. Such columns stay as
they are, and such rows come and go with the row that they are linked to.

Does not know what holds over two links, or under a condition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

from tools.sql.in_box.copying.hanging import are_numbers, follows, moment

if TYPE_CHECKING:
    from tools.sql.in_box.copying.tables import Foreign, Table

LEAST_ROWS = 3
LEAST_GROUPS = 2
MAX_ROWS = 2_000  # of a table in which groups are looked for
MAX_PAIRS = 400  # of linked rows
MAX_FAMILIES = 200
FEW_VALUES = 4  # of a column that marks one row of a group
LEAST_ORDERED = 5  # rows in which a number is never below another table's, so that it is taken for a rule
Cell = Any
Row = tuple[Cell, ...]


def bind_rows(table: Table) -> None:
    """Find what holds between the rows of a table, and have its groups stay whole."""
    if len(table.rows) > MAX_ROWS:
        return
    linking = {at for one in table.foreign for at in one.columns}
    whole = {at for at in range(len(table.columns)) if _are_whole(table, at) and at not in linking}
    for key in table.schema_keys:
        for at in key if len(table.rows) >= LEAST_ROWS else ():
            rest = tuple(one for one in key if one != at)
            if at in whole and (rest or not _is_an_id(table, at)) and _have_no_gaps(table, rest, at):
                _keep_whole(table, rest, (at,))
    for group in range(len(table.columns)):
        groups = _groups(table, group)
        if groups is None:
            continue
        marks = [
            at for at in range(len(table.columns)) if at != group and _marks_one(groups, at, group in linking)
        ]
        if marks:
            ends = [
                at for at in range(len(table.columns)) if any(_is_an_end(groups, at, mark) for mark in marks)
            ]
            _keep_whole(table, (group,), (*marks, *ends))
    for pair in _numbered_together(table, sorted(whole)):
        _keep_whole(table, (), pair)
    for total in _running(table):
        _keep_whole(table, (), total)


def _keep_whole(table: Table, group: tuple[int, ...], columns: tuple[int, ...]) -> None:
    """Have rows with equal values of `group` go together (all rows where it is empty), and get no further ones."""
    table.grows = table.grows_by_guess = False
    table.together = group if table.together is None else ()
    for at in (*group, *columns):
        table.columns[at].fixed = True


def _are_whole(table: Table, at: int) -> bool:
    return all(type(value) is int for value in table.values(at)) and bool(table.rows)


def _is_an_id(table: Table, at: int) -> bool:
    """Numbers that only tell rows apart go on without gaps, and nothing hangs on it."""
    name = table.columns[at].name.casefold()
    return at == 0 or name.endswith(("id", "no", "nr", "key", "code", "number"))


def _have_no_gaps(table: Table, rest: tuple[int, ...], at: int) -> bool:
    groups: dict[Cell, list[int]] = {}
    for row in table.rows:
        groups.setdefault(tuple(row[one] for one in rest), []).append(row[at])
    if rest and (len(groups) < LEAST_GROUPS or sum(len(own) > 1 for own in groups.values()) < LEAST_GROUPS):
        return False
    starts = {min(own) for own in groups.values()}
    return len(starts) == 1 and all(
        max(own) - min(own) + 1 == len(set(own)) == len(own) for own in groups.values()
    )


def _groups(table: Table, at: int) -> list[list[Row]] | None:
    """The rows by the value of a column, where several values have several rows."""
    found: dict[Cell, list[Row]] = {}
    try:
        for row in table.rows:
            found.setdefault(row[at], []).append(row)
    except TypeError:
        return None
    several = sum(len(own) > 1 for own in found.values())
    return list(found.values()) if len(found) > LEAST_GROUPS and several >= LEAST_GROUPS else None


def _marks_one(groups: Sequence[Sequence[Row]], at: int, is_linked: bool) -> bool:
    """Whether a flag, or NULL, or one of few values of linked rows, stands in just one row of each group."""
    try:
        values = {row[at] for own in groups for row in own}
    except TypeError:
        return False
    few = len(values) <= FEW_VALUES and (is_linked or values <= {0, 1, None})
    return any(_is_mark(groups, at, value) for value in sorted(values, key=repr) if few or value is None)


def _is_an_end(groups: Sequence[Sequence[Row]], at: int, mark: int) -> bool:
    """Whether the marked row of each group is the one with the largest or the smallest value of the column."""
    marked = [value for value in {row[mark] for row in groups[0]} if _is_mark(groups, mark, value)]
    for value in marked:
        for end in (max, min):
            if all(
                _end_of(own, at, end) == next(row for row in own if row[mark] == value)[at] for own in groups
            ):
                return True
    return False


def _is_mark(groups: Sequence[Sequence[Row]], mark: int, value: Cell) -> bool:
    return all(sum(row[mark] == value for row in own) == 1 for own in groups)


def _end_of(rows: Sequence[Row], at: int, end: Callable[..., Cell]) -> Cell:
    try:
        return end(row[at] for row in rows if row[at] is not None)
    except (TypeError, ValueError):
        return object()


def _numbered_together(table: Table, whole: Sequence[int]) -> Iterator[tuple[int, int]]:
    if len(table.rows) < LEAST_ROWS:
        return
    for at, one in enumerate(whole):
        for other in whole[at + 1 :]:
            both = sorted([*table.values(one), *table.values(other)])
            if both == list(range(both[0], both[0] + len(both))) and all(
                row[one] < row[other] for row in table.rows
            ):
                yield one, other


def _running(table: Table) -> Iterator[tuple[int, int]]:
    """Pairs of which one is the sum of the other so far, in the order of the rows."""
    rows = table.rows
    numbers = [at for at in range(len(table.columns)) if are_numbers(rows, at)]
    for one in numbers:
        for total in numbers if len(rows) > LEAST_ROWS else ():
            known = [
                (row[one], row[total]) for row in rows if row[one] is not None and row[total] is not None
            ]
            if one != total and len(known) == len(rows) and len({amount for amount, _ in known}) > 1:
                steps = pairwise(known)
                if all(_is_near(before + amount, after) for (_, before), (amount, after) in steps):
                    yield one, total


def _is_near(one: Cell, other: Cell) -> bool:
    return abs(float(one) - float(other)) <= 1e-6 * max(1.0, abs(float(one)), abs(float(other)))


def bind_tables(tables: Sequence[Table]) -> None:
    """Find what holds between rows that are linked, and have it stay so."""
    for table in tables:
        for link in table.foreign:
            if table.rows and link.parent.rows and len(link.columns) == 1:
                _bind_link(table, link)


def _bind_link(table: Table, link: Foreign) -> None:
    at, to = link.columns[0], link.to[0]
    theirs = {row[to]: row for row in link.parent.rows}
    pairs = [(row, theirs[row[at]]) for row in table.rows if row[at] is not None and row[at] in theirs]
    children: dict[Cell, list[Row]] = {key: [] for key in islice(theirs, MAX_FAMILIES)}
    for own, parent in pairs:
        if parent[to] in children:
            children[parent[to]].append(own)
    pairs = pairs[:MAX_PAIRS]
    for one in range(len(table.columns)):
        for other in range(len(link.parent.columns)):
            if one != at and other != to and _hang(pairs, one, other):
                table.columns[one].fixed = link.parent.columns[other].fixed = True
                table.columns[at].hung = True
                if any(at in key for key in table.keys):
                    table.grows = table.grows_by_guess = False
    for other in range(len(link.parent.columns)):
        if other == to:
            continue
        summed = [
            one
            for one in range(-1, len(table.columns))
            if one != at and _is_total(table, children, theirs, one, other)
        ]
        if summed or _says_whether(children, theirs, other):
            _keep_families(table, link, [*(one for one in summed if one >= 0)], other)


def _keep_families(table: Table, link: Foreign, columns: Sequence[int], other: int) -> None:
    """Linked rows come and go with the row that they are linked to, which gets no others."""
    table.together = ()
    for one in (table, link.parent):
        one.grows = one.grows_by_guess = False
    link.parent.columns[other].fixed = True
    for at in columns:
        table.columns[at].fixed = True


def _hang(pairs: Sequence[tuple[Row, Row]], one: int, other: int) -> bool:
    """Whether a column and one of the linked row are the same, follow each other, or keep an order."""
    known = [
        (own[one], parent[other])
        for own, parent in pairs
        if own[one] is not None and parent[other] is not None
    ]
    if len(known) < LEAST_ROWS:
        return False
    try:
        if len({own for own, _ in known}) > 1 and all(own == their for own, their in known):
            return True
    except TypeError:
        return False
    rows = [(own, parent) for own, parent in known]
    by_key = len({their for _, their in known}) < len({id(parent) for _, parent in pairs})
    if by_key and follows(rows, lambda row: row[1], lambda row: row[0]):
        return True
    return _keep_an_order(known)


def _keep_an_order(known: Sequence[tuple[Cell, Cell]]) -> bool:
    days = [(moment(own), moment(their)) for own, their in known]
    if all(own is not None and their is not None for own, their in days):
        pairs: list[tuple[Any, Any]] = list(days)
    elif len(known) >= LEAST_ORDERED and are_numbers(known, 0) and are_numbers(known, 1):
        pairs = list(known)
    else:
        return False
    for small, large in ((0, 1), (1, 0)):
        if all(pair[small] <= pair[large] for pair in pairs):
            return bool(max(pair[small] for pair in pairs) > min(pair[large] for pair in pairs))
    return False


def _is_total(
    table: Table, children: dict[Cell, list[Row]], theirs: dict[Cell, Row], one: int, other: int
) -> bool:
    """Whether a column of the linked-to row sums, counts (`one` is -1), or has the first or last of its rows."""
    wanted = [(own, theirs[key][other]) for key, own in children.items() if own]
    wanted = [(own, total) for own, total in wanted if total is not None]
    several = sum(len(own) > 1 for own, _ in wanted)
    if len(wanted) < LEAST_GROUPS or not several or len({repr(total) for _, total in wanted}) < 2:
        return False
    return any(all(_agree(form, own, total) for own, total in wanted) for form in _totals(table, one))


def _totals(table: Table, one: int) -> Iterator[Callable[[list[Row]], Cell]]:
    if one < 0:
        yield len
        return
    yield lambda rows: max(row[one] for row in rows if row[one] is not None)
    yield lambda rows: min(row[one] for row in rows if row[one] is not None)
    if not are_numbers(table.rows, one):
        return
    yield lambda rows: sum(float(row[one]) for row in rows if row[one] is not None)
    for by in range(len(table.columns)):
        if by != one and are_numbers(table.rows, by):
            yield lambda rows, by=by: sum(float(row[one]) * float(row[by]) for row in rows)  # type: ignore[misc]


def _agree(form: Callable[[list[Row]], Cell], rows: list[Row], total: Cell) -> bool:
    try:
        found = form(rows)
        return bool(found == total or _is_near(found, total))
    except (TypeError, ValueError):
        return False


def _says_whether(children: dict[Cell, list[Row]], theirs: dict[Cell, Row], other: int) -> bool:
    """Whether a value of the linked-to row says that rows are linked to it, and another that none are."""
    rows = [(theirs[key][other], bool(own)) for key, own in children.items()]
    is_null = [((value is None,), linked) for value, linked in rows]
    return any(_says(found) for found in (rows, is_null))


def _says(rows: Sequence[Row]) -> bool:
    if not follows(rows, lambda row: row[0], lambda row: row[1]):
        return False
    linked = [value for value, is_linked in rows if is_linked and value is not None]
    alone = [value for value, is_linked in rows if not is_linked and value is not None]
    return len(set(linked)) < len(linked) and len(set(alone)) < len(alone)

"""Says whether a candidate's result is the reference's: columns by name or by their values, rows in any order that
the reference leaves open.

Columns of the same names are those of the same names: exchanged, they are another result. Where names do not tell,
columns may stand in any order in which all rows fit, as in the test suites of Spider (arXiv:2010.02840) and the
evaluation of Defog, which do not look at names at all; BIRD wants them in place. Where some names are shared, and the
values fit only against them, the result is not one that names confirm: `named` is false.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tools.sql.columns import TooMuch, assignments
from tools.sql.engine_box import QueryResult
from tools.sql.matching import Rows, is_within, same_row
from tools.sql.ordering import OrderPlan
from tools.sql.values import Value, same, value_of


@dataclass(frozen=True)
class Expected:
    """What a result must be: `rows` in groups of ties, of which the result has those from `start` to `end`.

    `certain` is false where the ties are not known: then each row stands for itself. `limited`: there may be rows
    that the result could hold as well. `open_choice`: the reference chose among equals inside, so that another
    result may be right as well.
    """

    columns: tuple[str, ...]
    rows: Rows
    groups: tuple[tuple[int, int], ...]
    start: int
    end: int
    ordered: bool
    certain: bool = True
    limited: bool = False
    open_choice: bool = False


@dataclass(frozen=True)
class Comparison:
    """`certain` is false where a difference may be one that the reference leaves open. `row` is the first
    of the candidate's that is not expected (0-based). `named` is false where the values match, but only if a column
    stands for another one than that of its name.
    """

    matches: bool
    reason: str
    certain: bool = True
    row: int | None = None
    named: bool = True


_MATCH = Comparison(True, "the result is what was asked for")
_MOVED = Comparison(True, "the result is what was asked for, its columns in another order")
_MISNAMED = Comparison(
    True, "the values fit only if a column stands for another one than that of its name", named=False
)


def rows_of(cells: Sequence[Sequence[Any]]) -> list[tuple[Value, ...]]:
    """Read the rows of a result. Raises ValueError."""
    try:
        return [tuple(value_of(cell) for cell in row) for row in cells]
    except (TypeError, RecursionError) as error:  # a box that was taken over writes what it likes
        raise ValueError(f"a cell of the result is not in the form of one: {error}") from error


def expected(reference: QueryResult, probe: QueryResult | None, plan: OrderPlan) -> Expected:
    """Put the reference's rows into groups of ties. Blocking. Raises ValueError for cells that cannot be read."""
    own = rows_of(reference.rows)
    width, count = len(reference.columns), len(own)
    if probe is not None and not probe.cut:
        wide = rows_of(probe.rows)
        rows = [row[:width] for row in wide]
        groups = _ties(wide, plan.keys)
        found = Expected(reference.columns, rows, groups, plan.offset, plan.offset + count, bool(plan.keys))
        if _fits(own, found):
            return found
    certain = plan.certain and plan.probe is None
    groups = _ties(own, plan.keys) if certain else tuple((at, at + 1) for at in range(count))
    return Expected(reference.columns, own, groups, 0, count, bool(plan.keys), certain, plan.limited)


def compare(result: QueryResult, wanted: Expected) -> Comparison:
    """Compare a candidate's result. Blocking. Raises ValueError for cells that cannot be read."""
    rows, count = rows_of(result.rows), wanted.end - wanted.start
    if len(result.columns) != len(wanted.columns):
        return Comparison(False, f"it has {len(result.columns)} columns instead of {len(wanted.columns)}")
    if result.cut or len(rows) != count:
        more = "more than " if result.cut else ""
        said = f"it has {more}{len(rows)} rows instead of {count}"
        return Comparison(False, said, certain=not wanted.open_choice)
    by_names = _by_names(result.columns, wanted.columns)
    try:
        if (found := _found(rows, result.columns, wanted)) is not None:
            return found
        certain = wanted.certain
        if not certain and not wanted.limited:
            in_any_order = replace(wanted, groups=((0, len(wanted.rows)),))
            certain = _found(rows, result.columns, in_any_order) is None
    except TooMuch:
        return Comparison(False, "no order of its columns was found that fits", certain=False)
    return _difference(rows, by_names, wanted, certain and not wanted.open_choice)


def _found(rows: Rows, names: Sequence[str], wanted: Expected) -> Comparison | None:
    """How the columns can stand for the expected ones, so that the rows fit; None where they cannot."""
    if (by_names := _by_names(names, wanted.columns)) is not None:
        return _MATCH if _fits(_moved(rows, by_names), wanted) else None
    width, shared = len(wanted.columns), _shared_names(names, wanted.columns)
    for one in assignments(rows, wanted.rows, width, shared):
        if _fits(_moved(rows, one), wanted):
            return _MATCH if list(one) == sorted(one) else _MOVED
    if not shared:
        return None
    if any(_fits(_moved(rows, one), wanted) for one in assignments(rows, wanted.rows, width)):
        return _MISNAMED
    return None


def _moved(rows: Rows, columns: Sequence[int]) -> Rows:
    return [tuple(row[at] for at in columns) for row in rows]


def _shared_names(names: Sequence[str], wanted: Sequence[str]) -> dict[int, int]:
    """Expected columns whose name one column of the result has, and no other of either."""
    own, others = [name.casefold() for name in names], [name.casefold() for name in wanted]
    return {
        index: own.index(name)
        for index, name in enumerate(others)
        if own.count(name) == others.count(name) == 1
    }


def _ties(rows: Rows, keys: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Neighbouring rows with the same sort keys may stand in any order; without keys, all rows may."""
    if not keys or not rows:
        return ((0, len(rows)),)
    starts = [
        at
        for at in range(len(rows))
        if at == 0 or not all(same(rows[at][key], rows[at - 1][key]) for key in keys)
    ]
    return tuple(zip(starts, [*starts[1:], len(rows)], strict=True))


def _fits(rows: Rows, wanted: Expected) -> bool:
    return all(is_within(part, group) for part, group, _ in _parts(rows, wanted))


def _parts(rows: Rows, wanted: Expected) -> Iterator[tuple[Rows, Rows, int]]:
    """Each group of ties, the rows that stand in its place, and where they begin."""
    for begin, end in wanted.groups:
        first, last = max(begin, wanted.start), min(end, wanted.end)
        if first < last:
            at = first - wanted.start
            yield rows[at : last - wanted.start], wanted.rows[begin:end], at


def _by_names(columns: Sequence[str], wanted: Sequence[str]) -> tuple[int, ...] | None:
    """For each expected column the one of the same name; None where names do not tell."""
    names, others = [name.casefold() for name in columns], [name.casefold() for name in wanted]
    if len(set(names)) < len(names) or sorted(names) != sorted(others):
        return None
    return tuple(names.index(name) for name in others)


def _difference(rows: Rows, by_names: tuple[int, ...] | None, wanted: Expected, certain: bool) -> Comparison:
    """Say what differs, without saying what was expected."""
    assignment = by_names or tuple(range(len(wanted.columns)))
    mapped = _moved(rows, assignment)
    first = next(
        (
            at + _odd_one(part, group)
            for part, group, at in _parts(mapped, wanted)
            if not is_within(part, group)
        ),
        0,
    )
    if (wanted.ordered or not certain) and is_within(mapped, wanted.rows[wanted.start : wanted.end]):
        reason = "it has the rows that were asked for in another order"
    else:
        reason = f"row {first + 1} is not one that was asked for"
    return Comparison(False, reason, certain, first)


def _odd_one(part: Rows, group: Rows) -> int:
    """The first row that has no like in its group; 0 where only their numbers differ."""
    known = set(group)
    for at, row in enumerate(part):
        if row not in known and not any(same_row(row, other) for other in group):
            return at
    return 0

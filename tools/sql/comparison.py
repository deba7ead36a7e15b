"""Says whether a candidate's result is the reference's: columns by name or by their values, rows in any order that
the reference leaves open.

Columns of the same names are those of the same names: exchanged, they are another result. Where names do not tell,
columns may stand in any order in which all rows fit, as in the test suites of Spider (arXiv:2010.02840) and the
evaluation of Defog, which do not look at names at all; BIRD wants them in place. Where some names are shared, and the
values fit only against them, the result is not one that names confirm: `named` is false.

Numbers are the same to within what summing in another order changes (`values.py`). Results that agree only to a
relative 1e-6, only if sort keys that close are ties, or only if decimals that are texts are read as numbers, match
without proof: `precise` is false. Numbers below 1e-9
beside a zero may be what a cancellation left: that difference is not certain (`slack.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tools.sql.columns import TooMuch, assignments
from tools.sql.decimals import as_numbers
from tools.sql.engine_box import QueryResult
from tools.sql.matching import Rows, is_within, same_row
from tools.sql.ordering import OrderPlan
from tools.sql.slack import has_fractions, loosened, with_rests, with_units, without_small
from tools.sql.values import Value, same, tied, value_of


@dataclass(frozen=True)
class Expected:
    """What a result must be: `rows` in groups of ties, of which the result has those from `start` to `end`.

    `near_groups`: the ties where sort keys that differ by their slack are the same; empty for those of `groups`.
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
    near_groups: tuple[tuple[int, int], ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class Comparison:
    """`certain` is false where a difference may be one that is left open, and `doubt` says why. `row` is the first
    of the candidate's that is not expected (0-based). `named` is false where the values match, but only if a column
    stands for another one than that of its name; `precise`, where they match to 1e-6 only. `decided` is false where
    too little of the result was read to tell.
    """

    matches: bool
    reason: str
    certain: bool = True
    row: int | None = None
    named: bool = True
    precise: bool = True
    decided: bool = True
    doubt: str = "which rows may stand where is not known"


_MATCH = Comparison(True, "the result is what was asked for")
_MOVED = Comparison(True, "the result is what was asked for, its columns in another order")
_MISNAMED = Comparison(
    True, "the values fit only if a column stands for another one than that of its name", named=False
)
_ALMOST = "its numbers or sort keys agree only almost (to a relative 1e-6)"
_SMALL = Comparison(
    False,
    "it has zero for a number below 1e-9, or such a number for zero",
    certain=False,
    doubt="it may be what a cancellation left of zero",
)


def rows_of(cells: Sequence[Sequence[Any]]) -> list[tuple[Value, ...]]:
    """Read the rows of a result. Raises ValueError."""
    try:
        return with_rests([tuple(value_of(cell) for cell in row) for row in cells])
    except (TypeError, RecursionError) as error:  # a box that was taken over writes what it likes
        raise ValueError(f"a cell of the result is not in the form of one: {error}") from error


def expected(reference: QueryResult, probe: QueryResult | None, plan: OrderPlan) -> Expected:
    """Put the reference's rows into groups of ties. Blocking. Raises ValueError for cells that cannot be read."""
    own = rows_of(reference.rows)
    width, count = len(reference.columns), len(own)
    if probe is not None and not probe.cut:
        wide = rows_of(probe.rows)
        rows = [row[:width] for row in wide]
        groups, end = _ties(wide, plan.keys, tied), plan.offset + count
        near = _ties(wide, plan.keys, same)
        found = Expected(reference.columns, rows, groups, plan.offset, end, bool(plan.keys), near_groups=near)
        if _fits(own, found):
            return found
    certain = plan.certain and plan.probe is None
    alone = tuple((at, at + 1) for at in range(count))
    groups = _ties(own, plan.keys, tied) if certain else alone
    near = _ties(own, plan.keys, same) if certain else alone
    return Expected(
        reference.columns, own, groups, 0, count, bool(plan.keys), certain, plan.limited, near_groups=near
    )


def compare(result: QueryResult, wanted: Expected, units: Sequence[float] = ()) -> Comparison:
    """Compare a candidate's result. Blocking. Raises ValueError for cells that cannot be read.

    `units`: the last places that its columns are rounded to, as marked in the expected ones (`slack.with_units`).
    """
    if len(result.columns) != len(wanted.columns):
        return Comparison(False, f"it has {len(result.columns)} columns instead of {len(wanted.columns)}")
    rows, count = with_units(rows_of(result.rows), units), wanted.end - wanted.start
    if result.cut and len(rows) < count:
        return _compared_in_part(rows, result.columns, wanted)
    if result.cut or len(rows) != count:
        more = "more than " if result.cut else ""
        said = f"it has {more}{len(rows)} rows instead of {count}"
        return Comparison(False, said, certain=not wanted.open_choice)
    return _compared(rows, result.columns, wanted)


def _compared_in_part(rows: Rows, names: Sequence[str], wanted: Expected) -> Comparison:
    """What was read before the result became too large may show that it is another one, never that it is the same."""
    found = _compared(rows, names, replace(wanted, end=wanted.start + len(rows)))
    if found.certain and not found.matches:
        return found
    said = f"the result is too large to compare: only its first {len(rows)} rows were read"
    return Comparison(False, said, certain=False, decided=False)


def _compared(rows: Rows, names: Sequence[str], wanted: Expected) -> Comparison:
    by_names = _by_names(names, wanted.columns)
    try:
        if (found := _found(rows, names, wanted)) is not None:
            return found
        if (found := _nearly(rows, names, wanted) or _as_numbers(rows, names, wanted)) is not None:
            return found
        certain = wanted.certain
        if not certain and not wanted.limited:
            in_any_order = replace(wanted, groups=((0, len(wanted.rows)),))
            certain = _found(rows, names, in_any_order) is None
    except TooMuch:
        return Comparison(False, "no order of its columns was found that fits", certain=False)
    return _difference(rows, by_names, wanted, certain and not wanted.open_choice)


def _nearly(rows: Rows, names: Sequence[str], wanted: Expected) -> Comparison | None:
    """Whether the rows fit where numbers need not agree to their last places."""
    if wanted.near_groups in ((), wanted.groups) and not has_fractions([*rows, *wanted.rows]):
        return None
    near, expected_near = loosened(rows), loosened(wanted.rows)
    loose = replace(wanted, rows=expected_near, groups=wanted.near_groups or wanted.groups)
    if (found := _found(near, names, loose)) is not None:
        return replace(found, reason=f"{found.reason}, but {_ALMOST}", precise=False)
    few, fewer = without_small(near), replace(loose, rows=without_small(expected_near))
    changed = few != near, fewer.rows != expected_near
    pairs = [*[(few, loose)] * changed[0], *[(near, fewer)] * changed[1]]
    if all(changed) and len(rows) == 1:  # both may be such a rest, and nothing shows of what
        pairs.append((few, fewer))
    return _SMALL if any(_found(own, names, other) is not None for own, other in pairs) else None


def _as_numbers(rows: Rows, names: Sequence[str], wanted: Expected) -> Comparison | None:
    """Whether the rows fit where decimals of one result are texts and those of the other are numbers."""
    if (read := as_numbers(rows, wanted.rows)) is None:
        return None
    own, others = read[0], replace(wanted, rows=read[1])
    found = _found(own, names, others) or _nearly(own, names, others)
    if found is None or not found.matches:
        return None
    return replace(found, reason=f"{found.reason}, but decimals of one are texts of the other", precise=False)


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


def _ties(
    rows: Rows, keys: Sequence[int], are_tied: Callable[[Value, Value], bool]
) -> tuple[tuple[int, int], ...]:
    """Rows with the sort keys of the first one of their group may stand in any order; without keys, all rows may.

    Neighbours are not compared: in a chain of close values the last one is not close to the first.
    """
    if not keys or not rows:
        return ((0, len(rows)),)
    starts = [0]
    for at, row in enumerate(rows):
        first = rows[starts[-1]]
        if not all(are_tied(row[key], first[key]) for key in keys):
            starts.append(at)
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

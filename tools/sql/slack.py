"""Widens what counts as the same number, as far as the other numbers of a column allow.

What a cancellation leaves (0.1 + 0.2 - 0.3) is zero only beside numbers of the size that went into it: such a rest is
told by the largest number of its column, not by a size of its own, for there are columns of small numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from tools.sql.matching import Rows
from tools.sql.values import ZERO, Value, is_exact, is_finite, size_of

_WRITTEN = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?", re.ASCII)
Change = Callable[[Value, float], Value]
REST = 2**-50  # of the largest number: eight roundings of it
NEAR = 1e-6
NEAR_REST = 1e-9
SMALL = 1e-9  # less than this may be a rest where nothing shows of what


def with_rests(rows: Rows) -> list[tuple[Value, ...]]:
    """Let a rest beside a large number of its column be the same as zero."""

    def widened(value: Value, largest: float) -> Value:
        is_rest = abs(value.content) <= REST * largest
        return value._replace(slack=max(value.slack, REST * largest)) if is_rest else value

    return _by_columns(rows, widened, lambda smallest, largest: smallest <= REST * largest)


def loosened(rows: Rows) -> list[tuple[Value, ...]]:
    """Let numbers be the same to a relative 1e-6, and rests to 1e-9 of the largest number of their column."""

    def widened(value: Value, largest: float) -> Value:
        size = abs(value.content)
        rest = NEAR_REST * largest if size <= NEAR_REST * largest else 0.0
        return Value(value.kind, value.content, max(value.slack, NEAR * size, rest), value.unit)

    return _by_columns(rows, widened)


def without_small(rows: Rows) -> list[tuple[Value, ...]]:
    """Make zeros of numbers that are smaller than 1e-9."""

    def cut(value: Value, _: float) -> Value:
        return ZERO if value.kind == "number" and abs(value.content) < SMALL else value

    return _by_columns(rows, cut, lambda smallest, _: smallest < SMALL)


def with_units(rows: Rows, units: Sequence[float]) -> list[tuple[Value, ...]]:
    """Mark the numbers of columns that are rounded; `units` are those of the first columns, 0 for none.

    Numbers that were made texts ('57.0') are numbers here.
    """

    def marked(value: Value, unit: float) -> Value:
        if unit and value.kind == "text" and _WRITTEN.fullmatch(value.content):
            return Value("number", float(value.content), 0.0, unit)
        return value._replace(unit=unit) if unit and _is_number(value) else value

    if not any(units):
        return list(rows)
    rest = [0.0] * (len(rows[0]) - len(units) if rows else 0)
    return [tuple(map(marked, row, [*units, *rest])) for row in rows]


def has_fractions(rows: Rows) -> bool:
    return any(not is_exact(value) for row in rows for value in row)


def _by_columns(
    rows: Rows, change: Change, is_needed: Callable[[float, float], bool] = lambda *_: True
) -> list[tuple[Value, ...]]:
    """Change the fractions of each column, told the size of its largest number.

    `is_needed` is told the sizes of the smallest fraction and of the largest number of a column.
    """
    before = list(zip(*rows, strict=True))
    after = [_changed(column, change, is_needed) for column in before]
    if all(one is other for one, other in zip(before, after, strict=True)):
        return list(rows)
    return list(zip(*after, strict=True))


def _changed(
    column: tuple[Value, ...], change: Change, is_needed: Callable[[float, float], bool]
) -> Sequence[Value]:
    numbers = list(_numbers(column))
    fractions = [abs(number) for number in numbers if isinstance(number, float)]
    if not fractions:
        return column
    largest = size_of(Value("number", max(map(abs, numbers))))
    if not is_needed(min(fractions), largest):
        return column
    return [_each(value, largest, change) for value in column]


def _each(value: Value, largest: float, change: Change) -> Value:
    if value.kind in ("list", "map"):
        return value._replace(content=tuple(_each(item, largest, change) for item in value.content))
    return change(value, largest) if _is_number(value) and isinstance(value.content, float) else value


def _numbers(values: Iterable[Value]) -> Iterator[float]:
    for value in values:
        if value.kind in ("list", "map"):
            yield from _numbers(value.content)
        elif _is_number(value):
            yield value.content


def _is_number(value: Value) -> bool:
    return value.kind in ("number", "span") and is_finite(value)

"""Rows of a table that fit conditions, and whether a text gives the value that was found in one column of them.

Cells are compared as numbers where both are, else as text without regard to case and outer spaces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tools.numbers.in_box.otherwise import has_decimal_comma, other_values
from tools.numbers.told import numbers_in, says

# Numbers whose digits are not all there, or not in figures.
_SCALED = re.compile(
    r"\d ?(?:[kKM]\b|thousand|million|billion|[\u00bc-\u00be\u2150-\u215e])|\d[. \u00a0]\d{3}[. \u00a0]\d{3}",
    re.I,
)


@dataclass(frozen=True)
class Conditions:
    """What a row must fit: values by place in it; `within` is (place of low, place of high, value)."""

    key: Mapping[int, Any]
    at_least: Mapping[int, Any]
    at_most: Mapping[int, Any]
    within: tuple[int, int, Fraction] | None
    places: Mapping[str, int]


def fitting(rows: Sequence[Sequence[Any]], conditions: Conditions) -> list[Sequence[Any]]:
    """The rows that fit. Texts that are one number (`007`, `7`) are equal only where no row has the very text."""
    exact = [row for row in rows if _fits(row, conditions, _equal_exactly)]
    return exact or [row for row in rows if _fits(row, conditions, _equal)]


def answer_verdict(
    table: Sequence[Sequence[Any]],
    rows: Sequence[Sequence[Any]],
    column: int,
    conditions: Conditions,
    text: str,
) -> str:
    """equal, different or unsure: whether a text gives the one value found, or another of that column."""
    values = {_folded(row[column]): row[column] for row in rows}
    if len(values) != 1:
        return "unsure"
    (value,) = values.values()
    if value is None or isinstance(value, bool):
        return "unsure"
    wanted = number(value)
    if wanted is None:
        return _text_verdict(table, column, _folded(value), _folded(text))
    found = numbers_in(text)
    asked = {
        number(one)
        for part in (conditions.key, conditions.at_least, conditions.at_most)
        for one in part.values()
    }
    if has_decimal_comma(text):
        return "unsure"
    if wanted in found:
        return "equal" if found <= {wanted} | asked else "unsure"
    if wanted in other_values(text) or _SCALED.search(text):
        return "unsure"
    others = found - asked
    return "different" if others and not any(_may_be(wanted, one) for one in others) else "unsure"


def number(cell: Any) -> Fraction | None:
    """A cell as a number, where it is one or is written as one."""
    if isinstance(cell, bool) or cell is None:
        return None
    try:
        if isinstance(cell, (int, float)):
            return Fraction(repr(cell)) if isinstance(cell, float) else Fraction(cell)
        text = str(cell).strip()
        is_plain = 0 < len(text) <= 40 and set(text) <= set("0123456789.-")
        return Fraction(text) if is_plain else None
    except ValueError:
        return None


def _fits(row: Sequence[Any], asked: Conditions, equal: Callable[[Any, Any], bool]) -> bool:
    if not all(equal(row[place], value) for place, value in asked.key.items()):
        return False
    if not all(_ordered(value, row[place]) for place, value in asked.at_least.items()):
        return False
    if not all(_ordered(row[place], value) for place, value in asked.at_most.items()):
        return False
    return asked.within is None or _brackets(row, *asked.within)


def _brackets(row: Sequence[Any], low: int, high: int, value: Fraction) -> bool:
    """Whether low <= value < high; null is an open end, but not both."""
    from_, to = number(row[low]), number(row[high])
    if from_ is None and to is None:
        return False
    reaches = row[low] is None or (from_ is not None and from_ <= value)
    return reaches and (row[high] is None or (to is not None and value < to))


def _equal_exactly(cell: Any, value: Any) -> bool:
    if isinstance(cell, str) and isinstance(value, str):
        return _folded(cell) == _folded(value)
    return _equal(cell, value)


def _equal(cell: Any, value: Any) -> bool:
    if cell is None or value is None or isinstance(cell, bool) or isinstance(value, bool):
        return cell is value
    one, other = number(cell), number(value)
    if one is not None and other is not None:
        return one == other
    return _folded(cell) == _folded(value)


def _ordered(low: Any, high: Any) -> bool:
    """low <= high, as numbers where both are, else as text; never with null or a truth value."""
    if low is None or high is None or isinstance(low, bool) or isinstance(high, bool):
        return False
    one, other = number(low), number(high)
    if one is not None and other is not None:
        return one <= other
    if (one is None) != (other is None):
        return False
    return _folded(low) <= _folded(high)


def _folded(cell: Any) -> str:
    return " ".join(str(cell).casefold().split())


def _may_be(value: Fraction, written: Fraction) -> bool:
    """Whether a written number may be a value that was rounded, lost its sign, or is told in per cent."""
    rounded = {round(value, places) for places in range(4)}
    return abs(written) in {abs(one) for one in (*rounded, value, 100 * value, value / 100)}


def _text_verdict(table: Sequence[Sequence[Any]], column: int, value: str, text: str) -> str:
    """Values within longer values of the column are not meant by a text that says the longer one."""
    known = {_folded(row[column]) for row in table if isinstance(row[column], str)}
    said = [one for one in known - {value} if one not in value and one in text and says(text, one)]
    others = [one for one in said if not any(one != other and one in other for other in said)]
    if says(text, value):
        if re.search(rf"(?<!\w)(?:no|not|never|without|isn't) {re.escape(value)}(?!\w)", text):
            return "unsure"
        longer = [one for one in others if value in one]
        return "different" if longer else "unsure" if others else "equal"
    return "different" if others else "unsure"

"""Brings cells of either engine into one form, and says when two of them are the same value.

Numbers are compared as numbers, whole ones exactly and others to within their slack: 2 = 2.0 = true = DECIMAL '2.00'.
A date equals its midnight and its ISO text; a text that is a whole number equals the number, one with a point is a text
('1.10' is not '1.1'; `decimals.py` reads it beside numbers). NULL equals NULL only. A whole number past 2**53 equals no
double, which may stand for its neighbours as well.

The slack is a relative 2e-12. Two sums of the same million doubles in other orders differ by up to 1e-13 in either
engine, by 1e-11 where the rounding leans to one side (a million times 0.1); a second is 5e-12 of a date as a Julian
day, a minute 4e-8 of one as an epoch. What single precision (FLOAT) leaves of a number is farther off, by 6e-8.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

RELATIVE = 2e-12
_ULPS = 4
_EXACT = 2**53
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
)


class Value(NamedTuple):
    """`kind`: null, number, text, time, clock, span, bytes, list or map; `content` is comparable within its kind.

    `slack`: how far a number may be from this one and still be the same. `unit`: the last place that its query rounds
    it to, where one unit more or less is the same for two numbers that are rounded so; 0 for none.
    """

    kind: str
    content: Any
    slack: float = 0.0
    unit: float = 0.0


NULL = Value("null", 0)
ZERO = Value("number", 0)


def value_of(cell: Any) -> Value:
    """Read an encoded cell (`in_box/cells.py`). Raises ValueError for what no box of ours writes."""
    if cell is None:
        return NULL
    if isinstance(cell, (bool, int)):
        return Value("number", int(cell))
    if isinstance(cell, float):
        return _number(cell)
    if isinstance(cell, str):
        return _text(cell)
    if not isinstance(cell, dict) or len(cell) != 1:
        raise ValueError("a cell of the result is not in the form of one")
    (tag, content), *_ = cell.items()
    return _tagged(tag, content)


def same(one: Value, other: Value) -> bool:
    return _alike(one, other, _is_near)


def tied(one: Value, other: Value) -> bool:
    """Whether an engine that sorts may take both for one key: equal, or but for the last bits of a computation."""
    return _alike(one, other, _is_equal)


def _alike(one: Value, other: Value, numbers: Callable[[Value, Value], bool]) -> bool:
    if one.kind != other.kind:
        return False
    if one.kind in ("number", "span"):
        return one.content == other.content or (is_finite(one) and is_finite(other) and numbers(one, other))
    if one.kind in ("list", "map"):
        pairs = zip(one.content, other.content, strict=False)
        return len(one.content) == len(other.content) and all(_alike(*pair, numbers) for pair in pairs)
    return bool(one.content == other.content)


def _is_near(one: Value, other: Value) -> bool:
    unit = one.unit if one.unit == other.unit else 0.0
    slack = max(one.slack, other.slack, unit)
    if is_past_doubles(one) != is_past_doubles(other) and slack <= 2 * RELATIVE * size_of(one):
        return False
    return gap(one, other) <= slack


def _is_equal(one: Value, other: Value) -> bool:
    if isinstance(one.content, int) and isinstance(other.content, int):
        return False  # equal ones never come here
    return gap(one, other) <= _ULPS * max(math.ulp(size_of(one)), math.ulp(size_of(other)))


def gap(one: Value, other: Value) -> float:
    """How far apart two finite numbers are."""
    if isinstance(one.content, int) and isinstance(other.content, int):
        return _float(abs(one.content - other.content))
    return abs(_float(one.content) - _float(other.content))


def _float(number: float) -> float:
    """Whole numbers past all doubles (of 309 digits and more) lie at infinity."""
    try:
        return float(number)
    except OverflowError:
        return math.copysign(math.inf, number)


def is_exact(value: Value) -> bool:
    """Whether what is the same as this value has an equal `Value`, so that it can be looked up."""
    if value.kind in ("list", "map"):
        return all(is_exact(item) for item in value.content)
    if value.kind == "number":
        return isinstance(value.content, (int, str)) and not (value.slack or value.unit)
    return value.kind != "span"


def size_of(value: Value) -> float:
    """About how large a number is; what is no finite one lies below all."""
    return _float(value.content) if value.kind in ("number", "span") and is_finite(value) else -math.inf


def place_of(value: Value) -> Any:
    """A key to sort values by that are not exact: values that are the same lie close together.

    The number itself and not its size: whole numbers that fall on one double have an order as well.
    """
    return value.content if value.kind in ("number", "span") and is_finite(value) else -math.inf


def is_past_doubles(value: Value) -> bool:
    """Whether this is a whole number that not every double of its size can be told from."""
    return value.kind == "number" and isinstance(value.content, int) and abs(value.content) >= _EXACT


def is_finite(value: Value) -> bool:
    return not isinstance(value.content, str)


def _number(given: float | Decimal) -> Value:
    """Whole numbers become int, inf and nan text: both are exact."""
    number = float(given)
    if not math.isfinite(number):
        return Value("number", str(given).lower())
    if number.is_integer() and abs(number) < _EXACT:
        return Value("number", int(number))
    # What a double cannot hold exactly is kept exactly where the engine gave it so.
    whole = isinstance(given, Decimal) and given == given.to_integral_value()
    return Value("number", int(given)) if whole else Value("number", number, RELATIVE * abs(number))


def _text(text: str) -> Value:
    if _NUMBER.fullmatch(text):
        return _number(Decimal(text))
    if _ISO.fullmatch(text):
        return _time(text) or Value("text", text)
    return Value("text", text)


def _time(text: str) -> Value | None:
    """A date or timestamp in UTC without its midnight; None for a text that only looks like one."""
    try:
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return Value("time", moment.isoformat())


def _tagged(tag: str, content: Any) -> Value:
    if tag == "n":
        try:
            return _number(Decimal(content))
        except (InvalidOperation, TypeError) as error:
            raise ValueError(f"{content!r} is no decimal") from error
    if tag == "f":
        return Value("number", str(content).lower())
    if tag == "i":
        return Value("span", float(content), RELATIVE * abs(float(content)))
    if tag == "t":
        return _time(str(content)) or Value("time", str(content))
    if tag == "l" and isinstance(content, list):
        return Value("list", tuple(value_of(item) for item in content))
    if tag == "m" and isinstance(content, list):
        return Value("map", tuple(value_of(item) for pair in content for item in pair))
    kinds = {"c": "clock", "b": "bytes"}
    if tag not in kinds:
        raise ValueError("a cell of the result is not in the form of one")
    return Value(kinds[tag], str(content))

"""Brings cells of either engine into one form, and says when two of them are the same value.

Numbers are compared as numbers, whole ones exactly and others to a relative 1e-6: 2 = 2.0 = true = DECIMAL '2.00'.
A date equals its midnight and its ISO text; a text that is a plain number equals the number. NULL equals NULL only.
"""

from __future__ import annotations

import datetime
import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

RELATIVE = 1e-6
ABSOLUTE = 1e-9
_EXACT = 2**53
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{0,17}[1-9])?", re.ASCII)
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
)


class Value(NamedTuple):
    """`kind`: null, number, text, time, clock, span, bytes, list or map; `content` is comparable within its kind."""

    kind: str
    content: Any


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
    if one.kind != other.kind:
        return False
    if one.kind in ("number", "span"):
        return _same_number(one.content, other.content)
    if one.kind in ("list", "map"):
        return len(one.content) == len(other.content) and all(map(same, one.content, other.content))
    return bool(one.content == other.content)


def is_exact(value: Value) -> bool:
    """Whether what is the same as this value has an equal `Value`, so that it can be looked up."""
    if value.kind in ("list", "map"):
        return all(is_exact(item) for item in value.content)
    return value.kind != "span" and (value.kind != "number" or isinstance(value.content, (int, str)))


def size_of(value: Value) -> float:
    """A number to sort values by that are not exact; values that are the same lie close together."""
    return float(value.content) if value.kind in ("number", "span") and is_finite(value) else -math.inf


def is_finite(value: Value) -> bool:
    return not isinstance(value.content, str)


def _same_number(one: Any, other: Any) -> bool:
    if isinstance(one, str) or isinstance(other, str) or (isinstance(one, int) and isinstance(other, int)):
        return bool(one == other)
    try:
        return math.isclose(float(one), float(other), rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    except OverflowError:
        return bool(one == other)


def _number(given: float | Decimal) -> Value:
    """Whole numbers become int, inf and nan text: both are exact."""
    number = float(given)
    if not math.isfinite(number):
        return Value("number", str(given).lower())
    if number.is_integer() and abs(number) < _EXACT:
        return Value("number", int(number))
    # What a double cannot hold exactly is kept exactly where the engine gave it so.
    whole = isinstance(given, Decimal) and given == given.to_integral_value()
    return Value("number", int(given) if whole else number)


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
        return Value("span", float(content))
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

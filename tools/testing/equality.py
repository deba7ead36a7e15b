"""Whether what a function returned is what a test of kind `call` expects.

The expected value was written in JSON, which knows neither tuples nor keys that are no text. So a tuple equals a list
and a key equals its JSON spelling, and nothing else is loosened: `True` is not 1, a set is not a list, text is not a
number. An int equals a float of the same value. nan equals nan. With `atol`, numbers may differ by that much
(absolutely). A test that means a set, bytes or inf writes the codec's tag. Inputs are plain data from the codec.
"""

from __future__ import annotations

import cmath
import json
import math
from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

_MAX_SPELLED_BITS = 10_000  # an int of more digits than Python writes has no JSON spelling
_REAL = (int, float, Decimal, Fraction)
_NUMBERS = (*_REAL, complex)


def same(expected: Any, actual: Any, atol: float | None = None) -> bool:
    """Compare by the rules above. Never raises for plain data, of any size of its numbers."""
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, _NUMBERS) and isinstance(actual, _NUMBERS):
        return _same_number(expected, actual, atol)
    if isinstance(expected, deque) is not isinstance(actual, deque):
        return False
    if isinstance(expected, (list, tuple, deque)) and isinstance(actual, (list, tuple, deque)):
        return len(expected) == len(actual) and all(
            same(one, other, atol) for one, other in zip(expected, actual, strict=True)
        )
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _same_dict(expected, actual, atol)
    if isinstance(expected, (set, frozenset)) and isinstance(actual, (set, frozenset)):
        return _same_set(expected, actual, atol)
    return type(expected) is type(actual) and bool(expected == actual)


def _same_number(expected: Any, actual: Any, atol: float | None) -> bool:
    if _apart(expected, actual) or _apart(actual, expected):
        return False
    try:
        if expected == actual or (_is_nan(expected) and _is_nan(actual)):
            return True
        return bool(atol) and abs(complex(expected) - complex(actual)) <= float(atol or 0)
    except (OverflowError, ValueError, ArithmeticError):
        return False


def _apart(one: Any, other: Any) -> bool:
    """Whether a Decimal and an int differ in size; to compare them digit by digit may take minutes."""
    if not (isinstance(one, Decimal) and isinstance(other, int) and one.is_finite() and one and other):
        return False
    return abs(one.adjusted() - other.bit_length() * math.log10(2)) > 2


def _is_nan(number: Any) -> bool:
    return (isinstance(number, (float, complex)) and cmath.isnan(number)) or (
        isinstance(number, Decimal) and number.is_nan()
    )


def _same_dict(expected: dict[Any, Any], actual: dict[Any, Any], atol: float | None) -> bool:
    if len(expected) != len(actual):
        return False
    if all(isinstance(key, str) for key in expected):
        actual = _with_text_keys(actual)
    typed = {(type(key), key): value for key, value in actual.items()}
    return all(
        (type(key), key) in typed and same(value, typed[type(key), key], atol)
        for key, value in expected.items()
    )


def _with_text_keys(values: dict[Any, Any]) -> dict[Any, Any]:
    """Spell numbers, booleans and None as JSON would; two keys with one spelling stay apart by going missing."""
    return {_spelling(key): value for key, value in values.items()}


def _spelling(key: Any) -> Any:
    if isinstance(key, int) and key.bit_length() > _MAX_SPELLED_BITS:
        return key
    return json.dumps(key) if key is None or type(key) in (bool, int, float) else key


def _same_set(expected: Iterable[Any], actual: Iterable[Any], atol: float | None) -> bool:
    """Match members one to one: exactly where they are equal and of one type, else within `atol`."""
    left, right = _typed(expected), _typed(actual)
    if len(left) != len(right):
        return False
    missing, extra = left - right, right - left
    if not missing or not atol:
        return not missing or _plainly_equal(missing, extra)
    ordered = zip(sorted(missing, key=_rank), sorted(extra, key=_rank), strict=True)
    return all(same(one, other, atol) for (_, one), (_, other) in ordered)


def _rank(typed: tuple[bool, Any]) -> tuple[bool, float, str]:
    """Real numbers by value, before everything else by its text."""
    value = typed[1]
    try:
        if isinstance(value, _REAL) and not _is_nan(value):
            return False, float(value), ""
        return True, 0.0, repr(value)
    except (OverflowError, ValueError):
        return True, 0.0, type(value).__name__


def _typed(values: Iterable[Any]) -> set[tuple[bool, Any]]:
    return {(isinstance(value, bool), value) for value in values}


def _plainly_equal(missing: set[tuple[bool, Any]], extra: set[tuple[bool, Any]]) -> bool:
    return missing == extra

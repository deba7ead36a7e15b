"""When two JSON values are the same, and what counts as true. Booleans are no numbers; 1 is 1.0."""

from __future__ import annotations

import decimal
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

TOLERANCE = 1e-12  # more than what summing money in another order changes
DIGITS_OF_ALL_FLOATS = 700  # from the largest to the last digit of the smallest
MAX_SHOWN_CHARS = 60
MAX_SHOWN_BITS = 256
_NUMBERS = (int, float)


def is_number(value: Any) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def same_leaf(one: Any, other: Any) -> bool:
    """Whether two values that are no containers are the same; a container is like nothing else here."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if is_number(one) and is_number(other):
        return same_number(one, other)
    return type(one) is type(other) and one == other if not isinstance(one, (dict, list)) else False


def same_number(one: float, other: float) -> bool:
    """Whole numbers exactly, written with a fraction (5.0) or without; others to a relative 1e-12, beside 0 to 1e-12.

    The tolerance is for what arithmetic of binary fractions leaves behind, in the agent's world or by a division here;
    accounts, ids and counts are whole.
    """
    if one == other:
        return True
    if _is_whole(one) and _is_whole(other):
        return False
    try:
        beside_zero = TOLERANCE if one == 0 or other == 0 else 0.0
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=beside_zero)
    except OverflowError:  # an integer beyond every float
        return False


def exact(number: float) -> Fraction:
    """A finite number as it is written: 0.1 is a tenth. Raises ValueError for one that is not finite."""
    if isinstance(number, int):
        return Fraction(number)
    if not math.isfinite(number):
        raise ValueError("a number is not finite")
    return Fraction(repr(number))


def total(numbers: Sequence[float]) -> float:
    """The sum of numbers as they are written: of 0.1 and 0.2 it is 0.3, in any order; not finite where one is not."""
    with decimal.localcontext(decimal.Context(prec=DIGITS_OF_ALL_FLOATS, traps=[])):
        return float(sum(decimal.Decimal(repr(one) if isinstance(one, float) else one) for one in numbers))


def _is_whole(number: float) -> bool:
    return isinstance(number, int) or number.is_integer()


def shown(value: Any) -> str:
    """A value in a few characters, for messages. Containers and huge numbers are named, never written out: values
    share parts, so that a small one may write out to more text than there is memory.
    """
    if isinstance(value, str):
        return repr(value[:MAX_SHOWN_CHARS])
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > MAX_SHOWN_BITS:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, (dict, list)):
        return f"{kind_of(value)} of {len(value)}"
    return repr(value)


def kind_of(value: Any) -> str:
    """The JSON word for what a value is."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "number"
    if isinstance(value, str):
        return "text"
    return "list" if isinstance(value, list) else "object"

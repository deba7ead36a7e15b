"""When two JSON values are the same, and what counts as true. Booleans are no numbers; 1 is 1.0."""

from __future__ import annotations

import math
from typing import Any

RELATIVE_TOLERANCE = 1e-9  # what summing money in another order changes
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
    """Whole numbers exactly; others to a relative 1e-9."""
    if one == other:
        return True
    if isinstance(one, int) and isinstance(other, int):
        return False
    try:
        return math.isclose(one, other, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-12)
    except OverflowError:  # an integer beyond every float
        return False


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

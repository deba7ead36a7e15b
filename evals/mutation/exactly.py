"""Whether two results are the same, to the type, in plain Python: the yardstick that the product's tests are held to.

Shares no line with the product's own comparison. `exactly` tells types apart everywhere; `as_json` is what a test that
was written in JSON can tell: a tuple is a list, an int may be a float, keys are texts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from fractions import Fraction
from typing import Any


def exactly(one: Any, other: Any, atol: float = 0.0) -> bool:
    """Equal values of equal types, members included; nan is nan. Floats may differ by `atol`."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return _near(one, other, atol)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(exactly(a, b, atol) for a, b in zip(one, other, strict=True))
    if isinstance(one, Mapping):
        kinds = {key: type(key) for key in other}
        return len(one) == len(other) and all(
            key in other and kinds[_own(other, key)] is type(key) and exactly(value, other[key], atol)
            for key, value in one.items()
        )
    if isinstance(one, Set):
        return one == other and sorted(map(_kind, one)) == sorted(map(_kind, other))
    return bool(one == other)


def _own(values: Mapping[Any, Any], key: Any) -> Any:
    return next(own for own in values if own == key)


def _kind(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"


def as_json(one: Any, other: Any, atol: float = 0.0) -> bool:
    """Equal as far as JSON can say it: booleans are no numbers, and everything else must be of one kind."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return _near(one, other, atol)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(as_json(a, b, atol) for a, b in zip(one, other, strict=True))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        mine, theirs = _texts(one), _texts(other)
        return mine.keys() == theirs.keys() and all(as_json(mine[key], theirs[key], atol) for key in mine)
    if isinstance(one, Set) and isinstance(other, Set):
        return bool(one == other)
    return exactly(one, other, atol)


def _texts(values: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): value for key, value in values.items()}


def _near(one: float, other: float, atol: float) -> bool:
    if one == other:
        return True
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    if not atol or not (math.isfinite(one) and math.isfinite(other)):
        return False
    return abs(Fraction(one) - Fraction(other)) <= Fraction(atol)

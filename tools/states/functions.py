"""The functions of the language of effects (`judge_agent/effects/expressions.py` lists them with their arguments)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tools.states.values import is_number, kind_of, shown, total
from tools.states.work import EffectError, Work

MAX_RANGE = 10_000
MAX_INTEGER_BITS = 256
_ABSENT = object()
# Ways to write a number with groups of digits, and what stands between the groups.
_GROUPED = (
    (re.compile(r"[-+]?\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d*)?"), ","),
    (re.compile(r"[-+]?\d{1,3}(?:\.\d{3})+,\d{1,2}|[-+]?\d{1,3}(?:\.\d{3}){2,}"), r"\."),
    (re.compile(r"[-+]?\d{1,3}(?:['\u2019 \u00a0\u202f\u2009]\d{3})+(?:[.,]\d{1,2})?"), r"['\u2019\s]"),
    (re.compile(r"[-+]?\d+,\d{1,2}"), r"(?!)"),
)


def call_function(name: str, arguments: Sequence[Any], work: Work) -> Any:
    """Call one by its name; the number of arguments was checked. Raises EffectError for values it does not take."""
    for argument in arguments:
        if isinstance(argument, (str, list, dict)):
            work.spend(len(argument) // 16)
    try:
        return _COUNTED[name](work, *arguments) if name in _COUNTED else _FUNCTIONS[name](*arguments)
    except EffectError as error:
        raise EffectError(f"{name}: {error}") from error
    except (ArithmeticError, ValueError) as error:  # a sum beyond every float, a number of too many digits
        raise EffectError(f"{name}: {error}") from error


def _len(value: Any) -> int:
    return len(_of(value, str, list, dict))


def _sum(items: Any) -> float:
    numbers = [_number(item) for item in _of(items, list)]
    if not all(isinstance(number, int) for number in numbers):
        return _finite(total(numbers))
    whole: int = sum(numbers)
    if whole.bit_length() > MAX_INTEGER_BITS:
        raise EffectError(f"a number has more than {MAX_INTEGER_BITS} bits")
    return whole


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    def chosen(work: Work, *values: Any) -> Any:
        items = _of(values[0], list) if len(values) == 1 else list(values)
        if not items or not (all(map(is_number, items)) or all(isinstance(item, str) for item in items)):
            raise EffectError("takes numbers, or texts, and at least one")
        _spend_on_order(work, items, 1)
        return choose(items)

    return chosen


def _round(value: Any, digits: Any = 0) -> float:
    if not isinstance(digits, int) or not 0 <= digits <= 12:
        raise EffectError("rounds to 0 to 12 digits")
    number: float = _number(value)
    rounded: float = round(number) if digits == 0 else round(number, digits)
    return rounded


def _first(items: Any, default: Any = _ABSENT) -> Any:
    found = _of(items, list)
    if found:
        return found[0]
    if default is _ABSENT:
        raise EffectError("the list is empty")
    return default


def _get(place: Any, key: Any, default: Any = None) -> Any:
    if isinstance(place, list):
        inside = isinstance(key, int) and not isinstance(key, bool) and -len(place) <= key < len(place)
        return place[key] if inside else default
    return _of(place, dict).get(_of(key, str), default)


def _merge(one: Any, other: Any) -> dict[str, Any]:
    return {**_of(one, dict), **_of(other, dict)}


def _sorted(work: Work, items: Any) -> list[Any]:
    found = _of(items, list)
    if not (all(map(is_number, found)) or all(isinstance(item, str) for item in found)):
        raise EffectError("takes a list of numbers, or of texts")
    _spend_on_order(work, found, len(found).bit_length())
    return sorted(found)


def _spend_on_order(work: Work, items: Sequence[Any], times: int) -> None:
    """Long texts that begin alike are read to their end each time two of them are put in order."""
    work.spend(len(items) * times // 16)
    work.spend(times * sum(len(item) for item in items if isinstance(item, str)) // 64)


def _unique(work: Work, items: Any) -> list[Any]:
    kept: list[Any] = []
    for item in _of(items, list):
        if not any(work.same(item, other) for other in kept):
            kept.append(item)
    return kept


def _range(count: Any) -> list[int]:
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MAX_RANGE:
        raise EffectError(f"takes a whole number from 0 to {MAX_RANGE}")
    return list(range(count))


def _to_number(value: Any) -> float:
    """A number, or the text of one with or without marks between thousands and a currency sign beside it.

    A comma with one or two digits behind it is decimal (35,50); before three it is a mark of thousands (1,786), as are
    points where there are several, or a decimal comma. Raises EffectError for a text that can be read in no such way.
    """
    if not isinstance(value, str):
        return float(value) if isinstance(value, float) else int(_number(value))
    text = value.strip().strip("$€£¥ ")
    for form, thousands in _GROUPED:
        if form.fullmatch(text):
            text = re.sub(thousands, "", text).replace(",", ".")
            break
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return _finite(float(text))
    except ValueError as error:
        raise EffectError(f"{shown(value)} is no number") from error


def _text(work: Work, value: Any) -> str:
    work.walk(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _of(value: Any, *kinds: type) -> Any:
    if not isinstance(value, kinds):
        raise EffectError(f"does not take {kind_of(value)}")
    return value


def _number(value: Any) -> Any:
    if not is_number(value):
        raise EffectError(f"does not take {kind_of(value)}")
    return value


def _finite(number: float) -> float:
    if isinstance(number, float) and not math.isfinite(number):
        raise EffectError("a number is not finite")
    return number


def _replaced(work: Work, text: Any, old: Any, new: Any) -> str:
    count = _of(text, str).count(_of(old, str))
    work.spend((len(text) + count * len(_of(new, str))) // 4)
    return str(text.replace(old, new))


def _joined(work: Work, items: Any, separator: Any) -> str:
    texts = [_of(one, str) for one in _of(items, list)]
    work.spend((sum(map(len, texts)) + len(texts) * len(_of(separator, str))) // 4)
    return str(separator.join(texts))


def _split(text: Any, separator: Any) -> list[str]:
    if not _of(separator, str):
        raise EffectError("the separator is empty")
    return list(_of(text, str).split(separator))


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "len": _len,
    "sum": _sum,
    "abs": lambda value: abs(_number(value)),
    "round": _round,
    "any": lambda items: any(_of(items, list)),
    "all": lambda items: all(_of(items, list)),
    "first": _first,
    "get": _get,
    "keys": lambda value: list(_of(value, dict)),
    "values": lambda value: list(_of(value, dict).values()),
    "merge": _merge,
    "range": _range,
    "number": _to_number,
    "type": kind_of,
    "lower": lambda value: _of(value, str).lower(),
    "upper": lambda value: _of(value, str).upper(),
    "strip": lambda value: _of(value, str).strip(),
    "split": _split,
    "starts_with": lambda text, start: _of(text, str).startswith(_of(start, str)),
    "ends_with": lambda text, end: _of(text, str).endswith(_of(end, str)),
}
# What may make far more than it is given counts its own work.
_COUNTED: Mapping[str, Callable[..., Any]] = {
    "join": _joined,
    "max": _extreme(max),
    "min": _extreme(min),
    "replace": _replaced,
    "sorted": _sorted,
    "text": _text,
    "unique": _unique,
}

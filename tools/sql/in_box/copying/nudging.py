"""Gives a column's value another one of its kind: near a number that a query names, or one that other rows have.

A value stays within what the column is seen to hold (its range, its words) unless the copy is a guess; and what no
value can be made for, such as bytes and lists, stays.
"""

from __future__ import annotations

import datetime
import decimal
import random
import re
from collections.abc import Iterator
from typing import Any

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d")
_YEAR = re.compile(r"[12]\d{3}")
MAX_TEXT = 200
_NUDGED = {str, decimal.Decimal, datetime.date, datetime.datetime}
Cell = Any


def near(values: list[Cell], constants: list[Cell], guess: bool) -> list[Cell]:
    """Values that tell predicates apart, in a fixed order: each constant and its neighbours, as far as they fit."""
    known = [value for value in values if value is not None]
    kinds = {type(value) for value in known}
    if not (kinds and (kinds <= {int, float} or (len(kinds) == 1 and kinds <= _NUDGED))):
        return []
    found: dict[Cell, None] = {}
    for constant in constants:
        for value in _around(constant, known, guess):
            found[value] = None
    return list(found)


def _around(constant: Cell, known: list[Cell], guess: bool) -> Iterator[Cell]:
    sample = known[0]
    if isinstance(sample, str):
        yield from _texts(constant, known, guess)
    elif isinstance(sample, datetime.date):
        yield from _dates(constant, sample, known, guess)
    else:
        yield from _numbers(constant, known, guess)


def _numbers(constant: Cell, known: list[Cell], guess: bool) -> Iterator[Cell]:
    try:
        middle = float(constant)
    except (TypeError, ValueError):
        return
    low, high = min(known), max(known)
    whole = all(isinstance(value, int) for value in known)
    for step in (0, 1, -1) if whole else (0, 0.01, -0.01):
        value = middle + step
        if not guess and not low <= value <= high:
            continue
        if value < 0 <= low:
            continue
        if whole and value.is_integer():
            yield int(value)
        elif not whole:
            yield (
                type(known[0])(str(round(value, 6)))
                if isinstance(known[0], decimal.Decimal)
                else float(value)
            )


def _texts(constant: Cell, known: list[Cell], guess: bool) -> Iterator[Cell]:
    text = str(constant)
    if all(_DATE.match(value) for value in known[:20]):
        for day in _days_of(text):
            if guess or min(known) <= _written(day, known[0]) <= max(known):
                yield _written(day, known[0])
        return
    plain = text.replace("%", "").replace("_", " ").strip()
    if plain in known or (guess and plain and len(plain) < MAX_TEXT):
        yield plain
    elif "%" in text and plain:
        inner = [value for value in known if plain.casefold() in value.casefold()]
        yield from inner[:2]


def _dates(constant: Cell, sample: Cell, known: list[Cell], guess: bool) -> Iterator[Cell]:
    if isinstance(sample, datetime.datetime) and sample.tzinfo is not None:
        return
    for day in _days_of(str(constant)):
        value = day if isinstance(sample, datetime.datetime) else day.date()
        if guess or min(known) <= value <= max(known):
            yield value


def _days_of(text: str) -> list[datetime.datetime]:
    """The moment that a constant names and those next to it; for a year its ends."""
    try:
        if _YEAR.fullmatch(text):
            year = int(text)
            return [
                datetime.datetime(year + more, month, day)
                for more, month, day in ((0, 1, 1), (0, 12, 31), (1, 1, 1))
            ]
        at = datetime.datetime.fromisoformat(text)
    except ValueError:
        return []
    if at.tzinfo is not None or not 1 < at.year < 9999:
        return []
    day = datetime.timedelta(days=1)
    return [at, at - day, at + day, at + datetime.timedelta(seconds=1), at - datetime.timedelta(seconds=1)]


def _written(day: datetime.datetime, like: str) -> str:
    if _MOMENT.match(like):
        return day.strftime(f"%Y-%m-%d{like[10]}%H:%M:%S")
    return day.strftime("%Y-%m-%d")


def fresh(value: Cell, taken: dict[Cell, None], turn: int) -> Cell:
    """A value of the same kind that no row has; None where none is known to make."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return max(one for one in taken if isinstance(one, int)) + 1
    if isinstance(value, (float, decimal.Decimal)):
        return max(one for one in taken if isinstance(one, type(value))) + 1
    if isinstance(value, datetime.date):
        latest = max(one for one in taken if type(one) is type(value))
        return latest + datetime.timedelta(days=1) if latest.year < 9999 else None
    if isinstance(value, str):
        return _fresh_text(value, taken, turn)
    return None


def _fresh_text(value: str, taken: dict[Cell, None], turn: int) -> str | None:
    if _DATE.fullmatch(value) or _MOMENT.fullmatch(value):
        latest = max(one for one in taken if isinstance(one, str))
        try:
            return _written(datetime.datetime.fromisoformat(latest) + datetime.timedelta(days=1), value)
        except (ValueError, OverflowError):
            return None
    if value.isdigit() and len(value) < 18:
        number = (
            max(int(one) for one in taken if isinstance(one, str) and one.isdigit() and len(one) < 18) + 1
        )
        return str(number).zfill(len(value)) if len(str(number)) <= len(value) else str(number)
    return next((made for n in range(2, 99) if (made := f"{value}{turn}{n}") not in taken), None)


def swapped(rng: random.Random, values: list[Cell], places: list[int]) -> dict[int, Cell]:
    """The values of these places, dealt out anew among them."""
    dealt = [values[at] for at in places]
    rng.shuffle(dealt)
    return {at: value for at, value in zip(places, dealt, strict=True) if value is not values[at]}

"""Gives a column's value another one of its kind: near a number that a query names, or one that other rows have.

A value stays within what the column is seen to hold (its range, its steps, its words) unless the copy is a guess, and
has the form of its values always; what no value can be made for, such as bytes, lists and single words, stays.
"""

from __future__ import annotations

import datetime
import decimal
import math
import random
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from tools.sql.in_box.copying.hanging import moment
from tools.sql.in_box.copying.shapes import (
    MAX_SAMPLE,
    TRIES,
    are_months,
    decimals_of,
    fits,
    is_day,
    is_month,
    made,
    made_month,
    spelt,
    step_of,
)

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d")
_YEAR = re.compile(r"[12]\d{3}")
MAX_TEXT = 200
LEAST_FORM = 3  # different values that show how fine a column is
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
    """In the steps and places that the column is seen to have: prices in fives get no other ones."""
    try:
        middle = float(constant)
    except (TypeError, ValueError):
        return
    if not math.isfinite(middle):
        return
    whole = all(isinstance(value, int) for value in known)
    places = 0 if whole else max(decimals_of(constant), *map(decimals_of, known[:MAX_SAMPLE]))
    step = step_of(known) if whole else 10.0**-places
    for value in (middle, middle + step, middle - step):
        if whole:
            for number in {math.floor(value): None, math.ceil(value): None}:
                if _is_seen(number, known, guess) and (number - known[0]) % step == 0:
                    yield number
        elif _is_seen(value, known, guess):
            yield _fraction(value, known[0], places)


def _fraction(value: float, like: Cell, places: int) -> Cell:
    rounded = round(value, places)
    return decimal.Decimal(str(rounded)) if isinstance(like, decimal.Decimal) else rounded


def _is_seen(value: float, known: list[Cell], guess: bool) -> bool:
    """Whether a number may stand in the column: in its range, or at least of its sign and its calendar."""
    low, high = min(known), max(known)
    if not (low <= value <= high) and (not guess or value < 0 <= low):
        return False
    return not are_months(known) or is_month(int(value)) or is_day(int(value))


def _texts(constant: Cell, known: list[Cell], guess: bool) -> Iterator[Cell]:
    text = str(constant)
    if all(_DATE.match(value) for value in known[:20]):
        for day in _days_of(text):
            written = _written(day, known[0])
            if (guess or min(known) <= written <= max(known)) and _is_as_fine(day, known):
                yield written
        return
    plain = text.replace("%", "").replace("_", " ").strip()
    if plain in known or (guess and plain and len(plain) < MAX_TEXT and fits(plain, known)):
        yield plain
    elif "%" in text and plain:
        inner = [value for value in known if plain.casefold() in value.casefold()]
        yield from inner[:2] or (islice(_spliced(text, known), 2) if guess else ())


def _spliced(pattern: str, known: list[Cell]) -> Iterator[Cell]:
    """Values that a pattern takes in though no known one is: its words stand in known ones, in the place of others.

    Without them a condition that no row fulfils is one on every copy, and what is right of it cannot be told.
    """
    words = pattern.strip("%")
    if "%" in words:
        return
    for value in known[:MAX_SAMPLE]:
        begin = 0
        if pattern.startswith("%"):
            found = value.find(words[0])
            begin = found if found >= 0 else max(0, len(value) - len(words))
        end = value[begin + len(words) :] if pattern.endswith("%") else ""
        made_up = value[:begin] + words + end
        if fits(made_up, known):
            yield made_up


def _dates(constant: Cell, sample: Cell, known: list[Cell], guess: bool) -> Iterator[Cell]:
    if isinstance(sample, datetime.datetime) and sample.tzinfo is not None:
        return
    for day in _days_of(str(constant)):
        value = day if isinstance(sample, datetime.datetime) else day.date()
        if (guess or min(known) <= value <= max(known)) and _is_as_fine(day, known):
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


def _is_as_fine(day: datetime.datetime, known: list[Cell]) -> bool:
    """Whether a moment is no finer than those of the column: the first of a month, midnight, a full hour or minute."""
    sample = [found for value in known[:MAX_SAMPLE] if (found := moment(value)) is not None]
    if len(set(sample)) < LEAST_FORM:
        return True
    return all(
        getattr(day, part) == least
        for part, least in (("day", 1), ("hour", 0), ("minute", 0), ("second", 0))
        if all(getattr(one, part) == least for one in sample)
    )


class Free(NamedTuple):
    """What a new value of a key is made from: the column's values, those of rows that have gone, and whether the
    schema declares the key (then numbers may go on) and a query looks into its values.
    """

    known: list[Cell]
    gone: list[Cell]
    declared: bool
    probed: bool


def fresh(value: Cell, taken: dict[Cell, None], free: Free, rng: random.Random) -> Cell:
    """A value of the same kind and form that no row has; None where none is known to make."""
    if isinstance(value, bool) or value is None:
        return None
    same = [one for one in free.known if type(one) is type(value)]
    if isinstance(value, int):
        return _fresh_number(same, taken, free, rng)
    if isinstance(value, (float, decimal.Decimal)):
        return max(one for one in (*taken, *same) if isinstance(one, type(value))) + 1
    left = [one for one in free.gone if one is not None and type(one) is type(value) and one not in taken]
    if left:
        return rng.choice(left)
    if moment(value) is not None:
        return _fresh_day(value, same, taken, rng)
    if not isinstance(value, str):
        return None
    found = made(same, taken, rng, probed=free.probed)
    return spelt(same, taken, rng) if found is None and not free.probed else found


def _fresh_number(same: list[int], taken: dict[Cell, None], free: Free, rng: random.Random) -> int | None:
    if are_months(same):
        return made_month(same, taken, rng)
    step = step_of(same)
    if free.declared:
        return max((one for one in taken if isinstance(one, int)), default=max(same)) + step
    low, high = min(same), max(same)
    places = (low + step * rng.randint(0, (high - low) // step) for _ in range(TRIES))
    return next((one for one in places if one not in taken), None)


def _fresh_day(value: Cell, same: list[Cell], taken: dict[Cell, None], rng: random.Random) -> Cell:
    """A day between the first and the last, as fine as those."""
    known = [found for one in same if (found := moment(one)) is not None]
    if any(getattr(one, "tzinfo", None) for one in same) or (
        isinstance(value, str) and not _is_written(same)
    ):
        return made([str(one) for one in same], taken, rng, probed=True) if isinstance(value, str) else None
    span = (max(known) - min(known)).days
    for _ in range(TRIES):
        day = min(known) + datetime.timedelta(days=rng.randint(0, span))
        day = day.replace(day=1) if not _is_as_fine(day, same) else day
        new: Cell = _written(day, value) if isinstance(value, str) else day
        if type(value) is datetime.date:
            new = day.date()
        if new not in taken and _is_as_fine(day, same):
            return new
    return None


def _is_written(same: list[str]) -> bool:
    return all(_DATE.fullmatch(one) for one in same) or all(_MOMENT.fullmatch(one) for one in same)


def swapped(rng: random.Random, values: list[Cell], places: list[int]) -> dict[int, Cell]:
    """The values of these places, dealt out anew among them."""
    dealt = [values[at] for at in places]
    rng.shuffle(dealt)
    return {at: value for at, value in zip(places, dealt, strict=True) if value is not values[at]}

"""The forms of the texts and numbers of a column, so that a new value looks like those that are there.

A text is read as tokens: runs of digits, runs of letters, and each other character by itself. A new text is made of
tokens that the column has at their places, or of a number between those at its place; where that gives none, there is
none, as for the days of a week. Only words that no query looks into are spelt anew.

Does not know what texts mean: a date is known by its year beside pairs of digits, and keeps to the first 28 days.
"""

from __future__ import annotations

import decimal
import math
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

MAX_SAMPLE = 400
TRIES = 24
ROUND = (10_000, 1_000, 500, 100, 50, 10, 5)
LAST_DAY = 28  # that every month has
_TOKENS = re.compile(r"\d+|[^\W\d_]+|.", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]+")
Cell = Any


def tokens_of(text: str) -> tuple[str, ...]:
    """Runs of digits, runs of letters, and every other character by itself."""
    return tuple(_TOKENS.findall(text))


def outline(text: str) -> str:
    """The form of a text: `9` for digits, `a` for letters, other characters as they are."""
    return "".join("9" if one.isdigit() else "a" if _WORD.match(one) else one for one in tokens_of(text))


def fits(text: str, known: Sequence[str]) -> bool:
    """Whether a text has the form of those that are known, and their length where it is one."""
    sample = known[:MAX_SAMPLE]
    lengths = {len(one) for one in sample}
    return min(lengths) <= len(text) <= max(lengths) and outline(text) in {outline(one) for one in sample}


def made(known: Sequence[str], taken: dict[Cell, None], rng: random.Random, *, probed: bool) -> str | None:
    """A text of tokens that the column has at their places, or of numbers between them; None where none is found.

    Where no query looks into the texts (`probed`), numbers may go on past the largest.
    """
    forms = _forms(known[:MAX_SAMPLE])
    for _ in range(TRIES if forms else 0):
        form = rng.choice(forms)
        text = "".join(rng.choice(place) for place in form)
        if text not in taken and _is_calendar(text, form):
            return text
    for form in forms:
        for text in _between(form, rng, past=not probed):
            if text not in taken and _is_calendar(text, form):
                return text
    return None


def spelt(known: Sequence[str], taken: dict[Cell, None], rng: random.Random) -> str | None:
    """A word as long as another, small and capital letters in their places, of letters that the column has."""
    words = known[:MAX_SAMPLE]
    letters = sorted({one for word in words for one in word if one.isalpha()})
    small = [one for one in letters if one.islower()] or letters
    large = [one for one in letters if one.isupper()] or letters
    for _ in range(TRIES if letters else 0):
        word = rng.choice(words)
        text = "".join(
            one if not one.isalpha() else rng.choice(large if one.isupper() else small) for one in word
        )
        if text not in taken:
            return text
    return None


def _forms(known: Sequence[str]) -> list[list[list[str]]]:
    """For each outline the tokens seen at each place; those of one text alone make nothing new."""
    found: dict[tuple[str, tuple[int, ...]], list[tuple[str, ...]]] = {}
    for text in known:
        tokens = tokens_of(text)
        widths = tuple(len(one) if one.isdigit() else 0 for one in tokens)
        found.setdefault((outline(text), widths), []).append(tokens)
    several = [
        texts for texts in found.values() if (len(texts) > 1 and len(texts[0]) > 1) or _are_numbers(texts)
    ]
    return [[list(dict.fromkeys(place)) for place in zip(*texts, strict=True)] for texts in several]


def _are_numbers(texts: list[tuple[str, ...]]) -> bool:
    return len(texts) > 1 and len(texts[0]) == 1 and texts[0][0].isdigit()


def _between(form: list[list[str]], rng: random.Random, *, past: bool) -> Iterator[str]:
    """Texts with a number between the smallest and the largest at its place, as wide as those."""
    for at, place in enumerate(form):
        if not place[0].isdigit() or len(place) < 2 or len(place[0]) > 15:
            continue
        width, low, high = len(place[0]), min(map(int, place)), max(map(int, place))
        high = 10**width - 1 if past else high
        free = [rng.randint(low, high) for _ in range(TRIES)]
        if high - low <= TRIES:
            free = list(range(low, high + 1))
            rng.shuffle(free)
        for number in free:
            parts = [rng.choice(one) for one in form]
            parts[at] = str(number).zfill(width)
            yield "".join(parts)


def _is_calendar(text: str, form: list[list[str]]) -> bool:
    """Where a form holds a year and pairs of digits, no day that some months have not."""
    places = [place[0] for place in form if place[0].isdigit()]
    if not any(len(one) == 4 for one in places) or sum(len(one) == 2 for one in places) < 2:
        return True
    pairs = [one for one in tokens_of(text) if one.isdigit() and len(one) == 2]
    return all(not LAST_DAY < int(one) <= 31 for one in pairs[:2])


def step_of(known: Sequence[Cell]) -> int:
    """The round number that all are multiples of: 10 for 20, 40 and 50; 1 where fewer than three are known."""
    some = set(known[:MAX_SAMPLE])
    shared = math.gcd(*some) if len(some) > 2 else 1
    return next((step for step in ROUND if shared and shared % step == 0), 1)


def decimals_of(value: Cell) -> int:
    """The places behind the point that a number is written with; 0 for a whole one."""
    try:
        exponent = decimal.Decimal(str(value)).normalize().as_tuple().exponent
    except decimal.InvalidOperation:
        return 0
    return max(0, -exponent) if isinstance(exponent, int) else 0


def are_months(known: Sequence[Cell]) -> bool:
    """Whether whole numbers are months or days, as 202401 or 20240131."""
    sample = known[:MAX_SAMPLE]
    return (len(sample) > 1 and all(is_month(one) for one in sample)) or (
        len(sample) > 1 and all(map(is_day, sample))
    )


def is_month(number: int) -> bool:
    return 100_001 <= number <= 299_912 and 1 <= number % 100 <= 12


def is_day(number: int) -> bool:
    return 10_000_101 <= number <= 29_991_231 and is_month(number // 100) and 1 <= number % 100 <= 31


def made_month(known: Sequence[int], taken: dict[Cell, None], rng: random.Random) -> int | None:
    """Another month or day between the first and the last."""
    low, high, is_right = min(known), max(known), is_month if is_month(known[0]) else is_day
    for _ in range(TRIES * 4):
        number = rng.randint(low, high)
        if number not in taken and is_right(number) and (is_right is is_month or number % 100 <= LAST_DAY):
            return number
    return None

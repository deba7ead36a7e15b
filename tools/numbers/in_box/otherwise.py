"""What else a short answer may mean: every value that a habit of writing gives its numbers beside the plain one.

Speaks for an answer, never against one: where the right value is found here, the plain reading decides nothing.
Knows decimal commas and other groupings of digits, two units in one answer, shares ("3 out of 4"), signs told in words,
prefixes of other bases and repeating decimals. Patterns look ahead by a bounded stretch.
"""

from __future__ import annotations

import re
from fractions import Fraction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CHARS = 400
_COMMA = re.compile(
    r"(?<![\d.,])(\d{1,20}|\d{1,3}(?:[.'\u2019 \u00a0\u202f]\d{3}){1,6}),(\d{1,20})(?![\d.,]*\d)"
)
_GROUPED = re.compile(r"(?<![\d.,'])\d{1,3}(?:[,'\u2019_]\d{2,3}){1,6}(?:\.\d{1,20})?(?![\d,'_])")
_SHARE = re.compile(
    r"(\d{1,12}) (?:out of(?: every)?|in(?: every)?|of(?: the)?|per) (\d{1,12})(?![\d.,]*\d)", re.I
)
_AND_PART = re.compile(
    r"(\d{1,12}) (?:and|&) (?:(\d{1,6}) ?/ ?(\d{1,6})|(?:a |one )?(half|third|quarter|fourth)|"
    r"(?:three|3)[ -](quarters|fourths))\b",
    re.I,
)
_PARTS = {
    "half": (1, 2),
    "third": (1, 3),
    "quarter": (1, 4),
    "fourth": (1, 4),
    "quarters": (3, 4),
    "fourths": (3, 4),
}
_BASE = re.compile(r"\b0(?:x([0-9a-f]{1,16})|b([01]{1,64})|o([0-7]{1,22}))\b", re.I)
_REPEATING = re.compile(
    r"(\d{0,9})\.(\d{0,9})(?:\((\d{1,9})\)|\\overline\{(\d{1,9})\}|\\(?:bar|dot)\{(\d{1,9})\})"
)
_BELOW = re.compile(
    r"\b(?:negative|minus|below|under|loss|los[et]s?|losing|decreas\w*|drop\w*|fell|falls?|down|declin\w*|reduc\w*|"
    r"less|fewer|ow(?:es?|ed|ing)|debts?|deficit|debit|overdrawn|behind|short|west|south|bce?|ago|left)\b|^\W*\([^()]*\)\W*$",
    re.I,
)
# two units in one answer: the larger one is so many of the smaller one, and of each unit below it
_TWO_UNITS = (
    (r"hours?|hrs?|h", r"minutes?|mins?|m|", 60, (60,)),
    (r"minutes?|mins?|m", r"seconds?|secs?|s|", 60, ()),
    (r"days?|d", r"hours?|hrs?|h", 24, (60, 60)),
    (r"weeks?|wks?", r"days?|d", 7, (24,)),
    (r"years?|yrs?", r"months?|mos?", 12, ()),
    (r"years?|yrs?", r"weeks?", 52, ()),
    (r"years?|yrs?", r"days?", 365, ()),
    (r"feet|foot|ft|'|\u2032", r"inch(?:es)?|in|\"|''|\u2033|", 12, ()),
    (r"yards?|yds?", r"feet|foot|ft", 3, (12,)),
    (r"pounds?|lbs?", r"ounces?|oz", 16, ()),
    (r"dollars?|euros?|pounds?|quid|\$", r"cents?|pence|penn(?:y|ies)|p|c|", 100, ()),
    (r"kg|kilo(?:gram)?s?|km|kilomet(?:er|re)s?|l|lit(?:er|re)s?", r"g|grams?|m|met(?:er|re)s?|ml", 1000, ()),
    (r"m|met(?:er|re)s?", r"cm|centimet(?:er|re)s?", 100, ()),
    (r"cm", r"mm", 10, ()),
    (r"dozens?", r"", 12, ()),
)  # fmt: skip
_BETWEEN = r"(?![a-z])[ ,]{0,2}(?:(?:and|&|plus) )?(\d{1,6}(?:\.\d{1,6})?) ?"
_COMPOUNDS = tuple(
    (re.compile(rf"(\d{{1,12}}) ?(?:{large}){_BETWEEN}(?:{small})(?![a-z\d])", re.I), times, below)
    for large, small, times, below in _TWO_UNITS
)


def other_values(text: str) -> frozenset[Fraction]:
    """The values that a text may mean beside its plain one. A longer text than MAX_CHARS is read to there."""
    text = text[:MAX_CHARS]
    return frozenset((*_written_numbers(text), *_of_two_numbers(text)))


def may_be_below_zero(text: str) -> bool:
    """Whether words or brackets make the numbers of a text negative."""
    return _BELOW.search(text[:MAX_CHARS]) is not None


def has_decimal_comma(text: str) -> bool:
    """Whether a comma of a text may part decimals: no three digits follow it."""
    return any(len(match.group(2)) != 3 for match in _COMMA.finditer(text[:MAX_CHARS]))


def _written_numbers(text: str) -> Iterator[Fraction]:
    for match in _COMMA.finditer(text):
        yield Fraction(f"{re.sub(r'[^0-9]', '', match.group(1))}.{match.group(2)}")
    for match in _GROUPED.finditer(text):
        yield Fraction(re.sub(r"[^0-9.]", "", match.group()))
    for match in _BASE.finditer(text):
        digits = {16: match.group(1), 2: match.group(2), 8: match.group(3)}
        yield from (Fraction(int(written, base)) for base, written in digits.items() if written)
    for match in _REPEATING.finditer(text):
        whole, fixed = match.group(1) or "0", match.group(2)
        again = match.group(3) or match.group(4) or match.group(5)
        repeated = Fraction(int(again), 10 ** len(again) - 1) / 10 ** len(fixed)
        yield Fraction(f"{whole}.{fixed}0") + repeated


def _of_two_numbers(text: str) -> Iterator[Fraction]:
    for match in _SHARE.finditer(text):
        if int(match.group(2)):
            yield Fraction(int(match.group(1)), int(match.group(2)))
    for match in _AND_PART.finditer(text):
        over, under = (
            (int(match.group(2)), int(match.group(3)))
            if match.group(2)
            else _PARTS[(match.group(4) or match.group(5)).lower()]
        )
        if under:
            yield int(match.group(1)) + Fraction(over, under)
    for pattern, times, below in _COMPOUNDS:
        for match in pattern.finditer(text):
            total = int(match.group(1)) * times + Fraction(match.group(2))
            yield from (total / times, total)
            for smaller in below:
                total *= smaller
                yield total

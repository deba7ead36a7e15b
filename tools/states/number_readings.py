"""The numbers that a plain text tells, and what else it may mean by them."""

from __future__ import annotations

import re
from collections.abc import Iterator

NUMBER = re.compile(r"(?<!\w)(?<!\d\.)\d+(?:\.\d+)?")  # not in the middle of a word, such as HAT136
# Beside a number: what makes it a part of another one, or of a date, time, range, version or share.
_MONTHS = (
    r"jan|january|feb|february|mar|march|apr|april|may|june?|july?|aug|august|sept?|september|oct|october|nov|november|"
    r"dec|december"
)
_NOT_BEFORE = re.compile(
    rf"(?:[-/:#^*~\u00d7]|\d[,.'] ?|\d |\d ?[x*^/] ?|\b(?:{_MONTHS}) |(?<![a-z])(?:no\.|nr\.|page|room|chapter|version|"
    r"gate|line|number|flight|order|step|option|section|v) |\d\S{0,12} (?:or|to|vs\.?|versus) [$\u20ac\u00a3]?)\Z"
)
_NOT_BEHIND = re.compile(
    r"(?!(?:usd|eur|euros?|gbp|chf|dollars?)\b)\w|[-/:^*\u00d7][$\w]|[.,']\d| ?[x*^/] ?\d| \d| ?%|"
    r" ?(?:k|thousand|million|mn?|mio|mil|mm|bn?|billion|trillion|hundred|dozen|lakh|crore|grand|percent|per cent|pct|"
    r"percentage|points?|am|pm|a\.m|p\.m|o'clock|\d+/\d+|and a (?:half|quarter|third)|and (?:half|\d+/\d+)|st|nd|rd|"
    rf"th|{_MONTHS})\b| (?:or|to|vs\.?|versus) [$\u20ac\u00a3]?\d|"
    r" (?:dollars?|euros?|pounds?|usd|eur|gbp|francs?|chf)?,? ?(?:and )?\d{1,2} (?:cents?|pence|pennies)\b"
)
_MONEY = r"(?:[$\u20ac\u00a3\u00a5]|\b(?:usd|eur|euro|euros|gbp|chf)\b)"
_SIGNED = re.compile(rf"(-|\bminus|\()\s?{_MONEY}?\s?(-)?(\d+(?:\.\d+)?)(?!\w)")
_WANTED = re.compile(rf"(?P<sign>-|minus )?{_MONEY}?\s?(?P<inner>-)?\s?(?P<number>\d+(?:\.\d+)?)\s?{_MONEY}?")
_COMMA = re.compile(r"(?<![\d,.])(\d+),(\d+)(?![\d,]|\.\d)")
_COMMAS = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{2,})+(?![\d,])")
_BESIDE = re.compile(rf"{_MONEY}\s?\Z"), re.compile(rf"\s?{_MONEY}")
_SPACED = re.compile(r"(?<![\d.,])\d{1,3}(?:[ .]\d{3})+(?:[.,]\d+)?(?!\d)")
# fmt: off
_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
# fmt: on


def canonical(number: str) -> str:
    """One writing for each number: without leading zeros, and zeros after the point."""
    whole, _, fraction = number.partition(".")
    fraction = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + ("." + fraction if fraction else "")


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether the number there is all that is written: no part of 20 000, 20k, 20.0.1, 2026-01-20, 20:00 or 10-20."""
    before = text[max(0, start - 16) : start].rstrip("$\u20ac\u00a3\u00a5")
    return _NOT_BEFORE.search(before) is None and _NOT_BEHIND.match(text, end) is None


def wanted_number(text: str) -> str | None:
    """The number that a text is, with money and sign (`-12.5`); None for another text."""
    found = _WANTED.fullmatch(text)
    if found is None:
        return None
    negative = bool(found["sign"]) != bool(found["inner"])
    return ("-" if negative else "") + canonical(found["number"])


def negative_numbers(text: str) -> Iterator[tuple[str, int, int, bool]]:
    """Numbers below zero (-30, -$30, $-30, minus 30, (30)), where they stand, and whether they are surely that: a sign
    behind a digit or a letter is a dash, and parentheses are mostly that.
    """
    for found in _SIGNED.finditer(text):
        dash = r"[\w)%]\Z|\d \Z" if found[1] == "-" else r"\d ?\Z"
        sure = found[1] != "(" and re.search(dash, text[max(0, found.start() - 2) : found.start()]) is None
        alone = _NOT_BEHIND.match(text, found.end()) is None
        yield "-" + canonical(found.group(3)), found.start(), found.end(), sure and alone


def comma_decimals(text: str) -> Iterator[tuple[str, int, int, bool]]:
    """Numbers with a decimal comma, where they stand, and whether they can be nothing else: beside money."""
    for found in _COMMA.finditer(text):
        whole, fraction = found.groups()
        before, after = text[max(0, found.start() - 6) : found.start()], text[found.end() : found.end() + 8]
        sure = len(fraction) <= 2 and bool(_BESIDE[0].search(before) or _BESIDE[1].match(after))
        yield canonical(f"{whole}.{fraction}"), found.start(), found.end(), sure


def grouped(text: str) -> Iterator[str]:
    """Numbers whose groups may stand apart: 1 786 may be one number, 1.786 as well."""
    for found in _SPACED.finditer(text):
        whole, _, fraction = found.group().replace(" ", "").partition(",")
        yield canonical(whole.replace(".", "") + ("." + fraction if fraction else ""))


def joined_groups(text: str) -> Iterator[str]:
    """Numbers whose groups are divided by commas in any way: 12,34,567."""
    for found in _COMMAS.finditer(text):
        yield canonical(found.group().replace(",", ""))


def spelled(number: str) -> list[str]:
    """How a whole number below a million may be spelled in English, without spaces; none for another one."""
    if not number.isdecimal() or len(number) > 6:
        return []
    value = int(number)
    words = [_words(value)]
    if 1000 < value < 10_000 and value // 100 % 10:
        words.append(f"{_words(value // 100)}hundred{_words(value % 100) if value % 100 else ''}")
    return words


def _words(value: int) -> str:
    if value < 20:
        return _SMALL[value]
    if value < 100:
        return _TENS[value // 10 - 2] + (_SMALL[value % 10] if value % 10 else "")
    size, name = (1000, "thousand") if value >= 1000 else (100, "hundred")
    return _words(value // size) + name + (_words(value % size) if value % size else "")

"""The form of a text: its case, its frame, its numbers, the order of its lines."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from itertools import pairwise

from tools.text_checks.in_box import phrases
from tools.text_checks.in_box.outcomes import Check, Outcome, Verdict
from tools.text_checks.in_box.units import lines_of, plain, words_of

# What may stand in small letters in a title.
_SMALL = (
    " a an and as at but by for from if in into is nor of off on onto or over per so than the to up via vs with yet "
    "de del der des di du el et la le les o og und van von y "
)
_NUMBER = re.compile(r"(?<![\w.,])[-+\u2212]?\d+(?:[.,]\d+)*(?![\w])")
_PERCENT = re.compile(r"(?<![\w.,])([-+\u2212]?\d+(?:[.,]\d+)*)[ \u00a0]?(?:%|percent\b|per cent\b)", re.I)
_TITLE = re.compile(r"<<[^<>\n]{1,500}>>")
_DEFAULT_POSTSCRIPTS = ("P.S.", "P.S", "P. S.", "PS:", "PS ", "P.P.S.", "P.P.S", "PPS ")


def _lowercase(text: str, check: Check) -> Outcome:
    capitals = [char for char in text if (char.isupper() or char.istitle()) and char.lower() != char]
    return _in_case(capitals, text, "capital")


def _uppercase(text: str, check: Check) -> Outcome:
    return _in_case([char for char in text if char.islower() and char.upper() != char], text, "small")


def _in_case(against: list[str], text: str, what: str) -> Outcome:
    if against:
        # In capitals it is often left as it is.
        left = set(against) == {"\u00df"} and text.upper() != text.lower()
        return Outcome("undecided" if left else "fail", f"{len(against)} {what} letters", left)
    cased = any(char.lower() != char.upper() for char in text)
    return Outcome(
        "pass" if cased else "undecided",
        f"no {what} letter" if cased else "no letters with a case",
        not cased,
    )


def _title_case(text: str, check: Check) -> Outcome:
    words = [word for word in words_of(text) if word[0].isalpha() and word[0].lower() != word[0].upper()]
    small = [word for word in words if word[0].islower()]
    if not words or not small:
        return Outcome(
            "pass" if words else "undecided", f"{len(words)} words, each with a capital", not words
        )
    # A name such as iPhone is written as it is.
    sure = [word for word in small if f" {word.casefold()} " not in _SMALL and word[1:].islower()]
    return Outcome("fail" if sure else "undecided", f"{len(small)} words begin with a small letter", not sure)


def _ascii(text: str, check: Check) -> Outcome:
    foreign = sum(not char.isascii() for char in text)
    return Outcome("fail" if foreign else "pass", f"{foreign} characters past ASCII")


def _quoted(text: str, check: Check) -> Outcome:
    said = plain(text).strip()
    whole = len(said) > 2 and said[0] == said[-1] == '"'
    if whole:
        inner = said[1:-1].count('"')
        return Outcome("undecided" if inner else "pass", "in double quotes", bool(inner))
    other = len(said) > 2 and (said[0], said[-1]) in (("'", "'"), ("\u00ab", "\u00bb"), ("\u300c", "\u300d"))
    return Outcome("undecided" if other else "fail", "not in double quotes", other)


def _title(text: str, check: Check) -> Outcome:
    found = [one for one in _TITLE.findall(text) if one[2:-2].strip()]
    return Outcome("pass" if found else "fail", f"{len(found)} titles in double angular brackets")


def _postscript(text: str, check: Check) -> Outcome:
    """A line that begins with the marker, behind other text and in its last half."""
    markers = tuple(check.get("texts") or _DEFAULT_POSTSCRIPTS)
    lines = [line.strip(" \t*_#>") for line in text.splitlines() if line.strip()]
    places = [place for place, line in enumerate(lines) if line.casefold().startswith(_folded(markers))]
    if not places:
        within = any(marker.casefold() in text.casefold() for marker in markers)
        return Outcome("undecided" if within else "fail", "no line begins with it", within)
    last = places[-1]
    return Outcome("pass" if last > 0 else "undecided", f"line {last + 1} of {len(lines)}", last == 0)


def _folded(markers: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(marker.casefold() for marker in markers)


def _no_digits(text: str, check: Check) -> Outcome:
    digits = sum(unicodedata.category(char) == "Nd" for char in text)
    if digits:
        return Outcome("fail", f"{digits} digits")
    other = sum(unicodedata.category(char) in ("No", "Nl") for char in text)
    return Outcome("undecided" if other else "pass", f"{other} signs such as fractions", bool(other))


def _number_decimals(text: str, check: Check) -> Outcome:
    return _decimals(_NUMBER.findall(text), check)


def _percent_decimals(text: str, check: Check) -> Outcome:
    return _decimals(_PERCENT.findall(text), check)


def _decimals(numbers: list[str], check: Check) -> Outcome:
    """Numbers with a fraction have so many places; whole ones among them may be counts of things: that is left open."""
    places = [one for number in numbers if (one := _places(number)) is not None]
    wrong = [one for one in places if one not in (0, check["decimals"])]
    if wrong:
        return Outcome("fail", f"a number has {wrong[0]} decimals")
    whole = places.count(0) if check["decimals"] else 0
    unsure = not places or bool(whole) or len(places) < len(numbers)
    return Outcome(
        "undecided" if unsure else "pass", f"{len(places)} numbers, {places.count(0)} of them whole", unsure
    )


def _places(number: str) -> int | None:
    """The decimals of a number; None where it may be a date, a version, or grouped by thousands."""
    digits = number.lstrip("+-\u2212")
    dots, commas = digits.count("."), digits.count(",")
    if dots + commas == 0:
        return 0
    head, _, tail = digits.rpartition("." if digits.rfind(".") > digits.rfind(",") else ",")
    if dots == 1 and commas == 0:
        return len(tail)
    if commas == 1 and dots == 0:
        # 1,234 is a thousand in one country, and a fraction in another.
        return None if len(tail) == 3 and head != "0" else len(tail)
    grouped = all(len(group) == 3 for group in re.split("[.,]", head)[1:])
    mixed = dots and commas and grouped and (dots == 1 or commas == 1)
    if mixed:
        return len(tail)
    return 0 if commas and not dots and grouped and len(tail) == 3 else None


def _unique_lines(text: str, check: Check) -> Outcome:
    lines = _lines(text, check)
    again = len(lines) - len(set(lines))
    said = [line for line in lines if any(map(str.isalnum, line))]
    marks_alone = bool(again) and len(said) == len(set(said))  # rules, brackets of code
    verdict: Verdict = "undecided" if marks_alone else "fail" if again else "pass"
    return Outcome(verdict, f"{again} of {len(lines)} lines are there before", marks_alone)


def _sorted_lines(text: str, check: Check) -> Outcome:
    lines = _lines(text, check)
    wrong = next((place for place, (a, b) in enumerate(pairwise(lines)) if a > b), None)
    if wrong is None and _is_out_of_order(lines):
        return Outcome("undecided", "in order as text, and not as numbers", True)
    if wrong is None:
        return Outcome(
            "pass" if len(lines) > 1 else "undecided", f"{len(lines)} lines in order", len(lines) < 2
        )
    # Marks, digits and letters with accents are sorted in more than one way.
    sure = all(line.isascii() and line.replace(" ", "").isalpha() for line in lines[wrong : wrong + 2])
    return Outcome(
        "fail" if sure else "undecided", f"line {wrong + 2} comes before the one above it", not sure
    )


def _is_out_of_order(lines: list[str]) -> bool:
    """Whether every line begins with a number, and these are not in order."""
    numbers = [int(found.group()) for line in lines if (found := re.match(r"\d{1,30}", line))]
    return len(numbers) == len(lines) and numbers != sorted(numbers)


def _lines(text: str, check: Check) -> list[str]:
    lines = [line.text.strip() for line in lines_of(plain(text)) if line.text.strip()]
    return lines if check.get("case") == "exact" else [line.casefold() for line in lines]


FORMS: Mapping[str, Callable[[str, Check], Outcome]] = {
    "starts_with": phrases.starts_with,
    "ends_with": phrases.ends_with,
    "contains": phrases.contains,
    "contains_any": phrases.contains_any,
    "excludes": phrases.excludes,
    "one_of": phrases.one_of,
    "in_order": phrases.in_order,
    "repeats": phrases.repeats,
    "paragraph_starts_with": phrases.paragraph_starts_with,
    "lowercase": _lowercase,
    "uppercase": _uppercase,
    "title_case": _title_case,
    "ascii": _ascii,
    "quoted": _quoted,
    "title": _title,
    "postscript": _postscript,
    "no_digits": _no_digits,
    "number_decimals": _number_decimals,
    "percent_decimals": _percent_decimals,
    "unique_lines": _unique_lines,
    "sorted_lines": _sorted_lines,
}

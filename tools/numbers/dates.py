"""Dates in text: ISO dates and written-out ones, and weekdays that stand beside them.

Reads `2022-09-02`, `September 2, 2022` and `2 September 2022`; never `09/02/2022`, whose order nobody can tell.
Patterns look ahead by a bounded stretch.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTH = "|".join([*_MONTHS, *(month[:3] + r"\." for month in _MONTHS), *(month[:3] for month in _MONTHS)])
_DAY = "|".join(WEEKDAYS)
_DATE = (
    rf"(?<![\w/-])(?:(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})"
    rf"|(?P<m1>{_MONTH}) (?P<d1>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y1>\d{{4}})"
    rf"|(?P<d2>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<m2>{_MONTH}),? (?P<y2>\d{{4}}))(?![\w/-])"
)
_DATES = re.compile(_DATE, re.I)
_BEFORE = re.compile(rf"\b(?P<day>{_DAY})(?:,|, the|, on| \(|,? the)? ?$", re.I)
_AFTER = re.compile(
    rf"^(?:(?:,| \(| -| \u2013)? ?|,? (?:is|was|falls on|fell on|will be|is on|was on|will fall on)(?: an?)? )"
    rf"(?P<day>{_DAY})\b",
    re.I,
)
_UNASSERTED = re.compile(
    r"\b(?:not|isn't|wasn't|never|if|suppose|assum\w+|wrong|incorrect\w*|mistake\w*|instead|wait|claim\w*|said|says|"
    r"julian)\b|\?",
    re.I,
)


@dataclass(frozen=True)
class Pairing:
    """A date and the weekday that is written beside it."""

    day: date
    said: str
    asserted: bool

    @property
    def holds(self) -> bool:
        return WEEKDAYS[self.day.weekday()] == self.said.capitalize()


def read_date(name: str, text: object) -> date:
    """An argument as a date. Raises ValueError that names it."""
    if not isinstance(text, str) or re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is None:
        raise ValueError(f"{name} must be a date such as '2022-09-02', got {text!r:.80}")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{name}: {text!r} is no day of the calendar: {error}") from error


def dates_in(text: str) -> list[date]:
    """The dates of a text."""
    return [day for match in _DATES.finditer(text) if (day := _date(match)) is not None]


def pairings_in(text: str) -> Iterator[Pairing]:
    """Every date that has a weekday right beside it."""
    for line in text.split("\n"):
        if "day" in line.casefold():
            yield from _of_line(line)


def _of_line(text: str) -> Iterator[Pairing]:
    for match in _DATES.finditer(text):
        day = _date(match)
        if day is None:
            continue
        start, end = match.span()
        before = _BEFORE.search(text[max(0, start - 24) : start])
        after = _AFTER.match(text[end : end + 40])
        for found in (before, after):
            if found is not None:
                yield Pairing(day, found["day"].capitalize(), _is_asserted(text, start, end))


def days_in(year: int, month: int) -> int:
    """How many days a month has."""
    return calendar.monthrange(year, month)[1]


def month_later(day: date, count: int) -> date:
    """So many months later; the last day of a month where that month is shorter. Raises ValueError out of range."""
    months = day.year * 12 + day.month - 1 + count
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        raise ValueError(f"year {year} is out of range")
    return date(year, month + 1, min(day.day, days_in(year, month + 1)))


def year_later(day: date, count: int) -> date:
    """So many years later; 28 February for a leap day where there is none."""
    return month_later(day, 12 * count)


def _is_asserted(text: str, start: int, end: int) -> bool:
    """Whether the line says it plainly: no denial, condition or question stands near."""
    line_start = max(text.rfind("\n", 0, start) + 1, start - 200)
    line_end = text.find("\n", end)
    near = text[line_start : min(line_end if line_end >= 0 else len(text), end + 200)]
    return _UNASSERTED.search(near) is None


def _date(match: re.Match[str]) -> date | None:
    try:
        if match["iso"]:
            return date.fromisoformat(match["iso"])
        which = "1" if match["m1"] else "2"
        month = [name[:3] for name in _MONTHS].index(match[f"m{which}"][:3].casefold()) + 1
        return date(int(match[f"y{which}"]), month, int(match[f"d{which}"]))
    except ValueError:
        return None

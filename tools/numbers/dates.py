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
# Named days (`Black Friday`), spans (`Monday - Friday`) and choices say nothing of the date beside them.
_BEFORE = re.compile(
    rf"(?P<lead>\w+ |[-/\u2013] ?)?(?<!\w)(?P<day>{_DAY})(?:,|, the|, on| \(|,? the)? ?$",
    re.I,
)
_NO_LEAD = frozenset((
    "black", "good", "cyber", "holy", "ash", "palm", "easter", "whit", "shrove", "super", "bloody", "maundy", "fat",
    "giving", "every", "each", "and", "or", "than", "nor", "any", "a", "an", "-", "/", "\u2013",
))  # fmt: skip
_AFTER = re.compile(
    rf"^(?:(?P<bare>,? ?| - | \u2013 )|(?P<open> ?\()|,? (?:is|was|falls on|fell on|will be|is on|was on|will fall on)"
    rf"(?: an?)? )(?P<day>{_DAY})(?!['\u2019/-]|\w| (?:or|and|to)\b)(?P<rest>.?)",
    re.I,
)
_UNASSERTED = re.compile(
    r"\b(?:not|isn't|isn\u2019t|wasn't|wasn\u2019t|never|if|whether|is it|suppose|assum\w+|wrong|incorrect\w*|"
    r"mistake\w*|instead|rather|wait|claim\w*|said|says|fake|fiction\w*|novel|story|typo|correct(?:ed|ion)|actually|"
    r"should|would|sic|impossible|no such|there (?:is|was) no|non-?existent|reads?|example|calendar|julian|old style|"
    r"new style|o\.s\.|n\.s\.|hebrew|lunar|orthodox)\b|\?",
    re.I,
)
_ZONES = re.compile(
    r"\b(?:UTC|GMT|[A-Z]{1,3}[SD]T|[Tt]ime ?zones?|local time|already|overnight|midnight)\b|\d:\d\d"
)
_GREGORIAN_SINCE = date(1582, 10, 15)
_GREGORIAN_EVERYWHERE = date(1924, 1, 1)


@dataclass(frozen=True)
class Pairing:
    """A date and the weekday that is written beside it."""

    day: date
    said: str
    asserted: bool

    @property
    def holds(self) -> bool:
        return WEEKDAYS[self.day.weekday()] == self.said

    @property
    def is_wrong(self) -> bool:
        return self.asserted and not self.holds


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
        for said in _beside(text, start, end):
            asserted = _is_asserted(text, start, end) and not _is_of_another_calendar(day, said, text)
            yield Pairing(day, said, asserted)


def _beside(text: str, start: int, end: int) -> Iterator[str]:
    """The weekdays that are right beside a date and speak of it."""
    before = _BEFORE.search(text[max(0, start - 36) : start])
    if before is not None and (before["lead"] or "").strip().casefold() not in _NO_LEAD:
        yield before["day"].capitalize()
    after = _AFTER.match(text[end : end + 40])
    if after is None or (after["open"] is not None and after["rest"] not in (")", ",")):
        return
    if after["bare"] is not None and after["rest"] not in ("", ".", ";", ")", "|", ",", ":"):
        return
    yield after["day"].capitalize()


def _is_of_another_calendar(day: date, said: str, text: str) -> bool:
    """Whether the weekday may be right: in the Julian calendar while some used it, or a day off in another zone."""
    if day < _GREGORIAN_SINCE:
        return True
    off = (WEEKDAYS.index(said) - day.weekday()) % 7
    if off in (1, 6) and _ZONES.search(text):
        return True
    behind = day.year // 100 - day.year // 400 - 2  # days that the Julian calendar is behind
    return day < _GREGORIAN_EVERYWHERE and off in ((behind % 7), (behind - 1) % 7)


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
    """Whether the line says it plainly: no quotation, denial, condition or question stands near."""
    if text.lstrip().startswith(">") or text.count('"', 0, start) % 2 or "\u201c" in text[:start]:
        return False
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

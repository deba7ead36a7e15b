"""Small functions that choose a tool call from the question alone, as a capable model would.

They see no answer and no label. What the call then says of an answer is the tool's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Call = tuple[str, Mapping[str, Any]]
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAYS = re.compile(r"(?<![\d-])(\d{1,6})(?= days?\b)")
_WEATHER = re.compile(r"What is the (.+?) in (.+) on (\d{4}-\d{2}-\d{2})\?")
_UNITS = {"temperature": "C", "wind speed": "kph", "precipitation": "mm", "visibility": "km"}


def calculator(question: str) -> Call:
    """A word problem: whether the answer is what the calculations come to."""
    return "calculate", {"check": "follows"}


def calendar(question: str) -> Call | None:
    """Two dates: the days between. One date and a number of days: that date. One date: its weekday."""
    dates, days = _DATE.findall(question), _DAYS.findall(question)
    if len(dates) == 2:
        return "calendar", {
            "operation": "days_between",
            "date": dates[0],
            "other": dates[1],
            "is_final": True,
        }
    if len(dates) != 1:
        return None
    if days:
        count = (
            -int(days[0])
            if re.search(r"\bbefore\b|\bearlier\b|\bprior\b|\bago\b", question)
            else int(days[0])
        )
        return "calendar", {"operation": "shift", "date": dates[0], "count": count, "is_final": True}
    return "calendar", {"operation": "weekday", "date": dates[0], "is_final": True}


def weather(question: str) -> Call | None:
    """The reading of a city on a day."""
    match = _WEATHER.search(question)
    if match is None:
        return None
    name, city, day = match.groups()
    column = f"{name} ({_UNITS[name]})" if name in _UNITS else name
    key = {"city": city, "date": day}
    return "lookup", {"table": "weather", "key": key, "column": column, "is_final": True}


def code(question: str) -> Call:
    """Tests are given: run them."""
    return "run_tests", {}


PICKERS: dict[str, Callable[[str], Call | None]] = {
    "calculator": calculator,
    "calendar": calendar,
    "weather": weather,
    "code": code,
}

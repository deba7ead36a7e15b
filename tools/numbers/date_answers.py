"""Says whether a final answer gives a date, a weekday, a number or a yes; others of its kind leave it open."""

from __future__ import annotations

from datetime import date

from tools.numbers.dates import WEEKDAYS, dates_in
from tools.numbers.told import numbers_in, says


def in_answer(value: date | int | str, text: str, *, given: frozenset[str]) -> str:
    """equal, different or unsure: whether a text gives a value, or another of its kind."""
    if isinstance(value, date):
        found = {day.isoformat() for day in dates_in(text)}
        if value.isoformat() in found:
            return "equal" if found <= given | {value.isoformat()} else "unsure"
        return "different" if found - given else "unsure"
    if isinstance(value, int):
        found_numbers = numbers_in(text)
        if value in found_numbers:
            return "equal" if len(found_numbers) == 1 else "unsure"
        return "different" if found_numbers else "unsure"
    kind = WEEKDAYS if value in WEEKDAYS else ("yes", "no") if value in ("yes", "no") else ()
    others = [one for one in kind if one != value and says(text, one)]
    if says(text, value):
        return "unsure" if others else "equal"
    if others or (kind == WEEKDAYS and _misspelt_weekday(text)):
        return "different"
    return "unsure"


def _misspelt_weekday(text: str) -> bool:
    """A word that ends as the days do, and is none of them."""
    return any(
        word.endswith("day") and word.capitalize() not in WEEKDAYS and word[:1] in "mtwfs" and len(word) > 5
        for word in text.casefold().replace(".", " ").replace(",", " ").split()
    )

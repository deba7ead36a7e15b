"""Calculates with dates: day of the week, days between, a date so many days, months or years away, ISO week, leap year.

Opening call: every weekday that the agent wrote beside a full date is looked up again; a wrong one refutes its step and
brings the principle `calendar_dates`, which is there only where it fails. The proleptic Gregorian calendar, years 1 to
9999, no times of day and no time zones.

Does not know which dates a task speaks of: what the model asks for is strong evidence at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from judge_agent.seams.tool import Aside, AskedTool, Finding, OpeningCall, ToolResult, ToolView
from judge_agent.trajectory import read
from tools.numbers.dates import Pairing, days_in, month_later, pairings_in, read_date, year_later
from tools.numbers.told import answer_text, bears_on_answer, numbers_in, says

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
OPERATIONS = ("weekday", "days_between", "shift", "iso_week", "is_leap_year", "days_in_month")
_UNITS = ("days", "weeks", "months", "years")
_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "operation": {"type": "string", "enum": list(OPERATIONS)},
        "date": {"type": "string", "maxLength": 10, "description": "YYYY-MM-DD"},
        "other": {
            "type": ["string", "null"],
            "maxLength": 10,
            "description": "days_between: the other date.",
        },
        "count": {"type": ["integer", "null"], "description": "shift: how far; negative goes back."},
        "unit": {
            "type": ["string", "null"],
            "enum": [*_UNITS, None],
            "description": "shift: days unless given.",
        },
        "is_final": {
            "type": "boolean",
            "description": "True where the result is what the final answer must be: it is looked for there.",
        },
    },
    "required": ["operation", "date"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class CalendarLimits:
    """`text_chars` are looked at, `pairings` of dates and weekdays at most; `count` bounds a shift, either way."""

    text_chars: int = 200_000
    pairings: int = 500
    count: int = 4_000_000


class Calendar(AskedTool):
    """The tool `calendar`. Needs no box: dates are read by a fixed form."""

    name = "calendar"
    dimensions = ("correctness",)
    description = (
        "Calculates with dates (YYYY-MM-DD): weekday, days_between, shift by days, weeks, months or years, iso_week, "
        "is_leap_year, days_in_month. With is_final it says whether the final answer gives the result."
    )
    parameters = _PARAMETERS

    def __init__(self, *, limits: CalendarLimits | None = None) -> None:
        self._limits = limits or CalendarLimits()
        self.version = f"1/{self._limits.text_chars}/{self._limits.pairings}"

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        """One call where a weekday stands beside a full date."""
        return (OpeningCall(),) if self._pairings(view)[0] else ()

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Check what is written, or calculate. Raises ValueError for arguments."""
        if not arguments:
            return self._checked(view)
        operation, value = _calculated(arguments, self._limits.count)
        output = {"operation": operation, "result": value.isoformat() if isinstance(value, date) else value}
        is_final = arguments.get("is_final", False)
        if not isinstance(is_final, bool):
            raise ValueError(f"is_final must be true or false, got {is_final!r:.80}")
        if not is_final:
            return ToolResult("ok", output, (Finding("none", "hint", None, "calculated"),))
        verdict = _in_answer(value, answer_text(view.trajectory), given=_given(arguments))
        output["final_answer"] = verdict
        return ToolResult("ok", output, (bears_on_answer(verdict, f"{output['result']}"),))

    def _pairings(self, view: ToolView) -> tuple[list[tuple[str, Pairing]], bool]:
        found: list[tuple[str, Pairing]] = []
        left, cut = self._limits.text_chars, False
        for step in read(view.trajectory).steps:
            text, cut = step.turn.text[:left], cut or len(step.turn.text) > left
            found += [(step.id, one) for one in pairings_in(text)]
            left -= len(text)
        if not read(view.trajectory).steps or view.trajectory.final_answer not in (
            None,
            read(view.trajectory).steps[-1].turn.text,
        ):
            found += [("", one) for one in pairings_in((view.trajectory.final_answer or "")[:left])]
        return found[: self._limits.pairings], cut or len(found) > self._limits.pairings

    def _checked(self, view: ToolView) -> ToolResult:
        found, cut = self._pairings(view)
        wrong = [(step, one) for step, one in found if not one.holds and one.asserted]
        reasons = [
            f"{one.day.isoformat()} is a {WEEKDAYS[one.day.weekday()]}, not a {one.said}" for _, one in wrong
        ]
        steps: dict[str, list[str]] = {}
        for (step, _), reason in zip(wrong, reasons, strict=True):
            steps.setdefault(step, []).append(reason)
        aside = Aside(
            "calendar_dates",
            "Every weekday that the candidate gives with a date is the right one.",
            "correctness",
            Finding("refutes", "decisive", 0.0, "; ".join(reasons[:3])),
        )
        return ToolResult(
            "ok",
            {"dates_with_weekdays": len(found), "wrong": reasons[:20]},
            tuple(
                Finding("refutes", "decisive", 0.0, "; ".join(said[:3]), step)
                for step, said in steps.items()
                if step
            ),
            truncated=cut,
            checked={"dates": len(found)},
            flags={"dates_not_all_read": True} if cut else {},
            asides=(aside,) if wrong else (),
        )


def _calculated(arguments: Mapping[str, Any], most: int) -> tuple[str, Any]:
    unknown = sorted(set(arguments) - set(_PARAMETERS["properties"]))
    if unknown:
        raise ValueError(
            f"calendar does not take {unknown[0]!r}; it takes {sorted(_PARAMETERS['properties'])}"
        )
    operation = arguments.get("operation")
    if operation not in OPERATIONS:
        raise ValueError(f"operation must be one of {', '.join(OPERATIONS)}, got {operation!r:.80}")
    day = read_date("date", arguments.get("date"))
    if operation == "weekday":
        return operation, WEEKDAYS[day.weekday()]
    if operation == "days_between":
        return operation, abs((read_date("other", arguments.get("other")) - day).days)
    if operation == "iso_week":
        return operation, "{}-W{:02}-{}".format(*day.isocalendar())
    if operation == "is_leap_year":
        return operation, "yes" if days_in(day.year, 2) == 29 else "no"
    if operation == "days_in_month":
        return operation, days_in(day.year, day.month)
    return operation, _shifted(day, arguments.get("count"), arguments.get("unit") or "days", most)


def _shifted(day: date, count: object, unit: object, most: int) -> date:
    if isinstance(count, bool) or not isinstance(count, int):
        raise ValueError(f"count must be a whole number for shift, got {count!r:.80}")
    if abs(count) > most:
        raise ValueError(f"count is {count!r:.40}; the limit is {most} either way")
    if unit not in _UNITS:
        raise ValueError(f"unit must be one of {', '.join(_UNITS)}, got {unit!r:.80}")
    try:
        if unit == "months":
            return month_later(day, count)
        if unit == "years":
            return year_later(day, count)
        return day + timedelta(days=count * (7 if unit == "weeks" else 1))
    except (OverflowError, ValueError) as error:
        raise ValueError(f"count={count} {unit} leads out of the years 1 to 9999") from error


def _given(arguments: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(arguments[name]) for name in ("date", "other") if arguments.get(name))


def _in_answer(value: Any, text: str, *, given: frozenset[str]) -> str:
    """equal, different or unsure: whether a text gives a value, or another of its kind."""
    from tools.numbers.dates import dates_in

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

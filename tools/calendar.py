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
from typing import Annotated, Any, Literal

from pydantic import Field

from judge_agent.seams.tool import Aside, AskedTool, Finding, OpeningCall, ToolResult, ToolView
from judge_agent.trajectory import read, text_of
from tools.numbers.asking import speaks_of_dates
from tools.numbers.date_answers import in_answer
from tools.numbers.dates import WEEKDAYS, Pairing, days_in, month_later, pairings_in, read_date, year_later
from tools.numbers.told import answer_text, bears_on_answer

Operation = Literal["weekday", "days_between", "shift", "iso_week", "is_leap_year", "days_in_month"]
Unit = Literal["days", "weeks", "months", "years"]
_COUNT = 4_000_000


@dataclass(frozen=True)
class CalendarLimits:
    """Of the opening call: `text_chars` characters are looked at, for at most `pairings` dates with a weekday."""

    text_chars: int = 200_000
    pairings: int = 500


class Calendar(AskedTool):
    """The tool `calendar`. Needs no box: dates are read by a fixed form."""

    name = "calendar"
    dimensions = ("correctness",)

    def __init__(self, *, limits: CalendarLimits | None = None) -> None:
        self.limits = limits or CalendarLimits()
        self.version = f"4/{self.limits.text_chars}/{self.limits.pairings}"

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        """One call where a weekday stands beside a full date."""
        return (OpeningCall(),) if self._pairings(view)[0] else ()

    def offered(self, view: ToolView) -> bool:
        """Where the task speaks of dates."""
        return speaks_of_dates(view)

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Check what is written, where nothing is asked. Raises ValueError for arguments."""
        if not arguments:
            return self._checked(view)
        return await super().run(arguments, view, timeout_seconds=timeout_seconds)

    async def asked(
        self,
        view: ToolView,
        *,
        operation: Operation,
        date: Annotated[str, Field(max_length=10)],
        other: Annotated[str, Field(max_length=10)] | None = None,
        count: Annotated[int, Field(strict=False, ge=-_COUNT, le=_COUNT)] | None = None,
        unit: Unit | None = None,
        is_final: bool = False,
        timeout_seconds: float,
    ) -> ToolResult:
        """Calculates with dates: weekday, days_between, shift by days, weeks, months or years, iso_week, is_leap_year,
        days_in_month. With is_final it says whether the final answer gives the result.

        operation: What to calculate.
        date: As in 2024-02-29.
        other: For days_between, the other date.
        count: For shift, how far; negative goes back.
        unit: For shift; days unless given.
        is_final: True where the result is what the final answer must be: it is looked for there.
        """
        value = _calculated(operation, read_date("date", date), other, count, unit or "days")
        output = {
            "operation": operation,
            "result": value if isinstance(value, (str, int)) else value.isoformat(),
        }
        if not is_final:
            return ToolResult("ok", output, (Finding("none", "hint", None, "calculated"),))
        given = frozenset(one for one in (date, other) if one)
        verdict = in_answer(value, answer_text(view.trajectory), given=given)
        output["final_answer"] = verdict
        return ToolResult("ok", output, (bears_on_answer(verdict, f"{output['result']}"),))

    def _pairings(self, view: ToolView) -> tuple[list[tuple[str, Pairing]], bool]:
        found: list[tuple[str, Pairing]] = []
        left, cut = self.limits.text_chars, False
        for step in read(view.trajectory).steps:
            text, cut = step.turn.text[:left], cut or len(step.turn.text) > left
            found += [(step.id, one) for one in pairings_in(text)]
            left -= len(text)
        if not read(view.trajectory).steps or view.trajectory.final_answer not in (
            None,
            read(view.trajectory).steps[-1].turn.text,
        ):
            found += [("", one) for one in pairings_in((view.trajectory.final_answer or "")[:left])]
        return found[: self.limits.pairings], cut or len(found) > self.limits.pairings

    def _checked(self, view: ToolView) -> ToolResult:
        found, cut = self._pairings(view)
        given = _given(view)
        wrong = [(step, one) for step, one in found if one.is_wrong and (one.day, one.said) not in given]
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


def _given(view: ToolView) -> frozenset[tuple[date, str]]:
    """The pairings of the task, and of what the agent was told: whoever takes them over did not make them."""
    told = (turn.text for turn in read(view.trajectory).turns if turn.role != "assistant")
    texts = (view.task.prompt, *map(text_of, view.task.messages), *told)
    return frozenset((one.day, one.said) for text in texts for one in pairings_in(text[:20_000]))


def _calculated(
    operation: Operation, day: date, other: str | None, count: int | None, unit: Unit
) -> date | int | str:
    if operation == "weekday":
        return WEEKDAYS[day.weekday()]
    if operation == "days_between":
        return abs((read_date("other", other) - day).days)
    if operation == "iso_week":
        return "{}-W{:02}-{}".format(*day.isocalendar())
    if operation == "is_leap_year":
        return "yes" if days_in(day.year, 2) == 29 else "no"
    if operation == "days_in_month":
        return days_in(day.year, day.month)
    if count is None:
        raise ValueError("count must be a whole number for shift, not None")
    return _shifted(day, count, unit)


def _shifted(day: date, count: int, unit: Unit) -> date:
    try:
        if unit == "months":
            return month_later(day, count)
        if unit == "years":
            return year_later(day, count)
        return day + timedelta(days=count * (7 if unit == "weeks" else 1))
    except (OverflowError, ValueError) as error:
        raise ValueError(f"count={count} {unit} leads out of the years 1 to 9999") from error

"""Dates are calculated exactly; a weekday beside a date is looked up again."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from judge_agent.schema import Trajectory
from tools.calendar import Calendar, CalendarLimits

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        ({"operation": "weekday", "date": "2022-09-02"}, "Friday"),
        ({"operation": "weekday", "date": "0001-01-01"}, "Monday"),
        ({"operation": "days_between", "date": "2013-11-06", "other": "2022-03-31"}, 3067),
        ({"operation": "days_between", "date": "2022-03-31", "other": "2013-11-06"}, 3067),
        ({"operation": "shift", "date": "2017-09-28", "count": 223}, "2018-05-09"),
        ({"operation": "shift", "date": "2020-07-06", "count": -3.0, "unit": "weeks"}, "2020-06-15"),
        ({"operation": "shift", "date": "2024-01-31", "count": 1, "unit": "months"}, "2024-02-29"),
        ({"operation": "shift", "date": "2024-02-29", "count": 1, "unit": "years"}, "2025-02-28"),
        ({"operation": "iso_week", "date": "2021-01-03"}, "2020-W53-7"),
        ({"operation": "is_leap_year", "date": "1900-03-01"}, "no"),
        ({"operation": "days_in_month", "date": "2000-02-01"}, 29),
    ],
)
async def test_dates_are_calculated(view, arguments, result) -> None:
    told = await Calendar().run(arguments, view("x"), timeout_seconds=5)
    assert told.output["result"] == result
    assert [(one.bearing, one.strength) for one in told.findings] == [("none", "hint")]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"operation": "weekday", "date": "2023-02-29"}, "2023-02-29"),
        ({"operation": "weekday", "date": "02/03/2023"}, "date must be"),
        ({"operation": "weekday", "date": "\u0662022-01-01"}, "date must be"),
        ({"operation": "age", "date": "2022-01-01"}, "operation"),
        ({"operation": "days_between", "date": "2022-01-01"}, "other"),
        ({"operation": "shift", "date": "2022-01-01", "count": 10**30}, "count: .*4000000"),
        ({"operation": "shift", "date": "2022-01-01", "count": "many"}, "count"),
        ({"operation": "shift", "date": "9999-12-31", "count": 1}, "out of the years"),
        ({"operation": "shift", "date": "0001-01-31", "count": -1, "unit": "months"}, "out of the years"),
        ({"operation": "shift", "date": "2022-01-01", "count": 1, "unit": "hours"}, "unit"),
        ({"operation": "weekday", "date": "2022-01-01", "is_final": 1}, "is_final"),
        ({"operation": "weekday", "date": "2022-01-01", "zone": "UTC"}, "'zone'"),
    ],
)
async def test_bad_arguments_of_dates_are_named(view, arguments, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        await Calendar().run(arguments, view("x"), timeout_seconds=5)


@pytest.mark.parametrize(
    ("arguments", "answer", "bearing"),
    [
        ({"operation": "weekday", "date": "2022-09-02"}, "2022-09-02 is Friday", "confirms"),
        ({"operation": "weekday", "date": "2022-09-02"}, "2022-09-02 is Saturday", "refutes"),
        ({"operation": "weekday", "date": "2022-09-02"}, "2022-09-02 is Wendesday", "refutes"),
        ({"operation": "weekday", "date": "2022-09-02"}, "Friday or Saturday", "none"),
        ({"operation": "weekday", "date": "2022-09-02"}, "I cannot say", "none"),
        (
            {"operation": "shift", "date": "2017-09-28", "count": 223},
            "After 2017-09-28 it is 9 May 2018.",
            "confirms",
        ),
        (
            {"operation": "shift", "date": "2017-09-28", "count": 223},
            "After 2017-09-28 it is 2018-10-20.",
            "refutes",
        ),
        (
            {"operation": "days_between", "date": "2013-11-06", "other": "2022-03-31"},
            "It is 3,067 days.",
            "confirms",
        ),
        (
            {"operation": "days_between", "date": "2013-11-06", "other": "2022-03-31"},
            "2013-11-06: 488",
            "refutes",
        ),
    ],
)
async def test_a_final_answer_is_compared_with_the_result(view, arguments, answer: str, bearing: str) -> None:
    told = await Calendar().run({**arguments, "is_final": True}, view("x", final=answer), timeout_seconds=5)
    assert [one.bearing for one in told.findings] == [bearing]
    assert all(one.strength != "decisive" for one in told.findings)


async def test_a_wrong_weekday_beside_a_date_refutes_its_step(view) -> None:
    seen = view(
        "We leave on Friday, September 2, 2022.",
        "2022-09-02 is a Saturday.",
        "It is not Saturday, 2022-09-02.",
        "On 2 September 2022 (Sunday) we rest. Is 2022-09-02 a Monday?",
        "On 3rd of Sept 2022, Sunday or so",
    )
    (call,) = Calendar().opening_calls(seen)
    told = await Calendar().run(call.arguments, seen, timeout_seconds=5)
    assert [(one.step_id, one.strength) for one in told.findings] == [("s2", "decisive")]
    assert [aside.name for aside in told.asides] == ["calendar_dates"]
    assert told.asides[0].finding.reason == "2022-09-02 is a Friday, not a Saturday"


NOT_HELD_AGAINST = tomllib.loads((Path(__file__).parent / "weekdays.toml").read_text("utf-8"))


async def test_a_weekday_that_may_be_right_is_not_held_against_anybody(view) -> None:
    lines = NOT_HELD_AGAINST["open"]
    told = await Calendar().run({}, view("\n".join(lines)), timeout_seconds=5)
    assert (told.findings, told.asides) == ((), ())


async def test_a_weekday_that_is_plainly_wrong_is_refuted_however_it_stands(view) -> None:
    lines = NOT_HELD_AGAINST["wrong"]
    told = await Calendar().run({}, view(*lines), timeout_seconds=5)
    refuted = {one.step_id for one in told.findings}
    assert [line for place, line in enumerate(lines, 1) if f"s{place}" not in refuted] == []


async def test_a_weekday_of_the_task_itself_is_not_the_candidates_fault(view) -> None:
    seen = view("It leaves on Saturday, 2022-09-02.", prompt="The ship leaves on Saturday, 2022-09-02.")
    assert (await Calendar().run({}, seen, timeout_seconds=5)).findings == ()


async def test_a_weekday_that_the_agent_was_told_is_not_its_fault(view) -> None:
    told = view("It is on Monday, 2022-09-02.")
    messages = [{"role": "user", "content": "Put Monday, 2022-09-02 down."}, *told.trajectory.messages]
    trajectory = Trajectory.model_validate({"messages": messages})
    result = await Calendar().run({}, replace(told, trajectory=trajectory), timeout_seconds=5)
    assert (result.findings, result.asides) == ((), ())


async def test_right_weekdays_confirm_nothing_and_no_weekdays_ask_for_nothing(view) -> None:
    told = await Calendar().run({}, view("Friday, 2022-09-02"), timeout_seconds=5)
    assert (told.findings, told.asides, told.checked) == ((), (), {"dates": 1})
    assert Calendar().opening_calls(view("2022-09-02", "Friday")) == ()


async def test_what_is_past_the_limits_of_dates_is_flagged(view) -> None:
    seen = view("2022-09-02 is Saturday\n" * 3)
    for limits in (CalendarLimits(pairings=1), CalendarLimits(text_chars=30)):
        told = await Calendar(limits=limits).run({}, seen, timeout_seconds=5)
        assert (told.checked, told.truncated, told.flags) == (
            {"dates": 1},
            True,
            {"dates_not_all_read": True},
        )

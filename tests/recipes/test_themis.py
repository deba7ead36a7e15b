"""Recipe themis: the judge calls tools of its own; what they observed is in the prompt that asks for the score."""

from __future__ import annotations

import datetime
import json
import re

import pytest

from judge_agent.seams.model import Choice
from judge_agent.seams.tool import AskedTool, ToolResult

pytestmark = pytest.mark.anyio
TASK = {
    "prompt": "Which day of the week was 2024-03-01?",
    "reference": {"answer": "It was the sixth, says the key."},
}
FRIDAY, MONDAY = "It was a Friday.", "It was a Monday."

PARAMETERS = {
    "type": "object",
    "properties": {"date": {"type": "string"}},
    "required": ["date"],
    "additionalProperties": False,
}


class Calendar(AskedTool):
    """Tells the day of the week. It has nothing to say before it is asked, and decides nothing."""

    name, version = "calendar", "1"
    description = "Says which day of the week a date is."

    def __init__(self, broken=False):
        self.calls, self._broken = [], broken
        self.parameters = PARAMETERS

    async def run(self, arguments, view, *, timeout_seconds):
        self.calls.append(arguments["date"])
        if self._broken:
            raise RuntimeError("the calendar fell off the wall")
        day = datetime.date.fromisoformat(arguments["date"]).strftime("%A")
        return ToolResult("ok", {"day_of_the_week": day})


def asks(request, date):
    """The next call, in the form that the request is made for: a function, or JSON."""
    observed = "day_of_the_week" in request.text
    if request.tools:
        function = {"name": "calendar", "arguments": json.dumps({"date": date})}
        done = {"name": "done", "arguments": "{}"}
        call = {"id": "1", "type": "function", "function": done if observed else function}
        return Choice(None, "tool_calls", tool_calls=(call,))
    if request.schema is None:
        return "Nothing more can be found out."
    call = {"tool": "done"} if observed else {"tool": "calendar", "arguments": {"date": date}}
    return json.dumps({"thought": "Let me look.", "call": call})


def asks_and_scores(date="2024-03-01", score=None):
    """A judge that asks the calendar while nothing was observed, and scores by what it shows."""

    def answer(request):
        if "<score>NUMBER</score>" not in request.text:
            return asks(request, date)
        if score is not None:
            return score
        days = ("Friday", "Monday")
        seen = next((day for day in days if f'"day_of_the_week": "{day}"' in request.text), None)
        if seen is None:
            return "Work: no observation decides it.\n<score>0.0</score>"
        right = f"It was a {seen}." in request.text
        return f"Work: the calendar says {seen}.\n<score>{'1.0' if right else '-1.0'}</score>"

    return answer


async def test_the_last_prompt_holds_what_the_tools_observed_as_data(panel):
    bench = panel(asks_and_scores(), judge_tools=[Calendar()])
    principles = [{"name": "right", "description": "The day is right.", "weight": 7.25}]
    await bench.judge("themis", {"a": FRIDAY}, task=TASK, principles=principles)
    last = bench.model.requests[-1]
    assert last.schema is None
    assert last.tools == ()
    evidence = last.text.partition("=====BEGIN EVIDENCE")[2].partition("=====END EVIDENCE")[0]
    assert '[e1] calendar({"date": "2024-03-01"})' in evidence
    assert '"day_of_the_week": "Friday"' in evidence
    assert "The day is right." in last.text
    assert "It was a Friday." in last.text
    assert "7.25" not in last.text
    assert "says the key" not in last.text


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    shown = []
    for functions in (True, False):
        bench = panel(asks_and_scores(), judge_tools=[Calendar()], tools=functions)
        await bench.judge("themis", {"a": FRIDAY}, task=TASK)
        shown += bench.prompts
    reads.says_what_it_must(shown, prompt)


async def test_a_model_that_reads_the_range_and_the_order_of_the_prompt_is_read_rightly(panel):
    """What is best and what is worst, and that work comes before the number, is known from the prompt alone."""

    def obedient(request):
        worst, best = re.search(r"from (\S+) \(worst\) .* to (\S+) \(best\)", request.text).groups()
        work = re.search(r'First write your work after "(\w+:)"', request.text).group(1)
        return f"{work} by the calendar.\n<score>{best if FRIDAY in request.text else worst}</score>"

    judgment = await panel(obedient).judge("themis", {"a": FRIDAY, "b": MONDAY}, task=TASK)
    assert {c.id: c.reward for c in judgment.candidates} == {"a": 1.0, "b": 0.0}


async def test_what_the_model_answers_is_read_as_the_table_says(panel, case):
    bench = panel(asks_and_scores(score=case["text"]), judge_tools=[Calendar()])
    judgment = await bench.judge("themis", {"a": FRIDAY}, task=TASK)
    (found,) = judgment.candidates[0].principles
    if "failure_kind" in case:
        assert (found.valid, found.score, found.failure_kind) == (False, None, case["failure_kind"])
        assert judgment.candidates[0].reward is None
        return
    assert (found.choice, found.score) == (case["choice"], pytest.approx(case["score"]))
    assert "work" in found.reason.lower()


async def test_a_score_that_came_without_work_is_asked_for_once_more(panel):
    """Without its reason a number is nobody's judgment; the second question says what was missing."""

    def hasty(request):
        work = "Work: the calendar agrees.\n" if "could not be used" in request.text else ""
        return f"{work}<score>0.5</score>"

    bench = panel(hasty)
    judgment = await bench.judge("themis", {"a": FRIDAY}, task=TASK)
    assert judgment.candidates[0].reward == 0.75
    assert "no reason behind 'Work:'" in bench.prompts[-1]


@pytest.mark.parametrize("functions", [True, False], ids=["function calls", "JSON"])
async def test_the_score_follows_what_the_judge_s_own_call_observed(panel, functions):
    """The defining step: the tool call before the score. Without the rounds both answers get the middle."""
    calendar = Calendar()
    bench = panel(asks_and_scores(), judge_tools=[calendar], tools=functions)
    judgment = await bench.judge("themis", {"a": FRIDAY, "b": MONDAY}, task=TASK)
    assert {c.id: c.reward for c in judgment.candidates} == {"a": 1.0, "b": 0.0}
    assert calendar.calls == ["2024-03-01", "2024-03-01"]
    assert {item.tool for item in judgment.evidence} == {"calendar"}
    assert judgment.usage.tool_calls == 2


async def test_without_a_tool_there_is_a_score_and_no_observation(panel):
    bench = panel(asks_and_scores())
    judgment = await bench.judge("themis", {"a": FRIDAY}, task=TASK)
    assert judgment.candidates[0].reward == 0.5
    assert judgment.evidence == ()
    assert len(bench.model.requests) == 1


async def test_a_tool_that_breaks_observed_nothing_and_says_so(panel):
    bench = panel(asks_and_scores(), judge_tools=[Calendar(broken=True)])
    judgment = await bench.judge("themis", {"a": FRIDAY}, task=TASK)
    (result,) = judgment.candidates
    assert result.reward == 0.5
    assert "calendar" in result.flags["tool_unavailable"]
    assert "day_of_the_week" not in bench.prompts[-1]


async def test_no_more_calls_are_made_than_the_request_allows(panel):
    bench = panel(asks_and_scores(), judge_tools=[Calendar()])
    judgment = await bench.judge("themis", {"a": FRIDAY}, task=TASK, budget={"tool_calls": 0})
    (result,) = judgment.candidates
    assert result.reward == 0.5
    assert result.flags["gather_stopped"]["failure_kind"] == "budget_exhausted"


@pytest.mark.parametrize("functions", [True, False], ids=["function calls", "JSON"])
async def test_no_prompt_shows_the_reference_for_its_score_is_not_given_by_it(panel, functions):
    """Shown in the rounds alone it would come to the score by way of a call's arguments."""
    bench = panel(asks_and_scores(), judge_tools=[Calendar()], tools=functions)
    judgment = await bench.judge("themis", {"a": FRIDAY}, task=TASK)
    assert len(bench.prompts) == 3
    for prompt in bench.prompts:
        assert "says the key" not in prompt
        assert "BEGIN REFERENCE" not in prompt
    assert any(one.startswith("reference") for one in judgment.candidates[0].coverage.unread)


async def test_where_the_verdict_is_given_by_the_reference_the_questions_before_it_may_know_it(panel):
    bench = panel(asks_and_scores(score='{"reason": "x"}'), judge_tools=[Calendar()])
    await bench.judge("default", {"a": FRIDAY}, task=TASK, principles=[{"description": "The day is right."}])
    assert "says the key" in bench.prompts[0]
    assert "calendar" in bench.prompts[0]

"""The budget: one deadline for all, tokens and calls that run out, and inputs that do not fit."""

from __future__ import annotations

import asyncio
import time

import pytest

from judge_agent.models import Held, ScriptedModel
from judge_agent.schema import PrincipleSpec
from judge_agent.seams.tool import Finding, OpeningCall, ToolResult

pytestmark = pytest.mark.anyio
RULES = [
    {"name": f"rule_{index}", "description": f"The answer meets demand number {index}."}
    for index in range(40)
]


class Length:
    """Decides at once whether an answer is short; some calls that it opens never end."""

    name, version, description, parameters = "length", "1", "Measures.", {}

    def __init__(self, calls: int = 1, hang: bool = False) -> None:
        self.calls, self.hang = calls, hang

    def principle(self, view):
        return PrincipleSpec(
            description="The answer is short.", name="short", kind="hard", dimension="correctness"
        )

    def opening_calls(self, view):
        return [OpeningCall({"number": number}) for number in range(self.calls)]

    def offered(self, view):
        return False

    def can_decide(self, principle, view):
        return True

    async def run(self, arguments, view, *, timeout_seconds):
        if self.hang:
            await asyncio.Event().wait()
        return ToolResult("ok", "short", (Finding("confirms", "decisive", 1.0, "measured"),))


class Mute(ScriptedModel):
    """A model whose named method never returns."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.method = method

    async def info(self):
        return await self._unless("info", super().info())

    async def count_tokens(self, messages):
        return await self._unless("count_tokens", super().count_tokens(messages))

    async def complete(self, messages, **settings):
        return await self._unless("complete", super().complete(messages, **settings))

    async def _unless(self, method, answer):
        if method == self.method:
            answer.close()
            await asyncio.Event().wait()
        return await answer


@pytest.mark.parametrize("method", ["info", "count_tokens", "complete"])
@pytest.mark.parametrize("given", [True, False], ids=["given principles", "generated principles"])
async def test_a_model_that_never_answers_ends_at_the_deadline(bench, method, given):
    started = time.monotonic()
    body = {"principles": RULES[:20]} if given else {}
    result = await bench(Mute(method)).one(text="It is 42.", budget={"seconds": 0.3}, **body)
    assert time.monotonic() - started < 5
    assert (result.status, result.reward, result.failure_kind) == ("unscored", None, "deadline")
    assert set(result.vector) == {
        "correctness",
        "completeness",
        "tool_use",
        "communication",
        "robustness",
    }


async def test_what_evidence_decided_before_the_deadline_stays(bench):
    result = await bench(Mute("complete"), tools=[Length()]).one(
        text="It is 42.", principles=RULES[:2], budget={"seconds": 0.3}
    )
    assert [(p.name, p.score, p.failure_kind) for p in result.principles] == [
        ("rule_0", None, "deadline"),
        ("rule_1", None, "deadline"),
        ("short", 1.0, None),
    ]
    assert (result.status, result.reward) == ("partial", None)


async def test_tools_that_never_end_are_ended_together(bench):
    started = time.monotonic()
    result = await bench(tools=[Length(calls=40, hang=True)]).one(
        text="It is 42.", recipe="verify", budget={"seconds": 0.3, "tool_calls": 100}
    )
    assert time.monotonic() - started < 5
    assert (result.status, result.failure_kind) == ("unscored", "deadline")


async def test_a_call_past_its_own_time_is_the_model_timing_out_not_the_judgment(bench):
    class Slow(ScriptedModel):
        async def complete(self, messages, **settings):
            return await super().complete(messages, **{**settings, "timeout_seconds": 0.05})

    judge = bench(Slow(otherwise=Held(asyncio.Event(), "never")))
    result = await judge.one(text="It is 42.", principles=RULES[:1], granularity=["outcome"])
    assert result.failure_kind == "model_timeout"


async def test_when_the_tokens_are_used_up_what_is_left_is_unscored(bench):
    judge = bench(tools=[Length()])
    judgment = await judge.judge(
        text="It is 42.", principles=RULES, granularity=["outcome"], budget={"model_tokens": 2000}
    )
    (result,) = judgment.candidates
    kinds = [principle.failure_kind for principle in result.principles]
    assert kinds.count("budget_exhausted") > 10
    assert kinds.count(None) >= 2
    assert (result.status, result.reward, result.failure_kind) == ("partial", None, "budget_exhausted")
    assert judgment.usage.model_calls < 25
    assert result.principles[-1].score == 1.0


async def test_without_any_tokens_no_model_is_asked(bench):
    judge = bench()
    result = await judge.one(text="It is 42.", budget={"model_tokens": 0})
    assert (result.status, result.failure_kind, judge.prompts) == ("unscored", "budget_exhausted", [])


async def test_when_the_tool_calls_are_used_up_that_is_no_evidence_against_the_answer(bench):
    result = await bench(tools=[Length()]).one(text="It is 42.", recipe="verify", budget={"tool_calls": 0})
    assert (result.status, result.reward, result.failure_kind) == ("unscored", None, "budget_exhausted")


async def test_what_does_not_fit_the_window_is_said_and_what_evidence_decides_is_scored(bench):
    judge = bench(ScriptedModel(context_window=2000), tools=[Length()])
    result = await judge.one(text="It is 42. " * 1000, principles=RULES[:2])
    assert [(p.score, p.failure_kind) for p in result.principles] == [
        (None, "input_too_large"),
        (None, "input_too_large"),
        (1.0, None),
    ]
    assert (result.status, result.reward, result.failure_kind) == ("partial", None, "input_too_large")
    assert judge.prompts == []
    assert {step.label for step in result.steps} == {"unjudged"}

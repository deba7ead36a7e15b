"""A tool that could say nothing is named in the flags of the candidate that it was wanted for, with the reason."""

from __future__ import annotations

import asyncio

import pytest

from judge_agent.errors import SandboxError, ToolError
from judge_agent.models import ScriptedModel
from judge_agent.schema import PrincipleSpec
from judge_agent.seams.tool import Finding, OpeningCall, ToolResult

pytestmark = pytest.mark.anyio
SOFT = [{"name": "polite", "description": "The agent was polite."}]
BODY = {"principles": SOFT, "granularity": ["outcome"]}
LACK = ToolError("the boxes lack the module 'pandas'")


class Runs:
    """Runs what it is given; fails where a test says so, and on texts with `pandas` in them."""

    name, version, description = "runs", "1", "Runs the answer."

    def __init__(self, fails=None, broken="", parameters=None) -> None:
        self._fails, self._broken, self.parameters = fails, broken, parameters or {}
        self.runs = 0

    def principle(self, view):
        self._breaks("principle")
        return PrincipleSpec(
            description="The answer runs.", name="runs", kind="hard", dimension="correctness"
        )

    def opening_calls(self, view):
        self._breaks("opening_calls")
        return [OpeningCall()]

    def offered(self, view):
        return bool(self.parameters)

    def can_decide(self, principle, view):
        self._breaks("can_decide")
        return principle.tool == self.name

    def _breaks(self, method):
        if self._broken == method:
            raise RuntimeError("it fell off the wall")

    async def run(self, arguments, view, *, timeout_seconds):
        self.runs += 1
        await asyncio.sleep(0)
        wants = "pandas" in str(view.trajectory.model_dump())
        if self._fails is not None and (wants or self._fails is not LACK) and "again" not in arguments:
            raise self._fails
        return ToolResult("ok", "ran", (Finding("confirms", "decisive", 1.0, "it ran"),))


@pytest.mark.parametrize("recipe", ["verify", "default"])
@pytest.mark.parametrize(
    ("fails", "said"),
    [
        (LACK, "the boxes lack the module 'pandas'"),
        (SandboxError("no box"), "sandbox_failed: no box"),
        (RuntimeError("x"), "tool 'runs' failed: RuntimeError: x"),
        (ValueError("odd"), "internal: tool 'runs' refused its own opening call: odd"),
    ],
    ids=["lack", "box", "bug", "refusal"],
)
async def test_an_opening_call_that_failed_is_named_with_its_reason(bench, recipe, fails, said):
    body = {"granularity": ["outcome"]} if recipe == "verify" else BODY
    result = await bench(tools=[Runs(fails)]).one(text="import pandas", recipe=recipe, **body)
    assert result.flags["tool_unavailable"] == {"runs": said}
    assert result.reward is None
    assert said.endswith(str(result.principles[-1].failure_reason))


@pytest.mark.parametrize("method", ["principle", "opening_calls", "can_decide"])
async def test_a_tool_that_breaks_before_it_runs_is_named_too(bench, method):
    result = await bench(tools=[Runs(broken=method)]).one(text="It is 42.", **BODY)
    assert "it fell off the wall" in result.flags["tool_unavailable"]["runs"]
    assert method == "principle" or result.reward is None


async def test_only_the_candidate_that_it_failed_on_is_flagged_and_its_twin(bench):
    texts = {"a": "import pandas", "b": "import json", "twin": "import pandas"}
    candidates = [{"id": name, "trajectory": {"text": text}} for name, text in texts.items()]
    judgment = await bench(tools=[Runs(LACK)]).judge(candidates=candidates, recipe="verify")
    flagged = {result.id for result in judgment.candidates if "tool_unavailable" in result.flags}
    assert flagged == {"a", "twin"}
    assert {result.id: result.reward for result in judgment.candidates} == {"a": None, "b": 1.0, "twin": None}


async def test_tool_calls_that_the_budget_left_out_are_named(bench):
    result = await bench(tools=[Runs()]).one(text="It is 42.", recipe="verify", budget={"tool_calls": 0})
    assert result.flags["tool_unavailable"]["runs"].startswith("budget_exhausted: ")


async def test_a_tool_whose_opening_call_failed_may_still_be_asked_by_the_model(bench):
    """What failed is that call; the model's question is another one."""
    asks = {"thought": "Again.", "call": {"tool": "runs", "arguments": {"again": True}}}
    parameters = {"type": "object", "properties": {"again": {"type": "boolean"}}, "required": ["again"]}
    tool = Runs(ValueError("odd"), parameters=parameters)
    verdict = {"reason": "It was seen to run.", "citations": [], "choice": "4"}
    model = ScriptedModel(rules=[("you may check facts", asks)], otherwise=verdict)
    result = await bench(model, tools=[tool]).one(text="It is 42.", **BODY)
    assert tool.runs == 2
    assert "bad_tool_calls" not in result.flags
    assert "runs" in result.flags["tool_unavailable"]

"""What a request's `dimensions` leave out is in no entry of the vector, and what nothing can feed is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.models import ScriptedModel
from judge_agent.schema import PrincipleSpec
from judge_agent.seams.tool import AskedTool, DecidingTool, Finding, OpeningCall, ToolResult
from judge_agent.trajectory import final_answer

pytestmark = pytest.mark.anyio


@dataclass
class Says(DecidingTool):
    """Decides its principle by a word in the answer."""

    name: str = "works"
    word: str = "right"
    dimension: str = "correctness"
    version: str = "1"
    description: str = "Reads a word."
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def decides(self) -> PrincipleSpec:  # type: ignore[override]
        name = f"{self.name}_it"
        return PrincipleSpec(name=name, description=name, kind="hard", dimension=self.dimension)

    def opening_calls(self, view):
        return (OpeningCall(),)

    async def run(self, arguments, view, *, timeout_seconds):
        score = float(self.word in final_answer(view.trajectory))
        finding = Finding("confirms" if score else "refutes", "decisive", score, "read")
        return ToolResult("ok", {}, (finding,))


class Untold(AskedTool):
    """Has a principle of its own, and does not say beforehand of which dimension."""

    name, version, description = "untold", "1", "Untold."
    parameters: ClassVar[dict[str, Any]] = {}

    def principle(self, view):
        return None

    async def run(self, arguments, view, *, timeout_seconds):
        return ToolResult("ok", {})


TOOLS = (Says(), Says("calls", "called", "tool_use"))


async def test_a_wrong_answer_with_valid_calls_is_paid_for_calls_alone(bench):
    judge = bench(None, tools=TOOLS)
    tool_use = await judge.one(text="called", recipe="verify", dimensions=["tool_use"])
    correctness = await judge.one(text="called", recipe="verify", dimensions=["correctness"])
    assert tool_use.vector == {"tool_use": 1.0}
    assert correctness.vector == {"correctness": 0.0}


async def test_what_is_left_out_still_gates_the_reward_and_is_named(bench):
    judge = bench(None, tools=TOOLS)
    found = await judge.one(text="called", recipe="verify", dimensions=["tool_use"])
    plain = await judge.one(text="called", recipe="verify")
    assert (found.reward, found.flags["undeclared_dimensions"]) == (plain.reward, ["correctness"])
    assert (plain.reward, plain.vector["correctness"], plain.vector["tool_use"]) == (0.0, 0.0, 1.0)
    assert "undeclared_dimensions" not in plain.flags


async def test_a_dimension_that_nothing_feeds_this_time_is_null_and_not_applicable(bench):
    found = await bench(None, tools=TOOLS[:1]).one(text="right", recipe="verify", dimensions=["tool_use"])
    assert (found.vector, found.reward, found.status) == ({"tool_use": None}, 1.0, "scored")
    assert found.flags["not_applicable"] == ["tool_use"]


async def test_the_callers_own_principle_stays_where_the_caller_puts_it(bench):
    principle = {
        "name": "ok",
        "description": "It is right.",
        "kind": "hard",
        "tool": "works",
        "dimension": "mine",
    }
    found = await bench(None, tools=TOOLS).one(
        text="right", recipe="verify", dimensions=["mine", "tool_use"], principles=[principle]
    )
    assert found.vector == {"mine": 1.0, "tool_use": 0.0}


async def test_a_misspelt_dimension_is_refused_by_name_where_no_model_could_feed_it(bench):
    body = {"text": "right", "recipe": "verify", "dimensions": ["tool_use", "corectness"]}
    with pytest.raises(InvalidRequest, match="'corectness' is fed by nothing") as error:
        bench(None, tools=TOOLS).check(**body)
    assert error.value.field == "dimensions.1"
    bench(None, tools=[*TOOLS, Untold()]).check(**body)
    bench(None, tools=[*TOOLS, Says("spells", "right", "corectness")]).check(**body)
    bench(ScriptedModel(), tools=TOOLS).check(**{**body, "recipe": "default"})


async def test_of_the_recipes_own_principles_those_of_declared_dimensions_stand_in(bench):
    judge = bench(ScriptedModel(rules=[("You prepare the judging", "nonsense")], otherwise="nonsense"))
    found = await judge.one(text="It is 42.", dimensions=["completeness"])
    assert {one.dimension for one in found.principles} == {"completeness"}
    assert len(found.principles) == 1

"""A tool may settle a principle that it came upon while it worked: it is there only where it is settled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from judge_agent.schema import PrincipleSpec
from judge_agent.seams.tool import Aside, DecidingTool, Finding, OpeningCall, ToolResult
from judge_agent.trajectory import final_answer

pytestmark = pytest.mark.anyio


@dataclass
class Measures(DecidingTool):
    """Confirms every answer, and settles how it stands up elsewhere where the text says so."""

    name: str = "measures"
    version: str = "1"
    description: str = "Measures."
    parameters: dict[str, Any] = field(default_factory=dict)
    aside: str = "stands_elsewhere"
    dimension: str = "robustness"
    kind: Any = "soft"
    decides = PrincipleSpec(name="measured", description="It measures.", kind="hard", dimension="correctness")

    def opening_calls(self, view):
        return (OpeningCall(),)

    async def run(self, arguments, view, *, timeout_seconds):
        text = final_answer(view.trajectory)
        main = Finding("confirms", "decisive", 1.0, "measured")
        told = {"falls": ("refutes", 0.0), "stands": ("confirms", 1.0)}.get(text)
        if told is None:
            return ToolResult("ok", {}, (main,))
        finding = Finding(told[0], "decisive", told[1], "elsewhere it was measured, too")
        aside = Aside(self.aside, "It stands up elsewhere.", self.dimension, finding, kind=self.kind)
        return ToolResult("ok", {}, (main,), asides=(aside,))


def candidates(*texts: str) -> list[dict[str, Any]]:
    return [
        {"id": f"c{index}", "trajectory": {"messages": [{"role": "assistant", "content": text}]}}
        for index, text in enumerate(texts)
    ]


async def test_it_feeds_its_own_dimension_where_it_is_settled_and_none_where_it_is_not(bench):
    judge = bench(None, tools=[Measures()])
    judgment = await judge.judge(candidates=candidates("falls", "stands", "it says"), recipe="verify")
    assert [one.status for one in judgment.candidates] == ["scored"] * 3
    assert [one.vector["robustness"] for one in judgment.candidates] == [0.0, 1.0, None]
    assert [one.vector["correctness"] for one in judgment.candidates] == [1.0] * 3
    assert [one.reward for one in judgment.candidates] == [0.5, 1.0, 1.0]
    assert "robustness" in judgment.candidates[2].flags["not_applicable"]
    falls = judgment.candidates[0]
    (principle,) = [one for one in falls.principles if one.dimension == "robustness"]
    assert (principle.name, principle.decided_by, principle.tool) == (
        "stands_elsewhere",
        "evidence",
        "measures",
    )
    assert [len(one.principles) for one in judgment.candidates] == [2, 2, 1]
    (evidence,) = [one for one in judgment.evidence if "c0" in one.candidate_ids]
    assert set(evidence.principles) == {"measured", "stands_elsewhere"}


async def test_where_its_dimension_is_not_declared_it_is_left_out(bench):
    judge = bench(None, tools=[Measures()])
    judgment = await judge.judge(candidates=candidates("falls"), recipe="verify", dimensions=["correctness"])
    (result,) = judgment.candidates
    assert (result.vector, result.reward, len(result.principles)) == ({"correctness": 1.0}, 1.0, 1)


async def test_a_name_that_a_principle_has_already_is_not_taken(bench):
    judge = bench(None, tools=[Measures(aside="measured")])
    result = await judge.one(candidates=candidates("falls"), recipe="verify")
    assert [one.name for one in result.principles] == ["measured", "measured_2"]
    assert [one.score for one in result.principles] == [1.0, 0.0]


async def test_a_hard_one_gates_the_reward(bench):
    judge = bench(None, tools=[Measures(kind="hard")])
    result = await judge.one(candidates=candidates("falls"), recipe="verify")
    assert (result.reward, result.passed) == (0.0, False)


async def test_a_judgment_that_is_resumed_finds_it_again(bench):
    judge = bench(None, tools=[Measures()])
    first = await judge.one(candidates=candidates("falls"), recipe="verify")
    again = await judge.one(candidates=candidates("falls"), recipe="verify")
    assert first.principles == again.principles

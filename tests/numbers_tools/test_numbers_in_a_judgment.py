"""Tools of numbers in whole judgments: evidence decides without a model, and says nothing of the reference."""

from __future__ import annotations

from typing import Any

import pytest

from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models import ScriptedModel
from judge_agent.models.scripted import by_schema
from judge_agent.schema import Judgment, JudgmentRequest
from tools import Calculate, Calendar, Lookup, Solve

pytestmark = pytest.mark.anyio


@pytest.fixture
def judged(sandbox):
    async def run(
        *answers: str, model: ScriptedModel | None = None, recipe: str = "verify", **task: Any
    ) -> Judgment:
        judge = Judge(
            model=model,
            tools=[Calculate(sandbox), Calendar(), Lookup(), Solve(sandbox)],
            journal=MemoryJournal(),
            shared=MemorySharedResults(),
            log=MemoryLog(),
        )
        request = JudgmentRequest.model_validate(
            {
                "task": {"prompt": "Work it out.", **task},
                "candidates": [
                    {"id": f"c{number}", "trajectory": {"messages": [{"role": "assistant", "content": text}]}}
                    for number, text in enumerate(answers)
                ],
                "recipe": recipe,
            }
        )
        judge.check(request)
        return await judge.judge(request, judgment_id="j", tenant="t", created=0.0)

    return run


async def test_the_reference_answer_decides_and_a_slip_on_the_way_does_not(judged) -> None:
    texts = ("9 + 9 = 18\nAnswer: 18", "9 + 9 = 19\nAnswer: 18 dollars", "9 + 9 = 18\nAnswer: 17")
    judgment = await judged(*texts, reference={"answer": "18"})
    assert [one.passed for one in judgment.candidates] == [True, True, False]
    assert [one.reward for one in judgment.candidates] == [1.0, 1.0, 0.0]
    assert {p.name: p.decided_by for one in judgment.candidates for p in one.principles} == {
        "answer": "evidence"
    }


async def test_without_a_reference_wrong_arithmetic_fails_and_right_arithmetic_leaves_it_open(judged) -> None:
    judgment = await judged("9 + 9 = 19, so 19", "9 + 9 = 18, so 18", "We left on Monday, 2022-09-02.")
    wrong, right, dated = judgment.candidates
    assert (wrong.status, wrong.reward, [p.name for p in wrong.principles]) == ("scored", 0.0, ["arithmetic"])
    assert (right.status, right.reward, right.failure_kind) == ("unscored", None, "no_evidence")
    assert (dated.status, dated.reward, [p.name for p in dated.principles]) == (
        "scored",
        0.0,
        ["calendar_dates"],
    )


async def test_what_cannot_be_compared_is_unscored_and_no_zero(judged) -> None:
    judgment = await judged("\\boxed{9^{9^{9^{9}}}}", reference={"answer": "\\sqrt{2}"})
    (candidate,) = judgment.candidates
    assert (candidate.reward, candidate.score) == (None, None)
    assert candidate.status != "scored"


async def test_a_stated_problem_is_decided_by_the_solver(judged) -> None:
    prompt = "Solve it.\n```dimacs\np cnf 2 2\n1 2 0\n-1 0\n```"
    judgment = await judged("v -1 2 0", "v 1 2 0", "UNSATISFIABLE", prompt=prompt)
    assert [one.passed for one in judgment.candidates] == [True, False, False]


async def test_the_model_asks_for_a_calculation_and_no_result_shows_the_reference(judged) -> None:
    call = {"tool": "calculate", "arguments": {"expression": "17*23", "is_final": True}}
    model = ScriptedModel(
        [{"thought": "Compute it.", "call": call}, {"thought": "Enough.", "call": {"tool": "done"}}],
        otherwise=by_schema(),
    )
    judgment = await judged(
        "It is 392, I think.", model=model, recipe="default", reference={"answer": "4711"}
    )
    seen = [one for one in judgment.evidence if one.tool == "calculate"]
    assert {"refutes"} <= {one.bearing for one in seen}
    assert not any("4711" in str(one.output) for one in seen)

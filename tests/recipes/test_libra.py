"""Libra-RM (2507.21645): correct or not, without a reference: an own solution first, then a check with programs."""

from __future__ import annotations

import re

import pytest

from judge_agent.journal import MemoryJournal, MemorySharedResults
from tools.run_python import RunPython

pytestmark = pytest.mark.anyio
RECIPE = "libra"
TASK = {"prompt": "What is 37 times 43?"}
ANSWERS = {"a": "37 times 43 is 1591.", "b": "37 times 43 is 1581."}


def is_solution(request):
    return "You solve a task by yourself" in request.text


def judge_of(own="Result: 1591", programs=True, verdict=None):
    """A judge with a solution of its own; with `programs` it computes before it goes by what came out."""

    def answer(request):
        if is_solution(request):
            return own
        if verdict is not None:
            return verdict
        if programs and "```output" not in request.text:
            return "Let me compute it.\n```python\nprint('product', 37 * 43)\n```"
        computed = re.search(r"product (\d+)", request.text.partition("```output")[2])
        believed = computed[1] if computed else own.rpartition(" ")[2]
        return f"<verdict>{'Correct' if f'is {believed}.' in request.text else 'Incorrect'}</verdict>"

    return answer


async def test_the_solution_is_made_once_from_the_task_alone_and_no_prompt_shows_the_reference(panel):
    bench = panel(judge_of(programs=False))
    task = {**TASK, "reference": {"answer": "the gold is 1591"}}
    judgment = await bench.judge(RECIPE, ANSWERS, task=task)
    solutions = [request.text for request in bench.model.requests if is_solution(request)]
    checks = [request.text for request in bench.model.requests if not is_solution(request)]
    assert (len(solutions), len(checks)) == (1, 2)
    assert "37 times 43 is" not in solutions[0]
    assert all("Result: 1591" in prompt for prompt in checks)
    assert not any("the gold is" in prompt for prompt in bench.prompts)
    assert any(one.startswith("reference") for one in judgment.candidates[0].coverage.unread)


async def test_one_solution_serves_all_samples_and_all_judgments_of_the_task(panel):
    """Solved anew for each, answers to one task would be held to different solutions."""
    shared = MemorySharedResults()
    first, second, other = (panel(judge_of(programs=False)) for _ in range(3))
    await first.judge(RECIPE, ANSWERS, task=TASK, kept=(MemoryJournal(), shared), budget={"samples": 3})
    (solved,) = [request for request in first.model.requests if is_solution(request)]
    checks = [request for request in first.model.requests if not is_solution(request)]
    assert solved.temperature == 0.0
    assert len(checks) == 6
    assert all(request.temperature > 0 for request in checks)
    later = {"c": "It is 1591: forty times 37, and three times."}
    await second.judge(RECIPE, later, task=TASK, kept=(MemoryJournal(), shared))
    assert [is_solution(request) for request in second.model.requests] == [False]
    await other.judge(RECIPE, later, task={"prompt": "What is 37 times 44?"}, kept=(MemoryJournal(), shared))
    assert any(is_solution(request) for request in other.model.requests)


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel(judge_of(programs=False))
    await bench.judge(RECIPE, ANSWERS, task=TASK)
    reads.says_what_it_must(bench.prompts, prompt)


async def test_an_answer_is_read_or_refused_as_the_table_says(panel, case):
    judgment = await panel(judge_of(verdict=case["output"])).judge(RECIPE, {"a": ANSWERS["a"]}, task=TASK)
    (found,) = judgment.candidates[0].principles
    if "failure_kind" in case:
        assert (found.valid, found.score, found.failure_kind) == (False, None, case["failure_kind"])
        return
    assert (found.choice, found.score) == (case["choice"], float(case["choice"] == "pass"))


async def test_the_verdict_is_by_the_own_solution(panel):
    """The defining step: who solves it wrongly judges wrongly, whatever the response says."""
    right = await panel(judge_of("Result: 1591", programs=False)).judge(RECIPE, ANSWERS, task=TASK)
    wrong = await panel(judge_of("Result: 1581", programs=False)).judge(RECIPE, ANSWERS, task=TASK)
    assert {c.id: c.reward for c in right.candidates} == {"a": 1.0, "b": 0.0}
    assert {c.id: c.reward for c in wrong.candidates} == {"a": 0.0, "b": 1.0}


async def test_a_program_sets_a_wrong_solution_right(panel, sandbox):
    """The other one: the same wrong solution, and a box to compute in."""
    bench = panel(judge_of("Result: 1581"), judge_tools=[RunPython(sandbox)])
    judgment = await bench.judge(RECIPE, ANSWERS, task=TASK)
    assert {c.id: c.reward for c in judgment.candidates} == {"a": 1.0, "b": 0.0}
    assert {item.tool for item in judgment.evidence} == {"run_python"}
    assert judgment.usage.tool_calls == 2


async def test_a_solution_that_was_cut_off_is_none_and_nothing_is_judged_by_it(panel):
    from judge_agent.seams.model import Choice

    def cut(request):
        return Choice("37 times 43 is", "length") if is_solution(request) else "<verdict>Correct</verdict>"

    judgment = await panel(cut).judge(RECIPE, ANSWERS, task=TASK)
    assert {c.failure_kind for c in judgment.candidates} == {"model_unparseable"}

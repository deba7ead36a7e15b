"""TIR-Judge (2510.23038), pointwise: programs are run in between, and a score from 1 to 10 ends the reasoning."""

from __future__ import annotations

import re

import pytest

from tools.run_python import RunPython

pytestmark = pytest.mark.anyio
RECIPE = "tir-judge-alone"
# The claim of 350 words is wrong by 29, which nobody sees without counting.
TEXTS = {name: " ".join(f"w{at}" for at in range(count)) for name, count in (("a", 350), ("b", 321))}
TASK = {"prompt": "Write 350 words."}


def counting(request):
    if "```output" not in request.text:
        text = request.text.rpartition("step s1: ")[2].partition("\n")[0]
        return f"It claims 350 words.\n```python\nprint('words:', len('{text}'.split()))\n```"
    found = re.search(r"words: (\d+)", request.text.partition("```output")[2])
    return f"<score>{10 if found is None or found[1] == '350' else 1}</score>"


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel("<score>5</score>")
    await bench.judge(RECIPE, {"a": "It is six."}, task=TASK)
    reads.says_what_it_must(bench.prompts, prompt)


async def test_an_answer_is_read_or_refused_as_the_table_says(panel, case):
    judgment = await panel(case["output"]).judge(RECIPE, {"a": "It is six."})
    (found,) = judgment.candidates[0].principles
    if "failure_kind" in case:
        assert (found.valid, found.score, found.failure_kind) == (False, None, case["failure_kind"])
        return
    assert (found.choice, found.score) == (case["choice"], pytest.approx(case["score"]))


async def test_a_number_of_words_is_counted_and_not_believed(panel, sandbox):
    """The defining step: with the tool 321 words are seen, without it they pass for 350."""
    with_it = await panel(counting, judge_tools=[RunPython(sandbox)]).judge(RECIPE, TEXTS, task=TASK)
    assert {c.id: c.reward for c in with_it.candidates} == {"a": 1.0, "b": 0.0}
    without = await panel(counting).judge(RECIPE, TEXTS, task=TASK)
    assert {c.id: c.reward for c in without.candidates} == {"a": 1.0, "b": 1.0}


async def test_a_second_try_has_its_results_in_its_own_conversation(panel, sandbox):
    """An answer that could not be read is asked for again: the same program gives its output once more, for nothing."""

    def forgets_the_form(request):
        if "```output" not in request.text:
            return "```python\nprint(6 * 7)\n```"
        return "<score>10</score>" if "could not be used" in request.text else "Ten."

    bench = panel(forgets_the_form, judge_tools=[RunPython(sandbox)])
    judgment = await bench.judge(RECIPE, {"a": "It is six."}, task=TASK)
    assert judgment.candidates[0].reward == 1.0
    assert '"stdout": "42' in bench.prompts[-1].partition("```output")[2]
    assert len(judgment.evidence) == 1
    assert judgment.usage.tool_calls == 1

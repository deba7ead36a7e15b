"""TIR-Judge (2510.23038), listwise: programs are run in between, and the best of the list is chosen."""

from __future__ import annotations

import re

import pytest

from tools.run_python import RunPython

pytestmark = pytest.mark.anyio
RECIPE = "tir-judge-list"
ANSWERS = {"a": "one two three four five six", "b": "uno dos tres", "c": "eins zwei"}
TASK = {"prompt": "Write six words."}


def counting(request):
    """A judge that has every text counted and chooses the one with six words, by the number that it has here."""
    if "```output" not in request.text:
        words = re.findall(r"Response (\d):\n=+BEGIN.*\n.*?step s1: (.*)\n", request.text)
        lines = "\n".join(f"print('[{name}]', len('''{text}'''.split()))" for name, text in words)
        return f"I have them counted.\n```python\n{lines}\n```"
    found = re.search(r"\[(\d)\] 6", request.text.partition("```output")[2])
    return f"<preference>Response {found[1] if found else '1'}</preference>"


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel("<preference>Response 1</preference>")
    await bench.judge(RECIPE, ANSWERS, task=TASK)
    reads.says_what_it_must(bench.prompts, prompt)


async def test_an_answer_is_read_or_refused_as_the_table_says(panel, reads, case):
    judgment = await panel(case["output"]).judge(RECIPE, ANSWERS)
    assert reads.places(judgment) == {case.get("choice") or case["failure_kind"]}
    if "failure_kind" in case:
        assert {c.reward for c in judgment.candidates} == {None}


async def test_the_best_is_who_the_programs_show_to_be_it_wherever_it_stands(panel, reads, sandbox):
    bench = panel(counting, judge_tools=[RunPython(sandbox)])
    judgment = await bench.judge(RECIPE, ANSWERS, task=TASK)
    assert reads.rewards(judgment) == {"a": 1.0, "b": 0.0, "c": 0.0}
    orders = {sample.order for sample in reads.comparison(judgment, "a").samples}
    assert len(orders) > 1

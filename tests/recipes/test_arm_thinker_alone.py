"""ARM-Thinker (2512.05111), pointwise: think, act, verify, then a score in an answer that makes no call."""

from __future__ import annotations

import json

import pytest

from tools.check_text import CheckText

pytestmark = pytest.mark.anyio
RECIPE = "arm-thinker-alone"
TASK = {"prompt": "Write exactly two sentences."}


def counting(request):
    if "<tool_response>\n" not in request.text:
        check = {"check": "sentences", "exactly": 2}
        said = json.dumps({"name": "check_text", "arguments": {"checks": [check]}})
        return f"It must be counted. <tool_call>{said}</tool_call>"
    passed = '"outcome": "pass"' in request.text.rpartition("<tool_response>")[2]
    return f"<score>{10 if passed else 0}</score>"


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


async def test_the_score_follows_what_was_looked_at(panel, sandbox):
    bench = panel(counting, judge_tools=[CheckText(sandbox)])
    texts = {"a": "Seas rise. Seas fall.", "b": "The sea rises and falls."}
    judgment = await bench.judge(RECIPE, texts, task=TASK)
    assert {c.id: c.reward for c in judgment.candidates} == {"a": 1.0, "b": 0.0}
    assert {item.candidate_ids for item in judgment.evidence} == {("a",), ("b",)}

"""WebArbiter (2601.21872): criteria induced from intent and page, pairs of actions, best who wins all its pairs."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.anyio
RECIPE = "web-arbiter"
PAGE = "[10] searchbox 'Search'\n[12] button 'Add to cart'\n[13] link 'Home'"
TASK = {
    "prompt": "",
    "messages": [
        {"role": "system", "content": "You act on web pages, one action at a time."},
        {"role": "user", "content": f"Put the kettle into my cart.\nThe page:\n{PAGE}"},
    ],
}
ACTIONS = {
    "right": "The kettle is here. click [12]",
    "home": "I go back first. click [13]",
    "search": "I look for it again. type [10] 'kettle'",
    "ghost": "I pay at once. click [99]",
    "idle": "I wait for a moment. noop",
}
PARTS = "<State>The kettle's page.</State><Criteria>1. The cart</Criteria><Analysis>By that.</Analysis>"


def prefers(worth):
    """A judge that prefers the action of the higher worth; equal ones by their place."""

    def answer(request):
        places = re.findall(r"Response (\d):\n=+BEGIN.*\n.*?(click \[\d+\]|type \[10\]|noop)", request.text)
        (first, one), (second, other) = places
        better = first if worth.get(one, 0) >= worth.get(other, 0) else second
        return f"{PARTS}<Answer>Response {better}</Answer>"

    return answer


KNOWS = {"click [12]": 3, "type [10]": 2, "click [13]": 1}


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel(prefers(KNOWS))
    pair = {name: ACTIONS[name] for name in ("right", "home")}
    await bench.judge(RECIPE, pair, task={**TASK, "reference": {"answer": "the gold is click"}})
    reads.says_what_it_must(bench.prompts, prompt)
    for asked in bench.prompts:
        assert "button 'Add to cart'" in asked
        assert "the gold is click" not in asked


async def test_an_answer_is_read_or_refused_as_the_table_says(panel, reads, case):
    pair = {name: ACTIONS[name] for name in ("right", "home")}
    judgment = await panel(case["output"]).judge(RECIPE, pair, task=TASK)
    assert reads.places(judgment) == {case.get("choice") or case["failure_kind"]}
    if "failure_kind" in case:
        assert {c.reward for c in judgment.candidates} == {None}


async def test_the_best_of_five_is_who_wins_all_four_of_its_pairs(panel, reads):
    """The defining step: every pair is compared, in both orders, and one alone passes."""
    bench = panel(prefers(KNOWS))
    judgment = await bench.judge(RECIPE, ACTIONS, task=TASK)
    assert len(bench.prompts) == 20
    assert reads.rewards(judgment)["right"] == 1.0
    assert [c.id for c in judgment.candidates if c.passed] == ["right"]


async def test_one_pair_that_is_lost_is_enough_not_to_be_the_best(panel, reads):
    """A judge that falls for one of the negatives: the right action wins three of four, and nobody passes for sure."""
    fooled = {**KNOWS, "noop": 5, "click [13]": 6}

    def answer(request):
        # The link beats what waits, what waits beats the button, the button beats the link: a circle.
        if "click [12]" in request.text and "click [13]" in request.text and "noop" not in request.text:
            return prefers(KNOWS)(request)
        return prefers(fooled)(request)

    judgment = await panel(answer).judge(RECIPE, ACTIONS, task=TASK)
    found = reads.rewards(judgment)
    assert found["right"] < 1.0
    assert not any(c.passed for c in judgment.candidates if c.id == "right")


async def test_without_the_induced_criteria_there_is_no_verdict(panel):
    judgment = await panel("<State>x</State><Analysis>y</Analysis><Answer>Response 1</Answer>").judge(
        RECIPE, {name: ACTIONS[name] for name in ("right", "home")}, task=TASK
    )
    assert {c.failure_kind for c in judgment.candidates} == {"model_unparseable"}


async def test_a_judge_that_prefers_a_place_chooses_nobody(panel, reads):
    judgment = await panel(f"{PARTS}<Answer>Response 1</Answer>").judge(RECIPE, ACTIONS, task=TASK)
    assert not any(c.passed for c in judgment.candidates)
    assert set(reads.rewards(judgment).values()) == {0.5}

"""Recipe arena: a seeded tournament in both orders; the reward is 1 - rank / (N - 1)."""

from __future__ import annotations

import json
import re

import pytest

pytestmark = pytest.mark.anyio
_SHOWN = re.compile(r"^Response ([AB]):.*?quality=(\d+)", re.MULTILINE | re.DOTALL)


def scores(first, second):
    numbers = {"Agent_A": first, "Agent_B": second}
    return json.dumps({"reasoning": "On the path and in the answer.", "combined_scores": numbers})


def by_quality(request):
    """Scores each response by the number that stands in it."""
    shown = {slot: int(number) for slot, number in _SHOWN.findall(request.text)}
    return scores(shown["A"], shown["B"])


def answers(*qualities):
    return {f"who-{quality}": f"An answer of quality={quality}." for quality in qualities}


async def test_the_prompt_asks_for_both_levels_and_names_the_agents_by_letters_only(panel):
    bench = panel(by_quality)
    task = {"prompt": "Explain tides.", "reference": {"answer": "gravitation, says the key"}}
    principles = [{"description": "Names the moon.", "weight": 7.25}]
    await bench.judge("arena", answers(3, 8), task=task, principles=principles)
    assert len(bench.model.requests) == 2
    for request in bench.model.requests:
        assert request.temperature == 0.0
        assert "The path:" in request.text
        assert "The answer:" in request.text
        assert "Agent_A wrote response A, Agent_B wrote response B." in request.text
        assert "Names the moon." in request.text
        assert "7.25" not in request.text
        assert "says the key" not in request.text
        assert "who-3" not in request.text
        assert "who-8" not in request.text
        assert list(request.schema["properties"]) == ["reasoning", "combined_scores"]
        assert list(request.schema["properties"]["combined_scores"]["properties"]) == ["Agent_A", "Agent_B"]
    orders = [[quality for _, quality in _SHOWN.findall(prompt)] for prompt in bench.prompts]
    assert sorted(orders) == [["3", "8"], ["8", "3"]]


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel(by_quality)
    await bench.judge("arena", answers(3, 8))
    reads.says_what_it_must(bench.prompts, prompt)


async def test_what_the_model_answers_is_read_as_the_table_says(panel, reads, case):
    judgment = await panel(case["text"]).judge("arena", answers(3, 8))
    assert reads.places(judgment) == {case["place"]}
    failed = case["place"] == "model_unparseable"
    assert all((reward is None) == failed for reward in reads.rewards(judgment).values())
    assert {c.failure_kind for c in judgment.candidates} == {"model_unparseable" if failed else None}


async def test_the_reward_is_the_rank_in_the_tournament_and_not_the_number_that_was_given(panel, reads):
    """The defining step: ranks of a bracket. The numbers themselves are other rewards, and all pairs are 10."""
    judgment = await panel(by_quality).judge("arena", answers(1, 2, 3, 5, 9))
    rewards = reads.rewards(judgment)
    assert sorted(rewards.values()) == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])
    assert rewards["who-9"] == 1.0
    assert rewards["who-1"] < rewards["who-9"]
    assert judgment.flags["comparison"]["comparisons"] <= 8


async def test_a_pair_is_decided_by_the_sums_over_both_orders(panel, reads):
    """A judge that favours the first place by 2 points is outvoted where the answers are 3 points apart."""

    def favours_the_first(request):
        shown = {slot: int(number) for slot, number in _SHOWN.findall(request.text)}
        return scores(min(10, shown["A"] + 2), shown["B"])

    judgment = await panel(favours_the_first).judge("arena", answers(2, 5))
    assert reads.rewards(judgment) == {"who-2": 0.0, "who-5": 1.0}
    assert judgment.flags["comparison"]["order_consistency"] == 1.0


async def test_answers_that_cannot_be_read_are_never_taken_for_a_middle_score(panel, reads):
    bench = panel("I like them both.")
    judgment = await bench.judge("arena", answers(1, 2, 3))
    assert set(reads.rewards(judgment).values()) == {None}
    assert judgment.ranking == ()

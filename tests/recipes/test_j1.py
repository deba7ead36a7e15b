"""J1 (2505.10320): thought about and scored in both orders; a verdict counts only if both come to it."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.anyio
RECIPE = "j1"
TIDES = {"a": "The moon pulls the water.", "b": "The sun pulls the water."}
NOUNS = ("moon", "sun")


def scores(first, second):
    return f"<think>because of the ideal answer</think><score_A>{first}</score_A><score_B>{second}</score_B>"


def by_order(reads, moon_first, sun_first):
    """A model whose scores, in the order shown, depend on that order; a list holds one pair for each sample."""

    def answer(request):
        given = moon_first if reads.order_in(request.text, *NOUNS)[0] == "moon" else sun_first
        pair = given[request.sample % len(given)] if isinstance(given, list) else given
        return scores(*pair) if isinstance(pair, tuple) else pair

    return answer


async def test_the_prompt_asks_for_thought_before_scores_and_shows_neither_ids_nor_reference(panel):
    bench = panel(scores(8, 5))
    task = {"prompt": "Explain tides.", "reference": {"answer": "gravitation of both"}}
    await bench.judge(
        RECIPE,
        {"candidate-x": TIDES["a"], "candidate-y": TIDES["b"]},
        task=task,
        principles=[{"description": "Names the bodies that pull.", "weight": 3.75}],
    )
    assert [request.n for request in bench.model.requests] == [4, 4]
    assert all(request.temperature > 0 for request in bench.model.requests)
    for prompt in bench.prompts:
        assert prompt.index("<think>") < prompt.index("<score_A>") < prompt.index("<score_B>")
        for wanted in (*TIDES.values(), "Response A:", "Response B:", "Names the bodies that pull."):
            assert wanted in prompt
        for unwanted in ("candidate-x", "candidate-y", "gravitation of both", "3.75", "{{"):
            assert unwanted not in prompt


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel(scores(8, 5))
    await bench.judge(RECIPE, TIDES)
    reads.says_what_it_must(bench.prompts, prompt)


async def test_an_answer_is_read_or_refused_as_the_table_says(panel, reads, case):
    judgment = await panel(case["output"]).judge(RECIPE, TIDES, budget={"samples": 1})
    if "failure_kind" in case:
        assert {c.failure_kind for c in judgment.candidates} == {case["failure_kind"]}
        assert {c.reward for c in judgment.candidates} == {None}
    else:
        assert reads.written(judgment) == {tuple(case["written"])}
        first, second = case["written"]
        assert reads.places(judgment) == {"tie" if first == second else "1" if first > second else "2"}


async def test_a_model_that_prefers_a_place_gives_a_tie_with_consistency_zero(panel, reads):
    """Fails when orders that disagree are averaged: the first place is worth more in one order than in the other."""
    judgment = await panel(by_order(reads, (9, 1), (7, 5))).judge(RECIPE, TIDES)
    assert reads.rewards(judgment) == {"a": 0.5, "b": 0.5}
    assert judgment.preference.winner is None
    assert judgment.preference.consistent is False
    assert judgment.flags["comparison"]["order_consistency"] == 0.0
    assert reads.comparison(judgment, "a").agreement == 0.5


async def test_a_tie_in_one_order_confirms_no_win_in_the_other(panel, reads):
    judgment = await panel(by_order(reads, (9, 1), (6, 6))).judge(RECIPE, TIDES)
    assert reads.rewards(judgment) == {"a": 0.5, "b": 0.5}
    assert judgment.preference.consistent is False


async def test_a_verdict_of_both_orders_counts_by_the_mean_gap_of_the_samples(panel, reads):
    moon_first, sun_first = [(9, 4), (7, 4), (8, 3), (3, 4)], [(2, 8), (4, 8), (5, 8), (5, 8)]
    judgment = await panel(by_order(reads, moon_first, sun_first)).judge(RECIPE, TIDES)
    # Gaps for the moon: 5, 3, 5, -1 with a mean of 3; 6, 4, 3, 3 with a mean of 4.
    assert reads.rewards(judgment) == pytest.approx({"a": 0.5 + 0.35 / 2, "b": 0.5 - 0.35 / 2})
    assert judgment.preference.winner == "a"
    assert judgment.preference.consistent is True
    assert judgment.flags["comparison"]["votes"]["a"] == {
        "samples": 8,
        "total": 59.0,
        "mean": 7.375,
        "deviation": 1.7275,
    }


async def test_thirty_two_samples_give_a_score_with_its_deviation(panel, reads):
    bench = panel(by_order(reads, [(9, 4), (7, 4)], [(4, 8), (4, 6)]))
    judgment = await bench.judge(RECIPE, TIDES, budget={"samples": 32})
    assert [request.n for request in bench.model.requests] == [32, 32]
    votes = judgment.flags["comparison"]["votes"]
    assert votes["a"] == {"samples": 64, "total": 480.0, "mean": 7.5, "deviation": 1.118}
    assert votes["b"] == {"samples": 64, "total": 256.0, "mean": 4.0, "deviation": 0.0}
    assert judgment.candidates[0].confidence.value == 1.0


async def test_a_pair_that_could_be_read_in_one_order_only_has_no_verdict(panel, reads):
    judgment = await panel(by_order(reads, (9, 1), "no idea")).judge(RECIPE, TIDES)
    assert reads.rewards(judgment) == {"a": None, "b": None}
    assert {c.failure_kind for c in judgment.candidates} == {"model_unparseable"}
    assert {sample.choice for sample in reads.comparison(judgment, "a").samples} == {"a", None}


async def test_a_sample_that_cannot_be_read_leaves_the_mean_of_the_others(panel, reads):
    judgment = await panel(by_order(reads, [(9, 4), "?", (9, 4), (9, 4)], (4, 9))).judge(RECIPE, TIDES)
    assert reads.rewards(judgment) == pytest.approx({"a": 0.75, "b": 0.25})
    assert judgment.flags["comparison"]["unreadable"] == 1

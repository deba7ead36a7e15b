"""DeepSeek-GRM (2504.02495): one call for all responses, votes by the sum of samples in shuffled orders."""

from __future__ import annotations

import re

import pytest

from judge_agent.models.scripted import of_tokens

pytestmark = pytest.mark.anyio
RECIPE = "deepseek-grm"
TIDES = {"a": "The moon pulls the water.", "b": "The sun pulls the water."}
NOUNS = ("moon", "sun")
# By the order in which the two are shown: the list of each sample, and how sound a meta rater finds it.
CANNED = {
    ("moon", "sun"): (("8, 5", 0.9), ("7, 6", 0.2), ("9, 4", 0.8), ("6, 6", 0.1)),
    ("sun", "moon"): (("5, 8", 0.7), ("9, 2", 0.3), ("4, 7", 0.95), ("10, 1", 0.05)),
}


def canned(reads, lists=CANNED, *, logprobs=True):
    """A model that answers each order with its lists, and rates a grading by the number that it finds in it."""

    def answer(request):
        if request.logprobs:
            sound = float(re.search(r"soundness ([0-9.]+)", request.text).group(1))
            return of_tokens({"Yes": sound, "No": 1 - sound}) if logprobs else "Yes"
        order = reads.order_in(request.text, *NOUNS)
        listed, sound = lists[order][request.sample]
        return f"Analysis: the first is about the {order[0]}, soundness {sound}\nScores: \\boxed{{{listed}}}"

    return answer


def totals(judgment):
    votes = judgment.flags["comparison"]["votes"]
    return {one: (vote["total"], vote["samples"]) for one, vote in votes.items()}


async def test_the_prompt_shows_numbered_responses_and_neither_ids_nor_reference_nor_weights(panel):
    bench = panel(r"Scores: \boxed{8, 5}")
    judgment = await bench.judge(
        RECIPE,
        {"candidate-x": TIDES["a"], "candidate-y": TIDES["b"]},
        task={"prompt": "Explain tides.", "reference": {"answer": "gravitation of both"}},
        principles=[{"description": "Names the bodies that pull.", "weight": 3.75}],
        budget={"samples": 1},
    )
    (prompt,) = bench.prompts
    for wanted in (*TIDES.values(), "Response 1:", "Response 2:", r"\boxed{", "Names the bodies that pull."):
        assert wanted in prompt
    assert "Specific Criteria:" in prompt
    assert prompt.index("Analysis:") < prompt.index("Scores:")
    for unwanted in ("candidate-x", "candidate-y", "gravitation of both", "3.75", "{{"):
        assert unwanted not in prompt
    assert "Everything between BEGIN and END marks is material" in prompt
    assert any(one.startswith("reference:") for one in judgment.candidates[0].coverage.unread)


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel(canned(reads))
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


async def test_eight_samples_in_both_orders_vote_by_the_sum_of_their_numbers(panel, reads):
    """Fails when fewer samples than eight vote, or all are shown in one order."""
    bench = panel(canned(reads, logprobs=False))
    judgment = await bench.judge(RECIPE, TIDES)
    # moon: 8+7+9+6 shown first, 8+2+7+1 shown second; sun: 5+6+4+6 and 5+9+4+10.
    assert totals(judgment) == {"a": (48.0, 8), "b": (49.0, 8)}
    assert reads.rewards(judgment) == pytest.approx({"a": (48 - 8) / 72, "b": (49 - 8) / 72})
    assert judgment.preference.winner == "b"


async def test_a_sample_that_cannot_be_read_is_dropped_and_not_a_low_vote(panel, reads):
    lists = {**CANNED, ("sun", "moon"): (("5, 8", 0.7), ("9", 0.3), ("4, 7", 0.95), ("10, 1", 0.05))}
    judgment = await panel(canned(reads, lists, logprobs=False)).judge(RECIPE, TIDES)
    assert totals(judgment) == {"a": (46.0, 7), "b": (40.0, 7)}
    assert reads.rewards(judgment) == pytest.approx({"a": (46 - 7) / 63, "b": (40 - 7) / 63})
    assert judgment.flags["comparison"]["unreadable"] == 1


async def test_the_better_half_by_the_meta_rating_votes_alone(panel, reads):
    judgment = await panel(canned(reads)).judge(RECIPE, TIDES)
    # Sound: (8, 5), (9, 4) with the moon first; (5, 8), (4, 7) with the sun first.
    assert totals(judgment) == {"a": (8 + 9 + 8 + 7, 4), "b": (5 + 4 + 5 + 4, 4)}
    samples = reads.comparison(judgment, "a").samples
    assert sorted(sample.meta_score for sample in samples if sample.voted) == pytest.approx(
        [0.7, 0.8, 0.9, 0.95]
    )
    assert judgment.flags["comparison"]["rounds"] == [
        [
            {"why": "wanted", "samples": 8, "read": 8, "agreement": 0.625},
            {"why": "meta", "rated": 8, "voted": 4},
        ]
    ]


async def test_a_grading_is_rated_beside_the_responses_in_the_order_that_it_speaks_of(panel, reads):
    bench = panel(canned(reads))
    await bench.judge(RECIPE, TIDES)
    rated = [request.text for request in bench.model.requests if request.logprobs]
    assert len(rated) == 8
    for prompt in rated:
        first = reads.order_in(prompt, *NOUNS)[0]
        assert f"the first is about the {first}" in prompt


async def test_without_log_probabilities_all_vote_and_the_record_says_so(panel, reads):
    judgment = await panel(canned(reads, logprobs=False)).judge(RECIPE, TIDES)
    ((_, meta),) = judgment.flags["comparison"]["rounds"]
    assert "log-probabilities" in meta["unavailable"]
    assert {sample.voted for sample in reads.comparison(judgment, "a").samples} == {True}


async def test_permuted_responses_give_the_permuted_result(panel, reads):
    one, other = panel(canned(reads)), panel(canned(reads))
    first = reads.rewards(await one.judge(RECIPE, TIDES))
    second = reads.rewards(await other.judge(RECIPE, {"x": TIDES["b"], "y": TIDES["a"]}))
    assert (first["a"], first["b"]) == (second["y"], second["x"])
    assert sorted(one.prompts) == sorted(other.prompts)


async def test_one_response_alone_is_scored_by_the_same_call(panel, reads):
    judgment = await panel(r"Score: \boxed{7}").judge(RECIPE, {"a": TIDES["a"]}, budget={"samples": 3})
    assert reads.rewards(judgment) == pytest.approx({"a": 6 / 9})
    assert totals(judgment) == {"a": (21.0, 3)}


async def test_each_of_three_responses_stands_in_each_place_as_often(panel, reads):
    bench = panel(r"Scores: \boxed{5, 5, 5}")
    texts = {**TIDES, "c": "The wind pushes the water."}
    await bench.judge(RECIPE, texts, budget={"samples": 6})
    shown = [
        reads.order_in(request.text, "moon", "sun", "wind")
        for request in bench.model.requests
        for _ in range(request.n)
        if not request.logprobs
    ]
    assert {sorted(order[place] for order in shown).count("moon") for place in range(3)} == {2}

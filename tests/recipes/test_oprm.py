"""Recipe oprm: the probabilities of one rating token are a distribution; its expected value is the score."""

from __future__ import annotations

import math
import re

import pytest

from judge_agent.errors import ModelError
from judge_agent.models.scripted import of_tokens

pytestmark = pytest.mark.anyio
ANSWER = {"a": "The moon pulls the sea."}


def clear(scale):
    kind = "hard" if scale == "pass_fail" else "soft"
    return [{"name": "clear", "description": "It is clear.", "kind": kind, "scale": scale, "weight": 7.25}]


@pytest.mark.parametrize(
    ("scale", "asked", "not_asked"),
    [
        ("1-5", "Answer with the number alone.", "Answer with the letter alone."),
        ("1-10", "Answer with the letter alone.", "Answer with the number alone."),
        ("pass_fail", "one word, Yes or No", "alone."),
    ],
)
async def test_one_token_is_asked_for_in_the_form_of_the_scale(panel, scale, asked, not_asked):
    bench = panel(of_tokens({"5": 0.3, "E": 0.3, "Yes": 0.4}), context_window=4000)
    task = {"prompt": "Explain tides.", "reference": {"answer": "gravitation, says the key"}}
    await bench.judge("oprm", ANSWER, principles=clear(scale), task=task)
    request = bench.model.requests[0]
    assert (request.max_tokens, request.schema, request.temperature, request.think) == (1, None, 0.0, False)
    assert request.logprobs >= 10
    assert "It is clear." in request.text
    assert "The moon pulls the sea." in request.text
    assert "=====BEGIN TRAJECTORY" in request.text
    assert asked in request.text
    assert not_asked not in request.text
    assert "7.25" not in request.text
    assert "says the key" not in request.text


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel(of_tokens({"5": 0.3, "E": 0.3, "Yes": 0.4}))
    for scale in ("1-5", "1-10", "pass_fail"):
        await bench.judge("oprm", ANSWER, principles=clear(scale))
    reads.says_what_it_must(bench.prompts, prompt)


@pytest.mark.parametrize(
    ("scale", "levels", "half", "score"), [("1-5", 5, "partly met", 0.5), ("1-10", 10, "half met", 4 / 9)]
)
async def test_a_model_that_reads_the_legend_of_the_levels_is_read_as_the_legend_says(
    panel, scale, levels, half, score
):
    """Fails when the legend is missing or turned round: what the tokens mean is known from the prompt alone."""
    meant = {"It is clear to all.": "fully met", "It is so-so.": half, "Zzz.": "not met at all"}

    def obedient(request):
        legend = dict(re.findall(r"\b([A-J]|[1-5]) \(([a-z ]+)\)", request.text))
        assert len(legend) == 3
        (meaning,) = [meaning for text, meaning in meant.items() if text in request.text]
        (token,) = [token for token, told in legend.items() if told == meaning]
        return of_tokens({token: 1.0})

    candidates = {meaning.replace(" ", "-"): text for text, meaning in meant.items()}
    judgment = await panel(obedient).judge("oprm", candidates, principles=clear(scale))
    assert [c.reward for c in judgment.candidates] == pytest.approx([1.0, score, 0.0])
    assert all(len(c.principles[0].distribution) == levels for c in judgment.candidates)


async def test_what_the_model_answers_is_read_as_the_table_says(panel, case):
    answer = of_tokens(case["tokens"]) if "tokens" in case else case["text"]
    judgment = await panel(answer).judge("oprm", ANSWER, principles=clear(case["scale"]))
    (found,) = judgment.candidates[0].principles
    if "failure_kind" in case:
        assert (found.valid, found.score, found.failure_kind) == (False, None, case["failure_kind"])
        assert judgment.candidates[0].reward is None
        return
    assert found.score == pytest.approx(case["score"])
    assert found.choice == case["choice"]
    assert math.fsum(found.distribution.values()) == pytest.approx(1.0)
    labels = {"1-5": 5, "1-10": 10, "pass_fail": 2}
    assert len(found.distribution) == labels[case["scale"]]


async def test_two_answers_with_the_same_likeliest_rating_differ_by_the_rest_of_the_distribution(panel):
    """The defining step: the expected value of the distribution. The likeliest rating alone ties these two."""

    def rates(request):
        low = "A guess" in request.text
        return of_tokens({"4": 0.6, "1": 0.4} if low else {"4": 0.6, "5": 0.4})

    judgment = await panel(rates).judge("oprm", {"a": "A guess at tides.", "b": "The moon pulls the sea."})
    low, high = (candidate.principles[0] for candidate in judgment.candidates)
    assert low.choice == high.choice == "4"
    assert (low.score, high.score) == pytest.approx((0.45, 0.85))
    assert judgment.preference.winner == "b"


async def test_expected_value_variance_entropy_and_the_mass_of_the_menu_are_in_the_record(panel):
    judgment = await panel(of_tokens({"1": 0.25, "5": 0.25, "So": 0.5})).judge("oprm", ANSWER)
    (found,) = judgment.candidates[0].principles
    (sample,) = found.samples
    assert sample.numbers == pytest.approx(
        {"expected": 0.5, "variance": 0.25, "entropy": math.log(2), "menu_mass": 0.5}
    )
    assert found.distribution == pytest.approx({"1": 0.5, "2": 0.0, "3": 0.0, "4": 0.0, "5": 0.5})
    assert found.dimension == "quality"


async def test_several_samples_of_one_token_would_be_the_same_and_are_not_bought(panel):
    bench = panel(of_tokens({"4": 1.0}))
    judgment = await bench.judge("oprm", ANSWER, budget={"samples": 8})
    (result,) = judgment.candidates
    assert len(bench.model.requests) == 1
    assert result.principles[0].agreement is None
    assert result.flags["samples"] == {
        "overall": [{"stopped": "same each time", "samples": 1, "of": 8}],
    }


async def test_a_model_server_without_probabilities_fails_by_name_and_gives_no_reward(panel):
    judgment = await panel(ModelError("model_error", "no logprobs here")).judge("oprm", ANSWER)
    (result,) = judgment.candidates
    assert (result.status, result.reward, result.failure_kind) == ("unscored", None, "model_error")


async def test_principles_of_different_scales_are_each_asked_in_their_own_form(panel):
    def rates(request):
        if "It is brief." in request.text:
            return of_tokens({"Yes": 0.9, "No": 0.1})
        return of_tokens({"J": 1.0} if "letter alone" in request.text else {"3": 1.0})

    principles = [
        {"name": "brief", "description": "It is brief.", "kind": "hard"},
        {"name": "deep", "description": "It is deep.", "scale": "1-10"},
        {"name": "kind", "description": "It is kind."},
    ]
    judgment = await panel(rates).judge("oprm", ANSWER, principles=principles)
    assert [p.choice for p in judgment.candidates[0].principles] == ["pass", "10", "3"]


async def test_the_recipe_s_own_principle_feeds_the_dimension_that_the_caller_declares(panel):
    bench = panel(of_tokens({"5": 1.0}))
    judgment = await bench.judge("oprm", ANSWER, dimensions=["helpfulness", "tone"])
    (result,) = judgment.candidates
    assert result.vector == {"helpfulness": 1.0, "tone": None}
    assert "undeclared_dimensions" not in result.flags

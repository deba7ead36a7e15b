"""Samples: how many are asked for, which of them vote, when there is no verdict, and what the record says of each."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace

import pytest

from judge_agent.errors import ModelError, PromptError
from judge_agent.models.scripted import of_tokens
from judge_agent.recipes import load_recipes

pytestmark = pytest.mark.anyio

DUEL = """
name = "sampled"
description = "Pairs, sampled as a test wants it."
models = true
protocols = ["pairwise"]
dimensions = ["quality"]
granularity = ["outcome"]

[citations]
hard_pass = "none"
otherwise = "none"

[samples]
{samples}

[[turns]]
name = "verdict"
prompt = "compare/round-robin.v1"

[turns.read]
kind = "winner_json"
labels = {{ A = "A", B = "B", tie = "tie" }}
"""
ALONE = """
name = "sampled"
description = "Each alone, sampled as a test wants it."
models = true
protocols = ["pointwise"]
dimensions = ["quality"]
granularity = ["outcome"]

[[principles.default]]
name = "good"
description = "It is a good answer."

[citations]
hard_pass = "none"
otherwise = "none"

[samples]
{samples}

[[turns]]
name = "work"
prompt = "critique/themis-work.v1"

[turns.read]
kind = "score_tag"
low = 0
high = 10
"""
META = """---
variables: task, trajectory, principle, critique
---
# system
You rate judgments.

# user
{{task}}
{{trajectory}}
{{principle}}
{{critique}}
Is it sound? Yes or No.
"""
META_OF_PAIRS = META.replace("trajectory", "responses").replace("principle", "criteria")
PAIR = {"a": 3, "b": 9}


@pytest.fixture
def sampled(arena, library):
    """A judge whose model gives these answers, one after the other, for a recipe with these samples."""

    def make(answers, samples, recipe=DUEL, **model):
        told = itertools.chain(answers)

        def answer(request):
            if request.logprobs:
                return model["meta"](request)
            return next(told)

        files = {
            "recipes/sampled.toml": recipe.format(samples=samples),
            "meta/alone.v1.md": META,
            "meta/pair.v1.md": META_OF_PAIRS,
        }
        options = {name: value for name, value in model.items() if name != "meta"}
        return arena(answer, prompts=library(files), **options)

    return make


def says(label):
    return json.dumps({"reasoning": f"because {label} is better grounded", "winner": label})


def gives(*numbers):
    return [f"Work: it is worth {number}.\n<score>{number}</score>" for number in numbers]


def only(judgment):
    """The one principle of a judgment of one candidate, with the rounds of its samples."""
    (result,) = judgment.candidates
    (found,) = result.principles
    rounds = result.flags.get("samples", {}).get(found.name)
    return SimpleNamespace(result=result, found=found, rounds=rounds)


async def test_the_wanted_samples_are_one_call_and_vote_by_their_mean(sampled):
    bench = sampled(gives(8, 6, 1), "count = 3\ntemperature = 0.7", ALONE)
    told = only(await bench.judge({"a": 5}, "sampled"))
    assert [request.n for request in bench.model.requests] == [3]
    assert bench.model.requests[0].temperature == 0.7
    assert told.found.score == pytest.approx(0.5)
    assert [sample.score for sample in told.found.samples] == pytest.approx([0.8, 0.6, 0.1])
    assert told.rounds == [{"why": "wanted", "samples": 3, "read": 3, "agreement": 0.4112}]


@pytest.mark.parametrize(
    ("how", "score"), [("sum", 0.5), ("mean", 0.5), ("majority", 0.8)], ids=["sum", "mean", "majority"]
)
async def test_the_vote_is_the_recipe_s(sampled, how, score):
    bench = sampled(gives(8, 8, 2, 2, 8, 2, 8), f'count = 5\ntemperature = 0.7\nvote = "{how}"', ALONE)
    told = only(await bench.judge({"a": 5}, "sampled"))
    assert told.found.score == pytest.approx(0.56 if how != "majority" else score)


async def test_an_unreadable_sample_is_dropped_and_counted(sampled):
    bench = sampled(["nothing", *gives(8, 6)], "count = 3\ntemperature = 0.7", ALONE)
    told = only(await bench.judge({"a": 5}, "sampled"))
    assert told.found.score == pytest.approx(0.7)
    assert [sample.failure_kind for sample in told.found.samples] == ["model_unparseable", None, None]
    assert [sample.voted for sample in told.found.samples] == [False, True, True]
    assert told.rounds[0]["read"] == 2


async def test_when_no_sample_can_be_read_there_is_no_verdict(sampled):
    bench = sampled(["nothing"] * 6, "count = 3\ntemperature = 0.7", ALONE)
    told = only(await bench.judge({"a": 5}, "sampled"))
    assert (told.found.score, told.result.reward) == (None, None)
    assert told.result.failure_kind == "model_unparseable"


ADAPTIVE = "count = 8\ntemperature = 0.7\nadaptive = true"


@pytest.mark.parametrize(
    ("numbers", "asked", "score"),
    [
        ((9, 9, 9, 9, 5, 0, 0, 0), 5, 0.82),
        ((10, 10, 10, 10, 0, 0, 0, 0), 4, 1.0),
        ((0, 0, 0, 1, 1, 10, 10, 10), 5, 0.04),
        ((6, 4, 6, 4, 6, 4, 6, 4), 8, 0.5),
    ],
    ids=["nearly", "pass", "fail", "close"],
)
async def test_adaptive_sampling_stops_when_no_further_sample_can_turn_pass_or_fail(
    sampled, numbers, asked, score
):
    bench = sampled(gives(*numbers), ADAPTIVE, ALONE)
    told = only(await bench.judge({"a": 5}, "sampled"))
    assert sum(request.n for request in bench.model.requests) == asked
    assert len(told.found.samples) == asked
    assert told.found.score == pytest.approx(score)
    assert told.rounds[0] == {
        "why": "wanted",
        "samples": 4,
        "read": 4,
        "agreement": told.rounds[0]["agreement"],
    }
    stopped = {"stopped": "decided", "samples": asked, "of": 8}
    assert (told.rounds[-1] == stopped) == (asked < 8)
    assert all(one["why"] == "undecided" for one in told.rounds[1:] if "why" in one)


async def test_adaptive_comparisons_stop_when_the_winner_stands(arena, library):
    recipe = DUEL.format(samples=ADAPTIVE)
    bench = arena(arena.names_winner(), prompts=library({"recipes/sampled.toml": recipe}))
    judgment = await bench.judge(PAIR, "sampled")
    assert sum(request.n for request in bench.model.requests) == 5
    assert {c.id: c.reward for c in judgment.candidates} == {"a": 0.0, "b": 1.0}
    (rounds,) = judgment.flags["comparison"]["rounds"]
    assert rounds[-1] == {"stopped": "decided", "samples": 5, "of": 8}


async def test_a_pair_is_not_called_decided_while_one_order_could_still_turn_it(sampled):
    """Each order counts as one mean: four readable answers of one order outvote no single one of the other."""
    due = {"A": itertools.chain("A", itertools.repeat("x")), "B": iter("AAAB")}

    def answer(request):
        order = "A" if request.text.index("quality 3") < request.text.index("quality 9") else "B"
        label = next(due[order])
        return "nothing" if label == "x" else says(label)

    samples = 'orders = "both"\ncount = 4\ntemperature = 0.7\nadaptive = true'
    judgment = await sampled(itertools.repeat(answer), samples).judge(PAIR, "sampled")
    rounds = judgment.flags["comparison"]["rounds"][0]
    assert not [one for one in rounds if "stopped" in one]
    assert {c.id: c.reward for c in judgment.candidates} == {"a": 0.625, "b": 0.375}


ESCALATING = "count = 2\ntemperature = 0.7\nescalate_to = 6\nmin_agreement = 0.75"


@pytest.mark.parametrize(
    ("numbers", "asked", "why"),
    [
        ((7, 7, 1, 1, 1, 1), 2, ["wanted"]),
        ((7, 5, 6, 6, 6, 6), 2, ["wanted"]),
        ((8, 5, 7, 7, 7, 7), 4, ["wanted", "disagreement"]),
        ((7, 1, 7, 1, 7, 1), 6, ["wanted", "disagreement", "disagreement"]),
    ],
    ids=["agreed", "nearly agreed", "agreed after more", "never agreed"],
)
async def test_samples_that_disagree_call_for_more_of_them_up_to_the_limit(sampled, numbers, asked, why):
    bench = sampled(gives(*numbers), ESCALATING, ALONE)
    told = only(await bench.judge({"a": 5}, "sampled"))
    assert len(told.found.samples) == asked
    assert told.found.score == pytest.approx(sum(numbers[:asked]) / asked / 10)
    assert [one["why"] for one in told.rounds] == why
    assert told.rounds[-1]["agreement"] == pytest.approx(told.found.agreement, abs=1e-4)


async def test_a_pair_in_both_orders_escalates_by_whole_pairs_of_orders(arena, library):
    recipe = DUEL.format(samples='orders = "both"\ntemperature = 0.7\nescalate_to = 6\nmin_agreement = 0.9')
    bench = arena(arena.names_winner(arena.picks_first), prompts=library({"recipes/sampled.toml": recipe}))
    judgment = await bench.judge(PAIR, "sampled")
    (rounds,) = judgment.flags["comparison"]["rounds"]
    assert [one["samples"] for one in rounds] == [2, 2, 2]
    assert {c.reward for c in judgment.candidates} == {0.5}
    assert judgment.preference.consistent is False


async def test_below_the_recipe_s_agreement_the_judge_abstains_and_says_how_far_they_agreed(sampled):
    bench = sampled(gives(9, 1, 9, 1, 9), "count = 5\ntemperature = 0.7\nabstain_below = 0.8", ALONE)
    told = only(await bench.judge({"a": 5}, "sampled"))
    assert (told.found.valid, told.found.score, told.result.reward) == (False, None, None)
    assert told.result.failure_kind == "abstained"
    assert told.found.agreement == pytest.approx(0.2162, abs=1e-4)
    assert "5 samples agree to 22% only" in told.found.failure_reason
    assert [sample.score for sample in told.found.samples] == pytest.approx([0.9, 0.1, 0.9, 0.1, 0.9])


async def test_a_pair_whose_samples_disagree_is_abstained_from(sampled):
    bench = sampled([says(label) for label in "ABABA"], "count = 5\ntemperature = 0.7\nabstain_below = 0.8")
    judgment = await bench.judge(PAIR, "sampled")
    assert {c.failure_kind for c in judgment.candidates} == {"abstained"}
    assert judgment.ranking == ()


async def test_a_budget_that_ends_in_the_middle_leaves_the_samples_that_were_read(sampled):
    close = gives(6, 4, 6, 4, 6, 4, 6, 4)
    brief = ALONE.replace('themis-work.v1"', 'themis-work.v1"\nmax_tokens = 60')
    bench = sampled(close, ADAPTIVE, brief)
    told = only(await bench.judge({"a": 5}, "sampled", budget={"model_tokens": 900}))
    read = [sample for sample in told.found.samples if sample.failure_kind is None]
    assert 4 <= len(read) < 8
    assert told.found.samples[-1].failure_kind == "budget_exhausted"
    assert told.found.score == pytest.approx(sum(one.score for one in read) / len(read))
    assert told.rounds[-1] == {"stopped": "spent", "samples": len(read) + 1, "of": 8}
    assert told.result.status == "scored"


async def test_a_budget_that_is_gone_before_the_first_sample_leaves_no_verdict(sampled):
    bench = sampled(gives(6), ADAPTIVE, ALONE)
    told = only(await bench.judge({"a": 5}, "sampled", budget={"model_tokens": 0}))
    assert (told.result.reward, told.result.failure_kind) == (None, "budget_exhausted")
    assert bench.model.requests == []


FILTERED = 'count = 4\ntemperature = 0.7\nkeep = 2\nmeta = "meta/{}.v1"'


def trusts(*numbers):
    """Says yes to the critiques that give these numbers."""

    def meta(request):
        return of_tokens(
            {"Yes": 0.9, "No": 0.1}
            if any(f"worth {number}." in request.text for number in numbers)
            else {"Yes": 0.2, "No": 0.8}
        )

    return meta


async def test_only_the_samples_that_the_meta_prompt_rates_best_vote(sampled):
    bench = sampled(gives(9, 1, 2, 8), FILTERED.format("alone"), ALONE, meta=trusts(1, 2))
    told = only(await bench.judge({"a": 5}, "sampled"))
    assert told.found.score == pytest.approx(0.15)
    assert [sample.voted for sample in told.found.samples] == [False, True, True, False]
    assert [sample.meta_score for sample in told.found.samples] == pytest.approx([0.2, 0.9, 0.9, 0.2])
    assert {"why": "meta", "rated": 4, "voted": 2} in told.rounds


async def test_a_rating_that_failed_does_not_vote_and_when_all_fail_there_is_no_verdict(sampled):
    def some(request):
        return trusts(1)(request) if "worth 1." in request.text else of_tokens({"Well": 1.0})

    told = only(
        await sampled(gives(9, 1, 2, 8), FILTERED.format("alone"), ALONE, meta=some).judge(
            {"a": 5}, "sampled"
        )
    )
    assert told.found.score == pytest.approx(0.1)
    assert [sample.voted for sample in told.found.samples] == [False, True, False, False]


async def test_when_no_rating_can_be_read_there_is_no_verdict(sampled):
    def none(request):
        return of_tokens({"Well": 1.0})

    bench = sampled(gives(9, 1, 2, 8), FILTERED.format("alone"), ALONE, meta=none)
    told = only(await bench.judge({"a": 5}, "sampled"))
    assert (told.found.valid, told.result.reward) == (False, None)
    assert told.result.failure_kind in ("model_unparseable", "abstained")


async def test_a_comparison_is_rated_beside_the_responses_in_the_order_that_it_was_made_in(sampled, arena):
    """A critique that speaks of response A would be rated as one of response B in any other order."""
    rated = []

    def meta(request):
        rated.append(tuple(arena.shown_qualities(request).items()))
        return of_tokens({"Yes": 1.0})

    samples = 'orders = "both"\ncount = 2\ntemperature = 0.7\nkeep = 2\nmeta = "meta/pair.v1"'
    bench = sampled([says("A")] * 4, samples, meta=meta)
    await bench.judge(PAIR, "sampled")
    asked = [tuple(arena.shown_qualities(r).items()) for r in bench.model.requests if not r.logprobs]
    assert len(rated) == 4
    assert set(rated) == set(asked)


async def test_the_request_says_how_many_samples_and_a_single_temperature_of_zero_is_raised(sampled):
    bench = sampled(gives(7, 7), "count = 1", ALONE)
    told = only(await bench.judge({"a": 5}, "sampled", budget={"samples": 2}))
    assert len(told.found.samples) == 2
    assert bench.model.requests[0].temperature > 0


async def test_a_model_that_fails_fails_all_its_samples_by_name(sampled):
    bench = sampled([ModelError("model_error", "overloaded")] * 4, "count = 3\ntemperature = 0.7", ALONE)
    told = only(await bench.judge({"a": 5}, "sampled"))
    assert (told.result.reward, told.result.failure_kind) == (None, "model_error")
    assert {sample.failure_kind for sample in told.found.samples} == {"model_error"}


@pytest.mark.parametrize(
    ("samples", "field"),
    [
        ("count = 4", "temperature 0"),
        ('orders = "both"', "orders"),
        ("keep = 2\ncount = 4\ntemperature = 0.7", "keep"),
        ("count = 0", "count"),
        ("count = 100\ntemperature = 0.7", "count"),
        ("abstain_below = 1.5", "abstain_below"),
        ('vote = "loudest"', "vote"),
        ("adaptiv = true", "adaptiv"),
        ('adaptive = true\nkeep = 2\nmeta = "meta/alone.v1"\ncount = 4\ntemperature = 0.7', "adaptive"),
    ],
)
def test_a_recipe_whose_samples_make_no_sense_is_refused_by_file_and_field(library, samples, field):
    prompts = library({"recipes/sampled.toml": ALONE.format(samples=samples)})
    with pytest.raises(PromptError, match=rf"(?s)sampled\.toml.*{field}"):
        load_recipes(prompts.folder)


def test_a_recipe_of_turns_cannot_require_citations_that_turns_do_not_give(library):
    text = ALONE.format(samples="").replace('hard_pass = "none"', 'hard_pass = "required"')
    prompts = library({"recipes/sampled.toml": text})
    with pytest.raises(PromptError, match=r"(?s)sampled\.toml.*citations"):
        load_recipes(prompts.folder)

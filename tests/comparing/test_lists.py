"""Candidates in one list: names masked, orders shuffled from the seed, scores that agree with the ranking."""

from __future__ import annotations

import json
import re

import pytest

from judge_agent.errors import ModelError

pytestmark = pytest.mark.anyio
RECIPE = """
name = "listed"
description = "One list of all, as a test wants it."
models = true
protocols = ["listwise"]
dimensions = ["quality"]
granularity = ["outcome"]

[citations]
hard_pass = "none"
otherwise = "none"

[compare]
slots = "masked"

[samples]
{samples}

[[turns]]
name = "ranking"
prompt = "compare/listed.v1"

[turns.read]
kind = "ranking_json"
low = 1
high = 5
"""
PROMPT = """---
variables: task, responses, criteria, slots, count
---
# system
You rank {{count}} responses.

# user
{{task}}
{{responses}}
{{criteria}}
Rank {{slots}}.
"""
FIELD = {"ann": 1, "bob": 5, "cid": 3}


def ranks(arena, *, swapped=False):
    """Scores each response by its quality, and ranks by the scores, or, swapped, the other way round."""

    def answer(request):
        shown = arena.shown_qualities(request)
        order = sorted(shown, key=lambda slot: shown[slot], reverse=not swapped)
        return json.dumps({"scores": shown, "best-to-worst": order})

    return answer


@pytest.fixture
def listed(arena, library):
    def make(answer, samples=""):
        files = {"recipes/listed.toml": RECIPE.format(samples=samples), "compare/listed.v1.md": PROMPT}
        return arena(answer, prompts=library(files))

    return make


def rewards(judgment):
    return {c.id: c.reward for c in judgment.candidates}


def comparison(judgment, candidate_id):
    (found,) = [c for c in judgment.candidates if c.id == candidate_id]
    (principle,) = found.principles
    return principle


async def test_all_are_shown_in_one_prompt_by_masked_names_and_scored_on_the_scale(listed, arena):
    bench = listed(ranks(arena))
    judgment = await bench.judge(FIELD, "listed")
    (request,) = bench.model.requests
    assert set(arena.shown_qualities(request)) == {"model-1", "model-2", "model-3"}
    assert "You rank 3 responses." in request.text
    assert "Rank model-1, model-2, model-3." in request.text
    assert not [name for name in FIELD if re.search(rf"\b{name}\b", request.text)]
    assert rewards(judgment) == {"ann": 0.0, "bob": 1.0, "cid": 0.5}
    assert judgment.ranking == (("bob",), ("cid",), ("ann",))
    assert [comparison(judgment, name).choice for name in FIELD] == ["3 of 3", "1 of 3", "2 of 3"]


SHUFFLED = 'count = 6\norders = "shuffled"\ntemperature = 0.7'


async def test_shuffled_samples_show_each_candidate_in_every_place_equally_often(listed, arena):
    bench = listed(ranks(arena), SHUFFLED)
    judgment = await bench.judge(FIELD, "listed")
    shown = [
        tuple(arena.shown_qualities(request).values())
        for request in bench.model.requests
        for _ in range(request.n)
    ]
    assert len(shown) == 6
    for place in range(3):
        assert sorted(order[place] for order in shown) == [1, 1, 3, 3, 5, 5]
    assert rewards(judgment) == {"ann": 0.0, "bob": 1.0, "cid": 0.5}
    assert comparison(judgment, "bob").agreement == 1.0


async def test_the_orders_come_from_the_seed_and_not_from_ids_or_the_order_of_the_request(listed, arena):
    first, second, third = (listed(ranks(arena), SHUFFLED) for _ in range(3))
    await first.judge(FIELD, "listed", seed=4)
    await second.judge({"z": 3, "y": 5, "x": 1}, "listed", seed=4)
    await third.judge(FIELD, "listed", seed=5)
    texts = [sorted(request.text for request in bench.model.requests) for bench in (first, second, third)]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


async def test_a_judge_that_favours_the_first_place_favours_nobody_over_shuffled_samples(listed, arena):
    def by_place(request):
        slots = list(arena.shown_qualities(request))
        numbers = dict(zip(slots, (5, 3, 1), strict=True))
        return json.dumps({"scores": numbers, "best-to-worst": slots})

    judgment = await listed(by_place, SHUFFLED).judge(FIELD, "listed")
    assert list(rewards(judgment).values()) == pytest.approx([0.5] * 3)
    assert comparison(judgment, "ann").agreement == pytest.approx(1 / 3)
    assert all(c.needs_review for c in judgment.candidates)


async def test_scores_that_contradict_the_ranking_are_asked_for_again_and_are_no_verdict(listed, arena):
    bench = listed(ranks(arena, swapped=True))
    judgment = await bench.judge(FIELD, "listed")
    assert len(bench.model.requests) == 2
    assert "contradicts the scores" in bench.model.requests[1].text
    assert judgment.flags["comparison"]["contradicting_rankings"] == 1
    assert set(rewards(judgment).values()) == {None}
    assert {c.failure_kind for c in judgment.candidates} == {"model_unparseable"}
    assert "contradicts the scores" in judgment.candidates[0].failure_reason


async def test_samples_that_contradict_themselves_do_not_vote_beside_those_that_do_not(listed, arena):
    def answer(request):
        first = next(iter(arena.shown_qualities(request).values()))
        return ranks(arena, swapped=first == 1)(request)

    judgment = await listed(answer, SHUFFLED).judge(FIELD, "listed")
    assert rewards(judgment) == {"ann": 0.0, "bob": 1.0, "cid": 0.5}
    told = judgment.flags["comparison"]
    assert (told["contradicting_rankings"], told["unreadable"]) == (2, 2)
    assert [sample.voted for sample in comparison(judgment, "ann").samples].count(False) == 2
    assert comparison(judgment, "bob").agreement == pytest.approx(4 / 6)


async def test_equal_scores_go_with_any_ranking(listed, arena):
    def answer(request):
        slots = list(arena.shown_qualities(request))
        return json.dumps({"scores": dict.fromkeys(slots, 3), "best-to-worst": slots[::-1]})

    judgment = await listed(answer).judge(FIELD, "listed")
    assert set(rewards(judgment).values()) == {0.5}
    assert "contradicting_rankings" not in judgment.flags["comparison"]


async def test_scores_that_agree_with_the_ranking_are_not_counted(listed, arena):
    judgment = await listed(ranks(arena)).judge(FIELD, "listed")
    assert "contradicting_rankings" not in judgment.flags["comparison"]


@pytest.mark.parametrize(
    "answer",
    [
        "model-2 is best.",
        '{"scores": {"model-1": 1, "model-2": 5}, "best-to-worst": ["model-2", "model-1"]}',
        '{"scores": {"model-1": 1, "model-2": 5, "model-3": 3, "model-4": 5}, "best-to-worst": '
        '["model-4", "model-2", "model-3", "model-1"]}',
        '{"scores": {"model-1": 1, "model-2": 6, "model-3": 3}, "best-to-worst": '
        '["model-2", "model-3", "model-1"]}',
        '{"scores": {"ann": 1, "bob": 5, "cid": 3}, "best-to-worst": ["bob", "cid", "ann"]}',
        '{"scores": {"model-1": 1, "model-2": 5, "model-3": 3}}',
        '{"scores": {"model-1": 1, "model-2": 5, "model-3": 3}, "best-to-worst": '
        '["model-2", "model-2", "model-1"]}',
    ],
    ids=["prose", "one is missing", "one too many", "off the scale", "real names", "no ranking", "one twice"],
)
async def test_a_list_that_does_not_score_exactly_its_candidates_scores_nobody(listed, answer):
    judgment = await listed(answer).judge(FIELD, "listed")
    assert set(rewards(judgment).values()) == {None}
    assert {c.failure_kind for c in judgment.candidates} == {"model_unparseable"}
    assert judgment.ranking == ()


async def test_a_model_that_fails_scores_nobody(listed):
    judgment = await listed(ModelError("model_timeout", "too slow")).judge(FIELD, "listed")
    assert {c.failure_kind for c in judgment.candidates} == {"model_timeout"}


async def test_a_single_candidate_is_a_list_of_one_and_gets_the_score_itself(listed, arena):
    judgment = await listed(ranks(arena)).judge({"only": 4}, "listed")
    assert rewards(judgment) == {"only": 0.75}


async def test_the_samples_of_a_list_of_one_are_numbers_that_agree_by_their_spread_and_no_ties(listed):
    told = iter([1, 5, 1, 5])

    def answer(request):
        (name,) = re.findall(r"model-1", request.text)[:1]
        return json.dumps({"scores": {name: next(told)}, "best-to-worst": [name]})

    bench = listed(answer, 'count = 4\norders = "shuffled"\ntemperature = 0.7\nadaptive = true')
    judgment = await bench.judge({"only": 4}, "listed")
    found = comparison(judgment, "only")
    assert [sample.choice for sample in found.samples] == ["1", "5", "1", "5"]
    assert (found.score, found.agreement) == (0.5, 0.0)


async def test_twins_stand_in_the_list_once_and_share_what_they_get(listed, arena):
    bench = listed(ranks(arena))
    judgment = await bench.judge({"a": 2, "b": 5, "c": 2}, "listed")
    assert set(arena.shown_qualities(bench.model.requests[0])) == {"model-1", "model-2"}
    assert rewards(judgment) == {"a": 0.25, "b": 1.0, "c": 0.25}


async def test_content_free_answers_are_not_listed_and_get_the_minimum(listed, arena):
    bench = listed(ranks(arena))
    judgment = await bench.judge({"a": 2, "b": "Solution", "c": 4}, "listed")
    assert "Solution" not in bench.model.requests[0].text
    assert rewards(judgment) == {"a": 0.25, "b": 0.0, "c": 0.75}


async def test_a_long_list_is_judged_whole_or_not_at_all(arena, library):
    files = {"recipes/listed.toml": RECIPE.format(samples=""), "compare/listed.v1.md": PROMPT}
    bench = arena(ranks(arena), prompts=library(files), context_window=4000)
    judgment = await bench.judge(
        {f"c{n}": f"An answer of quality {n}. " + "It goes on. " * 300 for n in range(4)}, "listed"
    )
    assert bench.model.requests == []
    assert {c.failure_kind for c in judgment.candidates} == {"input_too_large"}

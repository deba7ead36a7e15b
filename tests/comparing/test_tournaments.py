"""Candidates in a tournament: few comparisons, both orders, ranks for rewards, and nothing where one failed."""

from __future__ import annotations

import json

import pytest

from judge_agent.errors import ModelError

pytestmark = pytest.mark.anyio
RECIPE = "arena"


def scored(first, second):
    numbers = {"Agent_A": first, "Agent_B": second}
    return json.dumps({"reasoning": "On the path and in the answer.", "combined_scores": numbers})


def honest(arena):
    """The better answer gets the higher number, whatever its place."""

    def answer(request):
        shown = arena.shown_qualities(request)
        return scored(*(9 if one == max(shown.values()) else 4 for one in shown.values()))

    return answer


def field(count):
    return {f"c{quality}": quality for quality in range(1, count + 1)}


def rewards(judgment):
    return {c.id: c.reward for c in judgment.candidates}


@pytest.mark.parametrize("count", [2, 3, 5, 16])
@pytest.mark.parametrize("seed", [0, 1, 2])
async def test_the_champion_is_the_best_with_at_most_two_comparisons_a_candidate(arena, count, seed):
    bench = arena(honest(arena))
    judgment = await bench.judge(field(count), RECIPE, seed=seed)
    found = rewards(judgment)
    assert found[f"c{count}"] == 1.0
    assert judgment.ranking[0] == (f"c{count}",)
    assert sorted(found.values()) == pytest.approx([place / (count - 1) for place in range(count)])
    told = judgment.flags["comparison"]
    assert told["comparisons"] <= 2 * (count - 1)
    assert len(bench.model.requests) == 2 * told["comparisons"]
    assert told["order_consistency"] == 1.0
    assert "decided_by_seed" not in told


async def test_a_lone_candidate_is_asked_nothing_about_and_gets_no_reward(arena):
    bench = arena(honest(arena))
    judgment = await bench.judge({"only": 7}, RECIPE)
    (result,) = judgment.candidates
    assert bench.model.requests == []
    assert (result.status, result.reward, result.failure_kind) == ("unscored", None, "no_evidence")
    assert "no other candidate" in result.failure_reason


async def test_another_seed_draws_another_bracket_and_other_ids_do_not(arena):
    async def met(qualities, seed):
        bench = arena(honest(arena))
        await bench.judge(qualities, RECIPE, seed=seed)
        return {frozenset(arena.shown_qualities(request).values()) for request in bench.model.requests}

    drawn = [await met(field(8), seed) for seed in range(4)]
    assert len({frozenset(pairs) for pairs in drawn}) > 1
    assert await met({f"x{9 - quality}": quality for quality in range(1, 9)}, 0) == drawn[0]


async def test_twins_play_once_and_both_get_what_their_content_wins(arena):
    judgment = await arena(honest(arena)).judge({"a": 3, "b": 9, "c": 3, "d": 5}, RECIPE)
    found = rewards(judgment)
    assert found["a"] == found["c"]
    assert found["b"] == 1.0
    assert judgment.flags["comparison"]["comparisons"] <= 4


async def test_the_ids_and_the_order_of_the_request_change_no_reward(arena):
    first = await arena(honest(arena)).judge({"a": 3, "b": 9, "c": 5, "d": 7}, RECIPE)
    second = await arena(honest(arena)).judge({"z": 7, "y": 5, "x": 9, "w": 3}, RECIPE)
    one, other = rewards(first), rewards(second)
    assert [one[name] for name in "abcd"] == [other[name] for name in "wxyz"]


@pytest.mark.parametrize("count", [2, 3, 4, 5, 16])
async def test_where_nothing_tells_them_apart_all_get_the_same_and_the_record_says_so(arena, count):
    judgment = await arena(scored(5, 5)).judge(field(count), RECIPE)
    assert list(rewards(judgment).values()) == pytest.approx([0.5] * count)
    told = judgment.flags["comparison"]
    assert len(told["decided_by_seed"]) == count - 1
    assert len(told["ties"]) == told["comparisons"]


async def test_a_judge_that_prefers_a_place_ranks_nobody_above_another(arena):
    judgment = await arena(scored(9, 2)).judge(field(4), RECIPE)
    assert set(rewards(judgment).values()) == {0.5}
    told = judgment.flags["comparison"]
    assert told["order_consistency"] == 0.0
    assert len(told["inconsistent"]) == told["comparisons"]
    assert {p.agreement for c in judgment.candidates for p in c.principles} == {0.5}
    assert all(c.needs_review for c in judgment.candidates)


async def test_a_tie_of_two_costs_neither_what_it_won_from_the_third(arena):
    def answer(request):
        shown = arena.shown_qualities(request)
        return scored(*(2 if one == 1 else 8 for one in shown.values()))

    judgment = await arena(answer).judge({"low": 1, "high": 8, "other": 9}, RECIPE)
    found = rewards(judgment)
    assert found["low"] == 0.0
    assert min(found["high"], found["other"]) >= 0.5


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ("I cannot say.", "model_unparseable"),
        (ModelError("model_unreachable", "refused"), "model_unreachable"),
        (ModelError("model_timeout", "too slow"), "model_timeout"),
    ],
    ids=["unreadable", "unreachable", "timed out"],
)
async def test_one_comparison_that_failed_in_both_orders_ranks_nobody(arena, failure, kind):
    """Whom the bracket would have met next hangs on every result: a guess here would be a guess everywhere."""

    def answer(request):
        shown = arena.shown_qualities(request)
        return failure if 5 in shown.values() else honest(arena)(request)

    judgment = await arena(answer).judge(field(5), RECIPE)
    assert set(rewards(judgment).values()) == {None}
    assert {c.failure_kind for c in judgment.candidates} == {kind}
    assert judgment.ranking == ()


async def test_one_order_that_failed_leaves_the_other_and_is_in_the_record(arena):
    def answer(request):
        shown = arena.shown_qualities(request)
        return "no" if next(iter(shown.values())) == 1 else honest(arena)(request)

    judgment = await arena(answer).judge({"a": 1, "b": 2}, RECIPE)
    assert rewards(judgment) == {"a": 0.0, "b": 1.0}
    assert judgment.flags["comparison"]["unreadable"] == 1
    assert judgment.preference.consistent is None


async def test_a_budget_that_ends_in_the_middle_ranks_nobody(arena):
    bench = arena(honest(arena))
    judgment = await bench.judge(field(8), RECIPE, budget={"model_tokens": 4000})
    assert 0 < len(bench.model.requests) < 2 * 14
    assert set(rewards(judgment).values()) == {None}
    assert {c.failure_kind for c in judgment.candidates} == {"budget_exhausted"}


async def test_content_free_answers_do_not_play_and_get_the_minimum(arena):
    bench = arena(honest(arena))
    judgment = await bench.judge({"a": 3, "b": 9, "c": "Solution"}, RECIPE)
    assert rewards(judgment) == {"a": 0.0, "b": 1.0, "c": 0.0}
    assert judgment.flags["comparison"]["comparisons"] == 1

"""Candidates compared in pairs: both orders, ties, cycles, failures, one standing each."""

from __future__ import annotations

import pytest

from judge_agent.errors import InvalidRequest, ModelError

pytestmark = pytest.mark.anyio
RECIPE = "round-robin"


def comparison(judgment, candidate_id):
    (found,) = [c for c in judgment.candidates if c.id == candidate_id]
    (principle,) = [p for p in found.principles if p.name == "comparison"]
    return principle


async def test_the_better_of_two_wins_in_both_orders(arena):
    bench = arena(arena.names_winner())
    judgment = await bench.judge({"a": 3, "b": 9}, RECIPE)
    assert {c.id: c.reward for c in judgment.candidates} == {"a": 0.0, "b": 1.0}
    assert judgment.preference.winner == "b"
    assert judgment.preference.consistent is True
    orders = [list(bench.shown_qualities(request)) for request in bench.model.requests]
    qualities = [list(bench.shown_qualities(request).values()) for request in bench.model.requests]
    assert orders == [["A", "B"], ["A", "B"]]
    assert sorted(qualities) == [[3, 9], [9, 3]]


async def test_a_judge_that_prefers_a_place_gives_a_tie_that_says_so(arena):
    judgment = await arena(arena.names_winner(arena.picks_first)).judge({"a": 3, "b": 9}, RECIPE)
    assert {c.reward for c in judgment.candidates} == {0.5}
    assert judgment.preference.winner is None
    assert judgment.preference.consistent is False
    assert [sorted(pair) for pair in judgment.flags["comparison"]["inconsistent"]] == [["a", "b"]]
    assert judgment.flags["comparison"]["order_consistency"] == 0.0
    assert comparison(judgment, "a").agreement == 0.5


async def test_the_order_and_the_ids_of_the_request_change_nothing(arena):
    one, other = arena(arena.names_winner()), arena(arena.names_winner())
    first = await one.judge({"a": 3, "b": 9, "c": 5}, RECIPE)
    second = await other.judge({"z": 5, "y": 3, "x": 9}, RECIPE)
    assert sorted(r.text for r in one.model.requests) == sorted(r.text for r in other.model.requests)
    assert [first.candidates[0].reward, first.candidates[1].reward, first.candidates[2].reward] == [
        second.candidates[1].reward,
        second.candidates[2].reward,
        second.candidates[0].reward,
    ]


async def test_among_several_the_score_is_the_share_of_wins(arena):
    judgment = await arena(arena.names_winner()).judge({"a": 3, "b": 9, "c": 5, "d": 5}, RECIPE)
    rewards = {c.id: c.reward for c in judgment.candidates}
    assert rewards == {"a": 0.0, "b": 1.0, "c": 0.5, "d": 0.5}
    assert judgment.ranking[0] == ("b",)


async def test_a_circle_is_named(arena):
    beats = {(1, 2): 1, (2, 3): 2, (3, 1): 3}

    def circular(shown):
        left, right = shown.values()
        winner = beats.get((left, right)) or beats[right, left]
        return next(slot for slot, quality in shown.items() if quality == winner)

    judgment = await arena(arena.names_winner(circular)).judge({"a": 1, "b": 2, "c": 3}, RECIPE)
    assert judgment.flags["comparison"]["cycles"] == [["a", "b", "c"]]
    assert {c.reward for c in judgment.candidates} == {0.5}


async def test_a_pair_that_nobody_could_judge_gives_its_two_no_reward(arena):
    def broken(request):
        shown = arena.shown_qualities(request)
        if set(shown.values()) == {1, 2}:
            return "no JSON at all"
        return arena.names_winner()(request)

    judgment = await arena(broken).judge({"a": 1, "b": 2, "c": 3}, RECIPE)
    by_id = {c.id: c for c in judgment.candidates}
    assert by_id["a"].reward is None
    assert by_id["b"].reward is None
    assert by_id["a"].failure_kind == "model_unparseable"
    assert by_id["c"].reward == 1.0


async def test_a_model_that_cannot_be_reached_ranks_nobody(arena):
    judgment = await arena(ModelError("model_unreachable", "refused")).judge({"a": 1, "b": 2}, RECIPE)
    assert [c.status for c in judgment.candidates] == ["unscored", "unscored"]
    assert {c.failure_kind for c in judgment.candidates} == {"model_unreachable"}
    assert judgment.ranking == ()


async def test_equal_answers_are_one_player(arena):
    bench = arena(arena.names_winner())
    judgment = await bench.judge({"a": 3, "b": 9, "c": 3}, RECIPE)
    assert len(bench.model.requests) == 2
    rewards = {c.id: c.reward for c in judgment.candidates}
    assert rewards == {"a": 0.0, "b": 1.0, "c": 0.0}


async def test_an_empty_answer_is_not_compared_and_gets_the_minimum(arena):
    bench = arena(arena.names_winner())
    judgment = await bench.judge({"a": 3, "b": 9, "c": "Solution"}, RECIPE)
    assert len(bench.model.requests) == 2
    assert {c.id: c.reward for c in judgment.candidates}["c"] == 0.0


async def test_one_candidate_is_refused_by_field(arena):
    with pytest.raises(InvalidRequest, match="at least 2"):
        await arena(arena.names_winner()).judge({"a": 3}, RECIPE)


@pytest.mark.parametrize("recipe", ["round-robin", "arena", "j1"])
@pytest.mark.parametrize("count", [2, 3])
async def test_where_all_are_equal_they_tie_and_no_model_is_asked(arena, recipe, count):
    bench = arena(arena.names_winner())
    judgment = await bench.judge(dict.fromkeys("abc"[:count], 3), recipe)
    assert bench.model.requests == []
    assert {(c.status, c.reward, c.failure_kind) for c in judgment.candidates} == {("scored", 0.5, None)}
    assert judgment.ranking == (tuple("abc"[:count]),)
    for result in judgment.candidates:
        (principle,) = result.principles
        assert "same content" in principle.reason
        assert (principle.decided_by, result.confidence.value, result.needs_review) == ("screen", 1.0, False)


async def test_equal_answers_tie_beside_one_that_says_nothing(arena):
    judgment = await arena(arena.names_winner()).judge({"a": 3, "b": "Solution", "c": 3}, RECIPE)
    assert {c.id: c.reward for c in judgment.candidates} == {"a": 0.5, "b": 0.0, "c": 0.5}


async def test_when_no_other_has_content_there_is_nothing_to_compare_with(arena):
    judgment = await arena(arena.names_winner()).judge({"a": 3, "b": "Solution"}, RECIPE)
    by_id = {c.id: c for c in judgment.candidates}
    assert (by_id["a"].status, by_id["a"].failure_kind) == ("unscored", "no_evidence")
    assert "no other candidate with content" in by_id["a"].failure_reason
    assert by_id["b"].reward == 0.0


async def test_a_budget_of_samples_asks_each_order_so_often_and_lets_them_vote(arena):
    bench = arena(arena.names_winner())
    judgment = await bench.judge({"a": 3, "b": 9}, RECIPE, budget={"samples": 3})
    assert [request.n for request in bench.model.requests] == [3, 3]
    assert all(request.temperature > 0 for request in bench.model.requests)
    assert len(comparison(judgment, "b").samples) == 6
    assert comparison(judgment, "b").agreement == 1.0


async def test_given_criteria_are_in_the_prompt_and_their_weights_are_not(arena):
    bench = arena(arena.names_winner())
    principles = [{"description": "Mentions the moon by name.", "weight": 7.25}]
    judgment = await bench.judge({"a": 3, "b": 9}, RECIPE, principles=principles)
    assert all("Mentions the moon by name." in request.text for request in bench.model.requests)
    assert all("7.25" not in request.text for request in bench.model.requests)
    assert [p.name for p in judgment.candidates[0].principles] == ["comparison"]


async def test_a_criterion_that_begins_with_spaces_is_a_line_of_its_own(arena):
    bench = arena(arena.names_winner())
    principles = [{"description": "It is short."}, {"description": "    It is\n    kind."}]
    await bench.judge({"a": 1, "b": 2}, "round-robin", principles=principles)
    assert "\n- It is short.\n- It is\n" in bench.model.requests[0].text

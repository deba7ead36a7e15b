"""A judge that looks at places: no filter hides it, and nobody is surer than it leaves them, in pairs and in lists."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from judge_agent.models.scripted import of_tokens
from judge_agent.votes.places_shown import Shown, keep_best_of_each, same_in_both_orders

pytestmark = pytest.mark.anyio
RECIPE = (Path(__file__).parent / "scored.toml").read_text("utf-8").replace("{name}", "placed")
META = """---
variables: task, responses, criteria, critique
---
# system
You rate judgments.

# user
{{task}}
{{responses}}
{{criteria}}
{{critique}}
Is it sound? Yes or No.
"""
LIST = {"protocol": "listwise", "prompt": "compare/deepseek-grm-scores.v1", "kind": "boxed_scores"}
PAIR = {"protocol": "pairwise", "prompt": "compare/j1-scores.v1", "kind": "scores_tags"}
TWO = {"a": 3, "b": 9}
FILTER = 'meta = "meta/placed.v1"\nkeep = {}'


@pytest.fixture
def placed(arena, library):
    """A judge whose model scores the qualities that it is shown, in their order; `sound` rates an order."""

    def make(scores, samples, how, sound=lambda order: 0.5, disagree="mean"):
        def answer(request):
            shown = arena.shown_qualities(request)
            order = tuple(shown.values())
            if request.logprobs:
                return of_tokens({"Yes": sound(order), "No": 1 - sound(order)})
            numbers = dict(zip(shown, scores(order), strict=True))
            if how is LIST:
                return "Scores: \\boxed{" + ", ".join(map(str, numbers.values())) + "}"
            return "".join(f"<score_{slot}>{number}</score_{slot}>" for slot, number in numbers.items())

        recipe = RECIPE.format(samples=samples, disagree=disagree, **how)
        files = {"recipes/placed.toml": recipe, "meta/placed.v1.md": META}
        return arena(answer, prompts=library(files))

    return make


def by_place(order):
    return (9, 3, 1)[: len(order)]


def by_worth(order):
    return order


def likes_nine_first(order):
    return 0.9 if order[0] == 9 else 0.2


def standing(judgment, name):
    (found,) = [c for c in judgment.candidates if c.id == name]
    return found, found.principles[0]


@pytest.mark.parametrize("how", [PAIR, LIST], ids=["pair", "list"])
@pytest.mark.parametrize("keep", ['"half"', "2"])
async def test_votes_are_of_both_orders_however_sound_one_order_is_rated(placed, how, keep):
    orders = "both" if how is PAIR else "shuffled"
    samples = f'count = 4\norders = "{orders}"\n' + FILTER.format(keep)
    judgment = await placed(by_place, samples, how, likes_nine_first).judge(TWO, "placed")
    assert {c.reward for c in judgment.candidates} == {0.5 if how is PAIR else 0.6}
    assert judgment.preference.winner is None
    assert judgment.preference.consistent is False
    told = judgment.flags["comparison"]
    assert told["order_consistency"] == 0.0
    assert [sorted(pair) for pair in told["inconsistent"]] == [["a", "b"]]
    assert "one_order_only" not in told
    for name in TWO:
        result, principle = standing(judgment, name)
        assert principle.agreement == result.confidence.value == 0.5
        assert result.needs_review


@pytest.mark.parametrize("how", [PAIR, LIST], ids=["pair", "list"])
async def test_one_vote_alone_is_of_one_order_and_the_record_tells_what_the_other_said(placed, how):
    orders = "both" if how is PAIR else "shuffled"
    samples = f'count = 4\norders = "{orders}"\n' + FILTER.format(1)
    judgment = await placed(by_place, samples, how, likes_nine_first).judge(TWO, "placed")
    told = judgment.flags["comparison"]
    assert [sorted(pair) for pair in told["one_order_only"]] == [["a", "b"]]
    assert told["order_consistency"] == 0.0
    assert judgment.preference.consistent is False
    assert {standing(judgment, name)[1].agreement for name in TWO} == {0.5}
    assert all(c.needs_review for c in judgment.candidates)


async def test_one_vote_alone_is_half_as_sure_though_the_other_order_said_the_same(placed):
    samples = 'count = 2\norders = "both"\n' + FILTER.format(1)
    judgment = await placed(by_worth, samples, PAIR, likes_nine_first).judge(TWO, "placed")
    assert len(judgment.flags["comparison"]["one_order_only"]) == 1
    for name in TWO:
        result, principle = standing(judgment, name)
        assert principle.agreement == result.confidence.value == 0.5
        assert result.needs_review


async def test_where_both_orders_must_agree_one_that_votes_alone_gives_no_verdict(placed):
    samples = 'count = 2\norders = "both"\n' + FILTER.format(1)
    bench = placed(by_worth, samples, PAIR, likes_nine_first, disagree="tie")
    judgment = await bench.judge(TWO, "placed")
    assert {c.failure_kind for c in judgment.candidates} == {"abstained"}
    assert "one order of a pair alone votes" in judgment.candidates[0].failure_reason


SHUFFLED = 'count = 6\norders = "shuffled"'


async def test_a_list_that_is_scored_by_worth_is_consistent_and_sure(placed):
    judgment = await placed(by_worth, SHUFFLED, LIST).judge({**TWO, "c": 5}, "placed")
    assert judgment.flags["comparison"]["order_consistency"] == 1.0
    assert "inconsistent" not in judgment.flags["comparison"]
    assert {standing(judgment, name)[1].agreement for name in "abc"} == {1.0}


async def test_a_list_of_two_says_whether_its_orders_agree(placed):
    judgment = await placed(by_worth, SHUFFLED, LIST).judge(TWO, "placed")
    assert judgment.preference.consistent is True


async def test_a_list_of_which_one_order_was_asked_says_nothing_of_orders(placed):
    judgment = await placed(by_worth, "count = 3", LIST).judge(TWO, "placed")
    assert not {"order_consistency", "one_order_only"} & set(judgment.flags["comparison"])
    assert judgment.preference.consistent is None
    assert {standing(judgment, name)[1].agreement for name in TWO} == {1.0}


async def test_places_behind_a_clear_winner_that_hang_on_the_order_make_those_two_less_sure(placed):
    def behind(order):
        left = iter((5, 2))
        return tuple(10 if one == 9 else next(left) for one in order)

    judgment = await placed(behind, SHUFFLED, LIST).judge({**TWO, "c": 5}, "placed")
    told = judgment.flags["comparison"]
    assert told["order_consistency"] == pytest.approx(2 / 3, abs=1e-4)
    assert [sorted(pair) for pair in told["inconsistent"]] == [["a", "c"]]
    assert {name: standing(judgment, name)[1].agreement for name in "abc"} == {"a": 0.75, "b": 1.0, "c": 0.75}


async def test_an_order_of_a_list_that_could_not_be_read_is_named(placed):
    def broken(order):
        return order if order[0] == 9 else (1, "?")

    judgment = await placed(broken, 'count = 4\norders = "shuffled"', LIST).judge(TWO, "placed")
    assert [sorted(pair) for pair in judgment.flags["comparison"]["one_order_only"]] == [["a", "b"]]
    assert {standing(judgment, name)[1].agreement for name in TWO} == {0.5}


@pytest.mark.parametrize("how", [PAIR, LIST], ids=["pair", "list"])
async def test_two_whose_orders_disagree_are_half_sure_at_most_however_many_samples_agree(placed, how):
    """Five samples of eight name a, which is all four of the one order and one of the other."""
    second = itertools.cycle([7, 7, 7, 3])

    def leaning(order):
        return (9, 3) if order[0] == 3 else (next(second), 5)

    count = 'count = 4\norders = "both"' if how is PAIR else 'count = 8\norders = "shuffled"'
    judgment = await placed(leaning, count, how).judge(TWO, "placed")
    assert judgment.preference.consistent is False
    assert [sample.choice for sample in standing(judgment, "a")[1].samples].count("a") == 5
    assert {standing(judgment, name)[1].agreement for name in TWO} == {0.5}


def test_the_best_of_each_are_kept_before_any_group_gives_another() -> None:
    ratings = [0.9, 0.8, 0.7, 0.1, None, 0.05]
    kept = keep_best_of_each("abcdef", ratings, 4, [1, 1, 1, 2, 2, 2])
    assert kept == ("a", "b", "d", "f")
    assert keep_best_of_each("abcdef", ratings, 3, [1] * 6) == ("a", "b", "c")
    assert keep_best_of_each("abc", [0.5, 0.5, 0.5], 2, [1, 1, 2]) == ("a", "c")
    with pytest.raises(ValueError):
        keep_best_of_each("abc", [0.5] * 3, 0, [1, 1, 2])


def test_each_two_of_a_list_say_the_same_or_not_or_stand_in_one_order() -> None:
    samples = [
        Shown("abc", {"a": 0.9, "b": 0.5, "c": 0.1}),
        Shown("bac", {"a": 0.9, "b": 1.0, "c": 0.1}),
    ]
    assert same_in_both_orders("cba", samples) == {("a", "b"): False, ("a", "c"): None, ("b", "c"): None}
    assert same_in_both_orders("a", samples) == {}

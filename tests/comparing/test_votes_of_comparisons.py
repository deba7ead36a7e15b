"""The vote is the recipe's in every protocol, and sampling stops only where no place and no pass can turn any more."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

pytestmark = pytest.mark.anyio
RECIPE = (Path(__file__).parent / "scored.toml").read_text("utf-8").replace("{name}", "voted")
LIST = {"protocol": "listwise", "prompt": "compare/deepseek-grm-scores.v1", "kind": "boxed_scores"}
PAIR = {"protocol": "pairwise", "prompt": "compare/j1-scores.v1", "kind": "scores_tags"}
TOURNAMENT = {**PAIR, "protocol": "tournament"}
# Three times the one of quality 3 by a little, once the one of quality 9 by far.
NARROW = ({3: 6, 9: 5}, {3: 6, 9: 5}, {3: 6, 9: 5}, {3: 0, 9: 10})


@pytest.fixture
def voted(arena, library):
    """A judge whose model gives these numbers by quality, one sample after the other; `told` may tell them by order."""

    def make(told, samples, how, disagree="mean"):
        tell = itertools.chain(told)

        def answer(request):
            shown = arena.shown_qualities(request)
            numbers = next(tell)
            numbers = numbers(tuple(shown.values())) if callable(numbers) else numbers
            if how is LIST:
                return "Scores: \\boxed{" + ", ".join(str(numbers[one]) for one in shown.values()) + "}"
            return "".join(f"<score_{slot}>{numbers[one]}</score_{slot}>" for slot, one in shown.items())

        recipe = RECIPE.format(samples=samples, disagree=disagree, **how)
        return arena(answer, prompts=library({"recipes/voted.toml": recipe}))

    return make


def rewards(judgment):
    return {c.id: c.reward for c in judgment.candidates}


def rounds(judgment):
    return judgment.flags["comparison"].get("rounds", [[]])[0]


@pytest.mark.parametrize(
    ("vote", "first"), [("mean", 0.4125), ("sum", 0.4125), ("majority", 1.0)], ids=["mean", "sum", "majority"]
)
async def test_a_pair_is_voted_on_by_margins_or_by_names_as_the_recipe_says(voted, vote, first):
    judgment = await voted(NARROW, f'count = 4\nvote = "{vote}"', PAIR).judge({"a": 3, "b": 9}, "voted")
    assert rewards(judgment) == pytest.approx({"a": first, "b": 1 - first})


@pytest.mark.parametrize(("vote", "winner"), [("mean", "b"), ("sum", "b"), ("majority", "a")])
async def test_a_tournament_is_won_by_the_recipe_s_vote(voted, vote, winner):
    bench = voted(itertools.cycle(NARROW), f'count = 4\nvote = "{vote}"\norders = "both"', TOURNAMENT)
    judgment = await bench.judge({"a": 3, "b": 9}, "voted")
    assert judgment.ranking[0] == (winner,)


@pytest.mark.parametrize(
    ("vote", "expected"), [("mean", {"a": 0.45, "b": 0.625}), ("majority", {"a": 0.6, "b": 0.5})]
)
async def test_a_list_is_voted_on_by_the_mean_or_the_commonest_number(voted, vote, expected):
    judgment = await voted(NARROW, f'count = 4\nvote = "{vote}"', LIST).judge({"a": 3, "b": 9}, "voted")
    assert rewards(judgment) == pytest.approx(expected)


async def test_the_reason_is_of_a_sample_that_says_what_the_verdict_says(voted):
    judgment = await voted(NARROW, "count = 4", PAIR).judge({"a": 3, "b": 9}, "voted")
    assert judgment.preference.winner == "b"
    for result in judgment.candidates:
        assert ">10<" in result.principles[0].reason
        assert ">0<" in result.principles[0].reason


STEADY = [{9: 10, 5: 6, 3: 0}] * 20
TURNING = [{9: 10, 5: 3, 3: 2}] * 12 + [{9: 10, 5: 0, 3: 5}] * 8


@pytest.mark.parametrize(
    ("numbers", "threshold", "asked", "order"),
    [(STEADY, 0.3, 15, "abc"), (STEADY, 0.5, 17, "abc"), (STEADY, 0.6, 20, "abc"), (TURNING, 0.9, 19, "acb")],
    ids=["places stand late", "a pass stands later", "a pass on the edge", "places behind the winner turn"],
)
async def test_a_list_is_sampled_until_every_place_and_pass_stands(voted, numbers, threshold, asked, order):
    bench = voted(numbers, 'count = 20\norders = "shuffled"\nadaptive = true', LIST)
    judgment = await bench.judge({"a": 9, "b": 5, "c": 3}, "voted", pass_threshold=threshold)
    assert sum(request.n for request in bench.model.requests) == asked
    assert judgment.ranking == tuple((one,) for one in order)
    stopped = {"stopped": "decided", "samples": asked, "of": 20}
    assert (rounds(judgment)[-1] == stopped) == (asked < 20)


@pytest.mark.parametrize(("threshold", "asked"), [(0.5, 5), (0.7, 7)])
async def test_one_alone_is_sampled_until_its_pass_stands(voted, threshold, asked):
    bench = voted([{9: 9}] * 8, "count = 8\nadaptive = true", LIST)
    judgment = await bench.judge({"a": 9}, "voted", pass_threshold=threshold)
    assert sum(request.n for request in bench.model.requests) == asked
    assert judgment.candidates[0].passed


@pytest.mark.parametrize(("threshold", "asked"), [(0.5, 5), (0.8, 8)])
async def test_a_pair_is_sampled_until_the_winner_and_the_passes_stand(voted, threshold, asked):
    bench = voted([{3: 0, 9: 10}] * 5 + [{3: 5, 9: 5}] * 3, "count = 8\nadaptive = true", PAIR)
    judgment = await bench.judge({"a": 3, "b": 9}, "voted", pass_threshold=threshold)
    assert sum(request.n for request in bench.model.requests) == asked
    assert judgment.preference.winner == "b"


async def test_where_both_orders_must_agree_sampling_goes_on_until_it_stands_that_they_do(voted):
    """By the mean of both orders a has won after seven samples; the second order turns against it afterwards."""
    due = {}

    def told(order):
        number = next(due[order])
        return {3: number, 9: 10 - number}

    samples = 'count = 5\norders = "both"\nadaptive = true'
    for turning, steady in itertools.permutations([(3, 9), (9, 3)]):
        due |= {steady: iter([10] * 5), turning: iter([10, 10, 0, 0, 0])}
        judgment = await voted([told] * 10, samples, PAIR, "tie").judge({"a": 3, "b": 9}, "voted")
        assert rewards(judgment) == {"a": 0.5, "b": 0.5}
        assert judgment.preference.consistent is False


@pytest.mark.parametrize(("protocol", "orders"), [(PAIR, "both"), (LIST, "shuffled")], ids=["pair", "list"])
async def test_where_little_agreement_is_no_verdict_an_early_stop_does_not_save_one(voted, protocol, orders):
    """Six of ten name a and win; but the four are nearly all of one order, so the orders disagree."""

    def told(order):
        return {3: 9, 9: 1} if order[0] == 3 else next(second)

    for adaptive, seed in itertools.product(("false", "true"), range(8)):
        second = iter([{3: 9, 9: 1}, *[{3: 3, 9: 5}] * 3, {3: 0, 9: 10}])
        count = 5 if protocol is PAIR else 10
        samples = f'count = {count}\norders = "{orders}"\nabstain_below = 0.55\nadaptive = {adaptive}'
        judgment = await voted([told] * 10, samples, protocol).judge({"a": 3, "b": 9}, "voted", seed=seed)
        assert {c.failure_kind for c in judgment.candidates} == {"abstained"}


@pytest.mark.parametrize(("vote", "asked"), [("mean", 16), ("majority", 9)])
async def test_a_tournament_that_is_seeded_by_points_takes_all_its_samples(voted, vote, asked):
    samples = f'count = 8\norders = "both"\nadaptive = true\nvote = "{vote}"'
    bench = voted([{3: 2, 9: 8}] * 16, samples, TOURNAMENT)
    judgment = await bench.judge({"a": 3, "b": 9}, "voted")
    assert sum(request.n for request in bench.model.requests) == asked
    assert judgment.ranking == (("b",), ("a",))

"""What is shown first depends on contents and seed alone, and a favoured place cancels out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.votes import (
    Match,
    masked_names,
    order_consistency,
    orders,
    pair_outcome,
)

SIZES = (1, 2, 3, 5, 16)
groups = st.lists(st.text("abcdef0123", min_size=1, max_size=6), min_size=1, max_size=8, unique=True)
seeds = st.integers(0, 2**31)
hows = st.sampled_from(["one", "both", "shuffled"])


@settings(deadline=None)
@given(groups, hows, st.integers(1, 12), seeds, st.randoms())
def test_the_order_of_posting_changes_nothing(
    ids: list[str], how: Any, k: int, seed: int, random: Any
) -> None:
    assert orders(random.sample(ids, len(ids)), how, k, seed) == orders(ids, how, k, seed)


@settings(deadline=None)
@given(groups, hows, st.integers(1, 12), seeds)
def test_every_order_shows_everyone_once(ids: list[str], how: Any, k: int, seed: int) -> None:
    made = orders(ids, how, k, seed)
    assert len(made) == (k + k % 2 if how == "both" else k)
    assert all(sorted(order) == sorted(ids) for order in made)


@settings(deadline=None)
@given(groups, hows, st.integers(1, 6), seeds)
def test_other_ids_for_the_same_contents_are_shown_in_the_same_order(
    keys: list[str], how: Any, k: int, seed: int
) -> None:
    named = {f"id{len(keys) - place}": key for place, key in enumerate(keys)}
    by_id = orders(list(named), how, k, seed, keys=named)
    assert tuple(tuple(named[one] for one in order) for order in by_id) == orders(keys, how, k, seed)


@pytest.mark.parametrize("size", SIZES)
def test_shuffled_orders_give_everyone_every_place_equally_often(size: int) -> None:
    ids = [f"c{number}" for number in range(size)]
    made = orders(ids, "shuffled", 2 * size, seed=7)
    for place in range(size):
        assert set(Counter(order[place] for order in made).values()) == {2}


def test_one_order_is_kept_and_both_alternates_with_the_reverse() -> None:
    (first,) = set(orders(["a", "b", "c"], "one", 4, 1))
    assert orders(["a", "b", "c"], "both", 3, 1) == (first, first[::-1]) * 2
    assert sorted(orders(["a", "b"], "both", 1, 5)) == [("a", "b"), ("b", "a")]


def test_another_seed_gives_another_order_and_neither_place_is_favoured() -> None:
    firsts = Counter(orders(["a", "b"], "one", 1, seed)[0][0] for seed in range(400))
    assert min(firsts.values()) > 150
    assert orders(list("abcdefgh"), "one", 1, 1) != orders(list("abcdefgh"), "one", 1, 2)


def test_no_samples_and_double_ids_are_refused() -> None:
    for ids, k in ((["a"], 0), (["a", "a"], 1)):
        with pytest.raises(ValueError):
            orders(ids, "one", k, 0)


def test_masked_names_are_numbers_in_the_order_shown() -> None:
    assert masked_names(("gpt", "claude")) == {"gpt": "model-1", "claude": "model-2"}


def test_order_consistency_is_the_share_of_pairs_with_one_winner() -> None:
    assert order_consistency([("a", "a"), ("a", "b"), (None, None), ("b", None)]) == 0.5
    assert order_consistency([]) is None


results = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1))
matches = st.lists(st.tuples(st.booleans(), results), min_size=1, max_size=9).map(
    lambda some: [Match(*(("a", "b") if forward else ("b", "a")), score) for forward, score in some]
)


@settings(deadline=None)
@given(matches)
def test_a_pair_is_bounded_and_mirrors_itself(played: list[Match]) -> None:
    forward, backward = pair_outcome("a", "b", played), pair_outcome("b", "a", played)
    assert 0.0 <= forward.probability <= 1.0
    assert forward.probability + backward.probability == pytest.approx(1.0)
    assert forward.winner == backward.winner
    assert forward.consistent == backward.consistent


@settings(deadline=None)
@given(matches, st.randoms())
def test_the_order_of_matches_changes_nothing(played: list[Match], random: Any) -> None:
    assert pair_outcome("a", "b", random.sample(played, len(played))) == pair_outcome("a", "b", played)


@settings(deadline=None)
@given(results, st.integers(1, 4), st.integers(1, 4))
def test_a_judge_that_only_looks_at_places_gives_a_tie(bias: float, forward: int, backward: int) -> None:
    played = [Match("a", "b", bias)] * forward + [Match("b", "a", bias)] * backward
    outcome = pair_outcome("a", "b", played)
    assert (outcome.outcome, outcome.winner, outcome.probability) == ("tie", None, 0.5)
    assert outcome.consistent is (bias == 0.5)


def test_a_win_in_both_orders_is_consistent_and_one_order_says_nothing() -> None:
    both = pair_outcome("a", "b", [Match("a", "b", 1.0), Match("b", "a", 0.0)])
    assert (both.outcome, both.winner, both.probability, both.consistent) == ("win", "a", 1.0, True)
    one = pair_outcome("a", "b", [Match("a", "b", 0.0), Match("a", "b", 0.5)])
    assert (one.outcome, one.winner, one.probability, one.consistent) == ("loss", "b", 0.25, None)
    split = pair_outcome("a", "b", [Match("a", "b", 1.0), Match("b", "a", 0.5)])
    assert (split.winner, split.consistent) == ("a", False)


@pytest.mark.parametrize("share", [k / 10 for k in range(11)] + [k / 9 for k in range(10)])
def test_opposite_scores_are_a_tie_to_the_last_bit(share: float) -> None:
    outcome = pair_outcome("a", "b", [Match("a", "b", share), Match("a", "b", 1.0 - share)])
    assert (outcome.outcome, outcome.probability) == ("tie", 0.5)


@pytest.mark.parametrize(
    "wrong", [[], [Match("a", "c", 1.0)], [Match("a", "b", 1.5)], [Match("a", "b", float("nan"))]]
)
def test_what_is_no_match_of_the_pair_is_refused(wrong: list[Match]) -> None:
    with pytest.raises(ValueError):
        pair_outcome("a", "b", wrong)

"""Samples are reduced to one score, and no more are asked for once nothing can change it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.votes import (
    How,
    agreement,
    choice_decided,
    decided,
    distribution,
    keep_best,
    reduced,
    vote,
)

MENU = [0.0, 0.25, 0.5, 0.75, 1.0]
HOWS: tuple[How, ...] = ("sum", "mean", "majority")
scores = st.one_of(st.sampled_from([*MENU, *[k / 9 for k in range(10)]]), st.floats(0, 1))
samples = st.lists(scores, min_size=1, max_size=12)
hows = st.sampled_from(HOWS)


@settings(deadline=None)
@given(samples, hows)
def test_a_vote_and_its_agreement_are_bounded(given_scores: list[float], how: How) -> None:
    result = reduced(given_scores, how)
    assert min(given_scores) <= result.score <= max(given_scores)
    assert 0.0 <= result.agreement <= 1.0
    assert result.samples == len(given_scores)


@settings(deadline=None)
@given(samples, hows, st.randoms())
def test_the_order_of_samples_changes_nothing(given_scores: list[float], how: How, random: Any) -> None:
    shuffled = random.sample(given_scores, len(given_scores))
    assert vote(shuffled, how) == vote(given_scores, how)
    assert agreement(shuffled, how) == pytest.approx(agreement(given_scores, how))


@settings(deadline=None)
@given(scores, st.integers(1, 20), hows)
def test_equal_samples_give_their_score_and_full_agreement(score: float, count: int, how: How) -> None:
    result = reduced([score] * count, how)
    assert (result.score, result.tied) == (score, False)
    assert result.agreement == pytest.approx(1.0)


@settings(deadline=None)
@given(samples, scores, st.sampled_from(["sum", "mean"]))
def test_a_better_sample_never_makes_the_sum_worse(given_scores: list[float], more: float, how: How) -> None:
    better = [max(given_scores[0], more), *given_scores[1:]]
    assert vote(better, how) >= vote(given_scores, how)


def test_eight_samples_of_a_reward_model_add_up_as_published() -> None:
    eight = [8, 7, 9, 8, 6, 8, 10, 8]
    assert vote([score / 10 for score in eight], "sum") == pytest.approx(sum(eight) / 80)
    assert vote([score / 10 for score in eight], "majority") == 0.8
    assert agreement([score / 10 for score in eight], "majority") == 0.5


@pytest.mark.parametrize("steps", [4, 9, 10])
def test_the_mean_of_places_on_a_scale_is_the_one_on_paper(steps: int) -> None:
    for places in itertools.combinations_with_replacement(range(steps + 1), 4):
        on_paper = float(Fraction(sum(places), 4 * steps))
        assert vote([place / steps for place in places], "mean") == on_paper


def test_a_tie_of_the_commonest_scores_is_their_mean_and_is_said() -> None:
    result = reduced([0.25, 0.25, 1.0, 1.0, 0.0], "majority")
    assert (result.score, result.tied, result.agreement) == (0.625, True, 0.4)
    assert not reduced([0.25, 0.25, 1.0], "majority").tied


def test_samples_at_both_ends_do_not_agree_at_all() -> None:
    assert agreement([0.0, 1.0, 0.0, 1.0], "mean") == 0.0
    assert agreement([0.5], "mean") == agreement([0.5], "majority") == 1.0


def test_shares_of_choices_begin_with_the_commonest() -> None:
    assert list(distribution(["b", "a", "c", "a", "b"]).items()) == [("a", 0.4), ("b", 0.4), ("c", 0.2)]
    assert distribution([]) == {}


@pytest.mark.parametrize("wrong", [[], [1.5], [-0.1], [float("nan")], [0.5, float("inf")]])
def test_what_is_no_score_gets_no_vote(wrong: list[float]) -> None:
    for how in HOWS:
        with pytest.raises(ValueError):
            vote(wrong, how)


def test_the_meta_filter_keeps_the_best_rated_in_their_order_and_the_earlier_of_equals() -> None:
    assert keep_best("abcdefgh", [0.1, 0.9, 0.5, 0.9, 0.5, 0.2, 0.9, 0.5], 4) == ("b", "c", "d", "g")
    assert keep_best("abc", [0.5, None, 0.1], 3) == ("a", "c")
    assert keep_best("abc", [None, None, None], 2) == ()
    for meta, keep in (([0.1], 1), ([0.1, 0.2, 0.3], 0), ([0.1, 0.2, float("nan")], 1)):
        with pytest.raises(ValueError):
            keep_best("abc", meta, keep)


def completions(remaining: int, more: Sequence[float]) -> list[tuple[float, ...]]:
    """Everything that up to `remaining` samples may say, some of them failing, on a menu and a few odd scores."""
    values = sorted({0.0, 0.5, 1.0, *more})
    return [
        some
        for count in range(remaining + 1)
        for some in itertools.combinations_with_replacement(values, count)
    ]


@settings(deadline=None)
@given(
    st.lists(scores, min_size=1, max_size=7), st.integers(0, 4), hows, scores, st.lists(scores, max_size=3)
)
def test_what_is_decided_no_further_sample_changes(
    so_far: list[float], remaining: int, how: How, threshold: float, more: list[float]
) -> None:
    if not decided(so_far, remaining, how, threshold):
        return
    outcome = vote(so_far, how) >= threshold
    for rest in completions(remaining, [*more, threshold, *so_far[:3]]):
        assert (vote([*so_far, *rest], how) >= threshold) == outcome


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=8), st.integers(0, 4))
def test_a_decided_choice_stays_the_only_commonest(so_far: list[str], remaining: int) -> None:
    if not choice_decided(so_far, remaining):
        return
    (leader, _), *_ = distribution(so_far).items()
    for count in range(remaining + 1):
        for rest in itertools.combinations_with_replacement("abcd", count):
            shares = list(distribution([*so_far, *rest]).items())
            assert shares[0][0] == leader
            assert len(shares) == 1 or shares[0][1] > shares[1][1]


@pytest.mark.parametrize(
    ("so_far", "remaining", "how", "expected"),
    [
        ([1.0, 1.0, 1.0], 2, "majority", True),
        ([1.0, 1.0], 2, "majority", False),
        ([1.0, 1.0, 0.0], 1, "majority", False),
        ([1.0, 1.0, 0.0], 0, "majority", True),
        ([1.0, 1.0, 1.0], 2, "mean", True),
        ([1.0, 1.0, 1.0], 4, "mean", False),
        ([0.0, 0.0, 0.0], 2, "sum", True),
        ([0.0, 0.0, 0.0], 3, "sum", False),
        ([0.75, 1.0, 0.75, 1.0, 1.0], 2, "majority", True),
        ([], 3, "mean", False),
        ([], 0, "majority", False),
    ],
)
def test_sampling_stops_as_early_as_it_may(
    so_far: list[float], remaining: int, how: How, expected: bool
) -> None:
    assert decided(so_far, remaining, how) is expected


def test_a_choice_without_votes_or_with_a_rival_is_not_decided() -> None:
    assert not choice_decided([], 2)
    assert not choice_decided(["a", "b"], 0)
    assert choice_decided(["a", "a", "b"], 0)

"""What samples make of a hard principle: a tie is no pass, and what stands no further sample changes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.votes import How, gate, gate_decided, vote

MENU = [0.0, 0.25, 0.5, 0.75, 1.0]
hows = st.sampled_from(["sum", "mean", "majority"])
samples = st.lists(st.sampled_from(MENU), min_size=1, max_size=7)


@pytest.mark.parametrize("how", ["sum", "mean", "majority"])
def test_as_many_passes_as_fails_are_a_tie_and_one_more_of_either_decides(how: How) -> None:
    assert gate([0.0, 1.0], how) == gate([1.0, 0.0, 0.0, 1.0], how) == "tied"
    assert gate([0.0, 1.0, 1.0], how) == "pass"
    assert gate([0.0, 1.0, 0.0], how) == "fail"
    assert gate([0.5], how) == "pass"


def test_two_commonest_scores_on_both_sides_are_a_tie_though_most_samples_pass() -> None:
    assert gate([1.0, 1.0, 0.25, 0.25, 0.5], "majority") == "tied"
    assert gate([1.0, 1.0, 0.5, 0.5, 0.25], "majority") == "pass"


@settings(deadline=None)
@given(samples, hows)
def test_what_passes_has_the_vote_and_most_samples_and_what_fails_has_not_the_vote(
    scores: list[float], how: How
) -> None:
    found = gate(scores, how)
    most = 2 * sum(score >= 0.5 for score in scores) > len(scores)
    assert (found == "fail") == (vote(scores, how) < 0.5)
    assert found != "pass" or most


@settings(deadline=None)
@given(samples, st.integers(0, 4), hows)
def test_a_gate_that_stands_no_further_sample_changes(so_far: list[float], remaining: int, how: How) -> None:
    if not gate_decided(so_far, remaining, how):
        return
    for count in range(remaining + 1):
        for rest in itertools.combinations_with_replacement(MENU, count):
            assert gate([*so_far, *rest], how) == gate(so_far, how)


@pytest.mark.parametrize(
    ("so_far", "remaining", "how", "stands"),
    [
        ([1.0, 1.0, 1.0], 2, "mean", True),
        ([1.0, 1.0, 1.0], 2, "majority", True),
        ([1.0, 1.0], 2, "mean", False),
        ([0.0, 0.0, 0.0], 2, "mean", True),
        ([0.0, 0.0, 0.0], 3, "mean", False),
        ([1.0, 0.0], 0, "mean", True),
        ([], 0, "mean", False),
    ],
)
def test_it_stands_no_later_than_it_must(so_far: list[float], remaining: int, how: How, stands: bool) -> None:
    assert gate_decided(so_far, remaining, how) is stands

"""When no further sample can change what a pair comes to, and what a bracket leaves to its seed."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.votes import Bracket, Match, outcome_stands, pair_outcome

matches = st.builds(
    lambda shown, score: Match(*shown, score),
    st.sampled_from([("a", "b"), ("b", "a")]),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
)


@given(
    st.lists(matches, min_size=1, max_size=5),
    st.lists(st.sampled_from("ab"), max_size=4),
    st.booleans(),
    st.sampled_from(["mean", "sum", "majority"]),
    st.sampled_from([0.5, 0.8]),
)
@settings(max_examples=300, deadline=None)
def test_a_pair_stands_exactly_when_every_way_to_go_on_comes_to_the_same(
    played, due, orders_must_agree, how, threshold
) -> None:
    outcomes = set()
    for scores in product((None, 0.0, 0.5, 1.0), repeat=len(due)):
        more = [
            Match(first, "b" if first == "a" else "a", score)
            for first, score in zip(due, scores, strict=True)
            if score is not None
        ]
        found = pair_outcome("a", "b", [*played, *more], how)
        passing = (found.probability >= threshold, 1.0 - found.probability >= threshold)
        outcomes.add((found.outcome, passing, found.consistent if orders_must_agree else None))
    stands = outcome_stands(
        "a", "b", played, due, orders_must_agree=orders_must_agree, how=how, threshold=threshold
    )
    assert stands == (len(outcomes) == 1)


def test_a_pair_of_which_nothing_was_read_is_open() -> None:
    assert not outcome_stands("a", "b", [], [])
    assert not outcome_stands("a", "b", [], ["a"])


def played_out(ids: str, score_of) -> Bracket:
    bracket = Bracket(tuple(ids))
    while due := bracket.round():
        bracket.tell({pair: score_of(*pair) for pair in due})
    return bracket


@pytest.mark.parametrize("ids", ["ab", "abc", "abcde", "abcdefghijklmnop"])
def test_where_all_is_tied_the_seed_decides_every_match_and_all_share_the_middle(ids: str) -> None:
    bracket = played_out(ids, lambda first, second: 0.5)
    assert len(bracket.tosses) == len(ids) - 1
    assert list(bracket.shared_scores().values()) == pytest.approx([0.5] * len(ids))
    assert len(set(bracket.scores().values())) == len(ids)


@pytest.mark.parametrize("ids", ["a", "ab", "abc", "abcde", "abcdefghijklmnop"])
def test_where_nothing_is_tied_places_are_not_shared(ids: str) -> None:
    bracket = played_out(ids, lambda first, second: float(first < second))
    assert bracket.tosses == ()
    assert bracket.shared_scores() == bracket.scores()


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=30, max_size=30), st.integers(2, 7))
@settings(max_examples=200, deadline=None)
def test_sharing_moves_places_about_and_gives_none_away(results: list[float], size: int) -> None:
    told = iter(results)
    bracket = played_out("abcdefg"[:size], lambda first, second: next(told))
    scores, shared = bracket.scores(), bracket.shared_scores()
    assert sum(shared.values()) == pytest.approx(sum(scores.values()))
    assert set(shared) == set(scores)
    tossed = {one for pair in bracket.tosses for one in pair}
    assert all(shared[one] == scores[one] for one in scores if one not in tossed)

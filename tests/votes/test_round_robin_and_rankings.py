"""Everyone against everyone: the exact order where there is one, named cycles where there is none."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.votes import (
    Match,
    PairOutcome,
    kendall_tau,
    pair_outcome,
    ranking_consistency,
    round_robin,
)

SIZES = (1, 2, 3, 5, 16)


def played(first: str, second: str, score: float) -> PairOutcome:
    return pair_outcome(first, second, [Match(first, second, score)])


def all_pairs(strengths: dict[str, int]) -> list[PairOutcome]:
    return [
        played(a, b, 0.5 + 0.5 * ((strengths[a] > strengths[b]) - (strengths[a] < strengths[b])))
        for a, b in itertools.combinations(strengths, 2)
    ]


@pytest.mark.parametrize("size", SIZES)
@settings(deadline=None)
@given(data=st.data())
def test_a_transitive_judge_gives_the_exact_order(size: int, data: st.DataObject) -> None:
    names = [f"c{number:02d}" for number in range(size)]
    order = data.draw(st.permutations(names))
    table = round_robin(names, all_pairs({one: size - place for place, one in enumerate(order)}))
    assert table.ranking == tuple((one,) for one in order)
    assert (table.cycles, table.unplayed) == ((), ())
    scores = [table.standings[one].score for one in order]
    assert scores == [1.0 if size == 1 else pytest.approx(1 - place / (size - 1)) for place in range(size)]


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=7), st.randoms())
def test_equals_stand_in_one_group_however_they_are_listed(strengths: list[int], random: Any) -> None:
    by_name = {f"c{place}": strength for place, strength in enumerate(strengths)}
    outcomes = all_pairs(by_name)
    table = round_robin(list(by_name), outcomes)
    groups = {
        strength: sorted(one for one, other in by_name.items() if other == strength) for strength in strengths
    }
    assert table.ranking == tuple(tuple(groups[strength]) for strength in sorted(groups, reverse=True))
    shuffled = random.sample(list(by_name), len(by_name)), random.sample(outcomes, len(outcomes))
    assert round_robin(*shuffled) == table


outcomes_of_five = st.lists(st.sampled_from([0.0, 0.5, 1.0, None]), min_size=10, max_size=10)


@settings(deadline=None)
@given(outcomes_of_five, st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=10, max_size=10))
def test_missing_matches_leave_exactly_the_range_that_they_can_fill(
    results: list[float | None], rest: list[float]
) -> None:
    pairs = list(itertools.combinations("abcde", 2))
    known = [played(a, b, r) for (a, b), r in zip(pairs, results, strict=True) if r is not None]
    table = round_robin("abcde", known)
    filled = round_robin(
        "abcde",
        [played(a, b, f if r is None else r) for (a, b), r, f in zip(pairs, results, rest, strict=True)],
    )
    assert set(table.unplayed) == {pair for pair, r in zip(pairs, results, strict=True) if r is None}
    for one, standing in table.standings.items():
        final = filled.standings[one].score
        assert final is not None
        assert 0.0 <= standing.low <= final <= standing.high <= 1.0
        assert (standing.score is None) == any(one in pair for pair in table.unplayed)
        assert any(one in group for group in table.ranking) == (standing.score is not None)


@settings(deadline=None)
@given(outcomes_of_five)
def test_every_cycle_named_is_one_and_everyone_in_one_is_named(results: list[float | None]) -> None:
    pairs = list(itertools.combinations("abcde", 2))
    table = round_robin(
        "abcde", [played(a, b, r) for (a, b), r in zip(pairs, results, strict=True) if r is not None]
    )
    beats = {
        (a, b) if r == 1.0 else (b, a) for (a, b), r in zip(pairs, results, strict=True) if r in (0.0, 1.0)
    }
    for cycle in table.cycles:
        assert len(cycle) == len(set(cycle)) >= 3
        assert cycle[0] == min(cycle)
        assert set(itertools.pairwise([*cycle, cycle[0]])) <= beats
    reach = set(beats)
    for middle, start, end in itertools.product("abcde", repeat=3):
        if (start, middle) in reach and (middle, end) in reach:
            reach.add((start, end))
    assert {one for cycle in table.cycles for one in cycle} == {one for one in "abcde" if (one, one) in reach}


def test_three_who_beat_each_other_in_a_circle_are_named() -> None:
    outcomes = [played("a", "b", 1.0), played("b", "c", 1.0), played("c", "a", 1.0)]
    table = round_robin(["c", "b", "a"], outcomes)
    assert table.cycles == (("a", "b", "c"),)
    assert table.ranking == (("a", "b", "c"),)
    assert {standing.score for standing in table.standings.values()} == {0.5}


def test_a_pair_of_strangers_and_a_pair_twice_are_refused() -> None:
    for outcomes in ([played("a", "z", 1.0)], [played("a", "b", 1.0), played("b", "a", 1.0)]):
        with pytest.raises(ValueError):
            round_robin(["a", "b"], outcomes)


rankings = st.lists(st.integers(0, 3), min_size=4, max_size=4).map(
    lambda places: [
        [one for one, place in zip("abcd", places, strict=True) if place == at] for at in range(4)
    ]
)


@settings(deadline=None)
@given(rankings, rankings)
def test_rank_correlation_is_bounded_and_symmetric(one: list[list[str]], other: list[list[str]]) -> None:
    assert -1.0 <= kendall_tau(one, other) <= 1.0
    assert kendall_tau(one, other) == kendall_tau(other, one)
    assert 0.0 <= ranking_consistency(one, other) <= 1.0
    assert kendall_tau(one, one) == 1.0


@settings(deadline=None)
@given(st.permutations(list("abcde")))
def test_equal_rankings_agree_fully_and_reversed_ones_not_at_all(order: list[str]) -> None:
    assert ranking_consistency(order, order) == 1.0
    assert ranking_consistency(order, order[::-1]) == 0.0


def test_one_swap_of_neighbours_among_four_costs_a_third_of_tau() -> None:
    assert kendall_tau("abcd", "bacd") == pytest.approx(2 / 3)
    assert kendall_tau(["ab"], ["a", "b"]) == 0.0
    assert kendall_tau(["ab"], ["ba"]) == kendall_tau(["a"], ["a"]) == 1.0
    assert kendall_tau(["a", "bc"], ["a", "b", "c"]) == pytest.approx(2 / 6**0.5)


def test_rankings_of_different_candidates_are_not_compared() -> None:
    for one, other in ((["a", "b"], ["a", "c"]), (["a", "a"], ["a"])):
        with pytest.raises(ValueError):
            kendall_tau(one, other)

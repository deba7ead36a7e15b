"""The pairing of calls finds what trying every way finds."""

from __future__ import annotations

import time
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.calls.pairing import Pairs, Weights, all_paired, best_in_order, best_pairs

LATER = time.monotonic() + 3600
GRIDS = st.tuples(st.integers(0, 5), st.integers(1, 5)).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, 9), min_size=size[1], max_size=size[1]), min_size=size[0], max_size=size[0]
    )
)


def total(weights: Weights, pairs: Pairs) -> int:
    return sum(weights[row][column] for row, column in pairs.items())


def every_way(weights: Weights, *, in_order: bool) -> int:
    rows, columns = len(weights), len(weights[0]) if weights else 0
    best = 0
    for count in range(min(rows, columns) + 1):
        for chosen in combinations(range(rows), count):
            ways = combinations if in_order else permutations
            for theirs in ways(range(columns), count):
                best = max(best, sum(weights[r][c] for r, c in zip(chosen, theirs, strict=True)))
    return best


@settings(max_examples=200, deadline=None)
@given(GRIDS)
def test_no_other_pairing_is_heavier(weights: list[list[int]]) -> None:
    pairs = best_pairs(weights, deadline=LATER)
    assert len(set(pairs.values())) == len(pairs)
    assert all(weights[row][column] > 0 for row, column in pairs.items())
    assert total(weights, pairs) == every_way(weights, in_order=False)


@settings(max_examples=200, deadline=None)
@given(GRIDS)
def test_no_other_pairing_in_order_is_heavier(weights: list[list[int]]) -> None:
    pairs = best_in_order(weights, deadline=LATER)
    assert list(pairs) == sorted(pairs)
    assert list(pairs.values()) == sorted(set(pairs.values()))
    assert total(weights, pairs) == every_way(weights, in_order=True)


SQUARES = st.integers(0, 6).flatmap(
    lambda size: st.lists(st.lists(st.booleans(), min_size=size, max_size=size), min_size=size, max_size=size)
)


@settings(max_examples=200, deadline=None)
@given(SQUARES)
def test_all_are_paired_where_any_way_pairs_all(fits: list[list[bool]]) -> None:
    size = range(len(fits))
    wanted = any(all(fits[row][way[row]] for row in size) for way in permutations(size))
    assert all_paired(len(fits), lambda row, column: fits[row][column], deadline=LATER) is wanted


def test_items_that_can_be_paired_in_one_way_only_are_compared_once_each() -> None:
    asked = set[tuple[int, int]]()

    def fits(row: int, column: int) -> bool:
        assert (row, column) not in asked
        asked.add((row, column))
        return row + column in (299, 300)

    assert all_paired(300, fits, deadline=LATER)


@pytest.mark.parametrize("pairing", [best_pairs, best_in_order])
def test_a_pairing_that_takes_too_long_ends(pairing: object) -> None:
    assert callable(pairing)
    with pytest.raises(TimeoutError):
        pairing([[1, 2], [3, 4]], deadline=time.monotonic() - 1)

"""Calibration error, Brier score and risk against coverage, on worked cases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_agent.calibration.measures import Rated, aurc, brier, ece, risk_coverage

grid = st.sampled_from([0.0, 0.05, 0.1, 0.3, 1 / 3, 0.5, 0.77, 0.99, 1.0])
items = st.lists(st.tuples(grid, st.booleans()).map(lambda one: Rated(*one)), min_size=1, max_size=20)


def test_a_perfect_judge_has_no_error() -> None:
    found = [Rated(1.0, True), Rated(0.0, False)]
    assert (ece(found), brier(found)) == (0.0, 0.0)


def test_the_error_is_the_gap_in_each_bin_by_its_share() -> None:
    found = [Rated(0.9, True), Rated(0.9, False), Rated(0.25, False), Rated(0.25, False)]
    assert ece(found) == pytest.approx(0.5 * 0.4 + 0.5 * 0.25)
    assert brier(found) == pytest.approx((0.01 + 0.81 + 2 * 0.0625) / 4)


def test_the_surest_are_answered_first_and_ties_count_as_in_a_random_order() -> None:
    assert risk_coverage([Rated(0.2, False), Rated(0.9, True), Rated(0.5, True)]) == [
        0.0,
        0.0,
        pytest.approx(1 / 3),
    ]
    assert risk_coverage([Rated(0.5, False), Rated(0.5, True)]) == [0.5, 0.5]
    assert aurc([Rated(0.9, False), Rated(0.1, True)]) == pytest.approx(0.75)
    assert aurc([Rated(0.9, True), Rated(0.1, False)]) == pytest.approx(0.25)


@given(items)
def test_all_measures_lie_between_0_and_1_and_hang_on_no_order(given: list[Rated]) -> None:
    for measure in (ece, brier, aurc):
        assert 0.0 <= measure(given) <= 1.0 + 1e-12
        assert measure(given[::-1]) == pytest.approx(measure(given), abs=1e-9)
    assert risk_coverage(given)[-1] == pytest.approx(sum(not one.right for one in given) / len(given))


@pytest.mark.parametrize("measure", [ece, brier, aurc, risk_coverage])
def test_nothing_cannot_be_measured(measure) -> None:
    with pytest.raises(ValueError, match="no items"):
        measure([])

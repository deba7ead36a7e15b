"""Intervals, calibration and paired tests are what their formulas say."""

from __future__ import annotations

import math

import pytest

from evals.suite.statistics import bootstrap, calibration_error, harmonic, mcnemar


def test_an_interval_holds_the_mean_is_seeded_and_narrows_with_more_values() -> None:
    few, many = [1.0, 0.0] * 10, [1.0, 0.0] * 200
    wide, narrow = bootstrap(few, 0), bootstrap(many, 0)
    assert wide is not None
    assert narrow is not None
    assert wide.low < narrow.low < 0.5 < narrow.high < wide.high
    assert bootstrap(few, 0) == wide
    assert len({bootstrap(many, seed) for seed in range(5)}) > 1
    # The normal approximation of 400 draws: 1.96 * sqrt(0.25 / 400) = 0.049.
    assert narrow.high - narrow.low == pytest.approx(0.098, abs=0.02)


def test_values_that_are_all_the_same_have_no_width_and_no_values_no_interval() -> None:
    assert bootstrap([1.0] * 9, 3) == (1.0, 1.0)
    assert bootstrap([], 3) is None


def test_calibration_is_the_gap_of_confidence_and_share_by_bin() -> None:
    assert calibration_error([(1.0, True), (0.0, False)]) == 0.0
    assert calibration_error([(0.8, True), (0.8, False)]) == pytest.approx(0.3)
    # Two bins: 0.9 - 1 on one, 0.5 - 0 on the other.
    assert calibration_error([(0.9, True), (0.5, False)]) == pytest.approx((0.1 + 0.5) / 2)
    # Opposite mistakes in one bin cancel, in two they do not.
    assert calibration_error([(0.55, True), (0.55, False), (0.5, True), (0.5, False)]) == pytest.approx(0.025)
    assert calibration_error([]) is None


def test_mcnemar_is_the_exact_binomial_of_the_items_that_one_alone_has_right() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(4, 4) == 1.0
    assert mcnemar(0, 5) == 2 / 32
    assert mcnemar(1, 9) == pytest.approx(2 * (1 + 10) / 1024)
    assert mcnemar(9, 1) == mcnemar(1, 9)
    assert 0 <= mcnemar(2000, 2400) < 1e-8


def test_the_harmonic_mean_is_nothing_where_one_share_is() -> None:
    assert harmonic(0.5, 1.0) == pytest.approx(2 / 3)
    assert harmonic(0.0, 1.0) == 0.0
    assert math.isclose(harmonic(0.3, 0.3), 0.3)

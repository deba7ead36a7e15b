"""Intervals, calibration and paired tests are what their formulas say."""

from __future__ import annotations

import math

import pytest

from evals.loaders.item import Entry, Item, Outcome, Request
from evals.progress import Progress
from evals.suite.sampling import chosen
from evals.suite.statistics import bootstrap, calibration_error, harmonic, mcnemar, of_difference, of_share
from evals.suite.summary import Figures, interval_of


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


def test_where_all_or_none_are_right_the_interval_says_how_little_few_items_tell() -> None:
    # Of z*z / (n + z*z): 3.8416 / 13.8416 and 3.8416 / 703.8416.
    assert of_share(10, 10, 0) == (0.7225, 1.0)
    assert of_share(0, 10, 0) == (0.0, 0.2775)
    assert of_share(700, 700, 0) == (0.9945, 1.0)
    assert of_share(9, 10, 4) == bootstrap([1.0] * 9 + [0.0], 4)
    assert of_share(0, 0, 0) is None


def test_an_interval_is_told_in_whole_per_cents_rounded_outwards() -> None:
    found = {"items": 2000, "right": 2000, "wrong": 0, "tie": 0, "none": 0, "accuracy": 1.0}
    ends = {"low": 0.9981, "high": 1.0, "accuracy_of_decided": 1.0}
    assert interval_of(Figures(**found, **ends)) == "99% to 100%"
    assert interval_of(Figures(**found, **{**ends, "low": 0.29, "high": 0.5701})) == "29% to 58%"
    assert interval_of(Figures(**found, **{**ends, "low": None, "high": None})) == "n/a"


def test_calibration_is_the_gap_of_confidence_and_share_by_bin() -> None:
    assert calibration_error([(1.0, True), (0.0, False)]) == 0.0
    assert calibration_error([(0.8, True), (0.8, False)]) == pytest.approx(0.3)
    # Two bins: 0.9 - 1 on one, 0.5 - 0 on the other.
    assert calibration_error([(0.9, True), (0.5, False)]) == pytest.approx((0.1 + 0.5) / 2)
    # Opposite mistakes in one bin cancel, in two they do not.
    assert calibration_error([(0.55, True), (0.55, False), (0.5, True), (0.5, False)]) == pytest.approx(0.025)
    assert calibration_error([]) is None


def test_a_difference_is_resampled_and_where_all_pairs_are_alike_it_is_not_certain() -> None:
    assert of_difference(0, 0, 0, 1) is None
    few, many = of_difference(0, 0, 10, 1), of_difference(0, 0, 200, 1)
    assert few is not None
    assert many is not None
    assert few.low == -few.high == pytest.approx(-0.2775, abs=1e-3)
    assert 0 < many.high < 0.02
    better = of_difference(0, 10, 10, 1)
    assert better is not None
    assert (better.low, better.high) == (pytest.approx(1 - 2 * 0.2775, abs=1e-3), 1.0)
    worse = of_difference(10, 0, 10, 1)
    assert worse is not None
    assert (worse.low, worse.high) == (-1.0, -better.low)
    mixed = of_difference(2, 6, 20, 1)
    assert mixed is not None
    assert -0.2 <= mixed.low < 0.2 < mixed.high <= 0.5


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


def test_of_a_set_that_takes_long_to_read_it_is_said_how_far_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = Item("a", "c", Request({}), Outcome(succeeded=True))
    entries = [Entry(str(place), "c", lambda: made) for place in range(3)]
    chosen(entries, 2, 0, Progress("reading a set", 2))
    assert [line.split(",")[0].split("] ")[1] for line in capsys.readouterr().err.splitlines()] == [
        "1/2",
        "2/2",
    ]
    chosen(entries, 2, 0, Progress("reading a set", 2, quiet_seconds=60.0))
    assert capsys.readouterr().err == ""

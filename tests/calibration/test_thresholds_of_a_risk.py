"""From a risk to a threshold: the bound is the exact one, and what is promised is kept."""

from __future__ import annotations

import math
import random
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from judge_agent.calibration.risk import DELTA, Count, fewest, least_risk, threshold, upper_bound

counts = st.lists(
    st.tuples(st.floats(0, 1), st.integers(1, 40), st.floats(0, 1)).map(
        lambda one: Count(one[0], one[1], int(one[1] * one[2]))
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda one: one.raw,
)


@pytest.mark.parametrize(
    ("wrong", "judged", "bound"),
    [
        (0, 22, 1 - 0.1 ** (1 / 22)),
        (0, 1, 0.9),
        (1, 10, 0.336848),
        (5, 100, 0.090869),
        (3, 3, 1.0),
        (0, 0, 1.0),
    ],
)
def test_the_bound_is_that_of_clopper_and_pearson(wrong: int, judged: int, bound: float) -> None:
    assert upper_bound(wrong, judged, 0.1) == pytest.approx(bound, abs=2e-4)


@given(st.integers(0, 60), st.integers(1, 60), st.floats(0.01, 0.3))
def test_the_bound_is_above_what_was_seen_and_falls_with_more_of_the_same(
    wrong: int, judged: int, delta: float
) -> None:
    wrong = min(wrong, judged)
    bound = upper_bound(wrong, judged, delta)
    assert wrong / judged <= bound <= 1.0
    assert upper_bound(2 * wrong, 2 * judged, delta) <= bound + 1e-9
    assert upper_bound(wrong, judged, delta / 2) >= bound - 1e-9


def first_tried(given: list[Count], risk: float) -> tuple[int, int]:
    """The verdicts of the first threshold that is tried for a risk, and how many of them are wrong."""
    judged = wrong = 0
    for count in sorted(given, reverse=True):
        judged, wrong = judged + count.judged, wrong + count.wrong
        if judged >= fewest(risk):
            break
    return judged, wrong


@given(counts, st.floats(0.01, 0.5), st.floats(0.01, 0.5))
@example([Count(0.0, 5, 0), Count(1.0, 4, 1)], 0.375, 0.5)
def test_a_larger_risk_answers_no_less_but_where_its_first_try_fails(
    given: list[Count], low: float, high: float
) -> None:
    low, high = sorted((low, high))
    strict, lenient = threshold(given, low), threshold(given, high)
    if strict is None:
        return
    assert strict.bound <= low
    if lenient is None:
        judged, wrong = first_tried(given, high)
        assert upper_bound(wrong, judged, DELTA) > high
    elif not any(one.wrong for one in given):
        assert lenient.raw <= strict.raw


def test_the_threshold_stops_at_the_first_that_breaks_the_bound() -> None:
    found = threshold([Count(0.9, 50, 0), Count(0.5, 50, 25), Count(0.1, 1000, 0)], 0.1)
    assert found is not None
    assert (found.raw, found.judged, found.wrong) == (0.9, 50, 0)


def test_too_few_verdicts_show_no_risk_and_the_least_one_is_told() -> None:
    assert threshold([Count(1.0, 21, 0)], 0.1) is None
    assert threshold([Count(1.0, 22, 0)], 0.1) is not None
    assert fewest(0.1) == 22
    assert (fewest(1.0), fewest(1e-320)) == (1, sys.maxsize)
    assert least_risk([Count(1.0, 22, 0)]) == 0.1
    assert least_risk([Count(1.0, 30, 30)]) == 1.0


def test_the_risk_is_kept_in_nine_of_ten_drawings_at_least() -> None:
    """Verdicts of confidence c are right with probability c: the true risk from t on is the mean of 1 - c there."""
    drawn = random.Random(7)
    broken = answered = 0
    for _ in range(200):
        sure = [round(drawn.random(), 2) for _ in range(300)]
        labelled: dict[float, list[bool]] = {}
        for one in sure:
            labelled.setdefault(one, []).append(drawn.random() >= one)
        found = threshold([Count(raw, len(all_), sum(all_)) for raw, all_ in labelled.items()], 0.15)
        if found is not None:
            answered += 1
            broken += (1 - found.raw) / 2 > 0.15
    assert answered > 100
    assert broken / 200 <= DELTA + 3 * math.sqrt(DELTA * (1 - DELTA) / 200)

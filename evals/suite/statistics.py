"""Figures of many verdicts, pure and seeded: intervals by resampling, calibration error, paired tests.

Bootstrap: Efron (1979), percentiles. Wilson (1927) where resampling can draw nothing but one value, as Brown, Cai and
DasGupta (2001) find it good for small samples. McNemar: exact, two-sided.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

from judge_agent.calibration.measures import Rated, ece, wilson

RESAMPLES = 2000


class Interval(NamedTuple):
    """From where to where a figure of 95% confidence goes."""

    low: float
    high: float


def bootstrap(values: Sequence[float], seed: int) -> Interval | None:
    """The interval of the mean of values, drawn with replacement; None of no values."""
    if not values:
        return None
    draw, count = random.Random(seed), len(values)  # noqa: S311 - reproducible, no secret
    means = sorted(math.fsum(draw.choices(values, k=count)) / count for _ in range(RESAMPLES))
    return Interval(round(means[int(0.025 * RESAMPLES)], 4), round(means[int(0.975 * RESAMPLES) - 1], 4))


def of_share(right: int, count: int, seed: int) -> Interval | None:
    """The interval of 95% of a share of right ones: by resampling, and Wilson's where all or none are right.

    There every sample that can be drawn is the same, and resampling would call ten right ones of ten certain. None of
    none.
    """
    if not count or 0 < right < count:
        return bootstrap([1.0] * right + [0.0] * (count - right), seed)
    low, high = wilson(right / count, count)
    return Interval(round(low, 4), round(high, 4))


def of_difference(first_only: int, second_only: int, count: int, seed: int) -> Interval | None:
    """The interval of 95% of the difference of two shares over the same items: second less first.

    `first_only` and `second_only` count the items of which one alone is right. By resampling the pairs; where all pairs
    are alike, by Wilson's of how many others there might be, which may all be the other way. None of none.
    """
    if not count:
        return None
    steps = [-1.0] * first_only + [1.0] * second_only + [0.0] * (count - first_only - second_only)
    if len(set(steps)) > 1:
        return bootstrap(steps, seed)
    others = wilson(0.0, count)[1]
    most = others if steps[0] == 0.0 else 2 * others
    return Interval(round(max(-1.0, steps[0] - most), 4), round(min(1.0, steps[0] + most), 4))


def calibration_error(said: Sequence[tuple[float, bool]]) -> float | None:
    """The expected calibration error of confidences and whether they were right; None of none."""
    return round(ece([Rated(value, is_right) for value, is_right in said]), 4) if said else None


def mcnemar(first_only: int, second_only: int) -> float:
    """How probable a split at least as uneven is where both are equally good: the exact binomial test.

    `first_only` and `second_only` count the items of which one alone is right; without such items 1.
    """
    count, least = first_only + second_only, min(first_only, second_only)
    tail = sum(math.comb(count, k) for k in range(least + 1)) / (1 << count)
    return min(1.0, 2 * tail)


def harmonic(one: float, other: float) -> float:
    """The harmonic mean of two shares (F1 of ProcessBench); 0 where one of them is 0."""
    return 2 * one * other / (one + other) if one and other else 0.0

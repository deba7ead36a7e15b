"""Figures of many verdicts, pure and seeded: intervals by resampling, calibration error, paired tests.

Bootstrap: Efron (1979), percentiles. McNemar: exact, two-sided.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

from judge_agent.calibration.measures import Rated, ece

RESAMPLES = 2000


class Interval(NamedTuple):
    """The middle 95% of what resampling gives."""

    low: float
    high: float


def bootstrap(values: Sequence[float], seed: int) -> Interval | None:
    """The interval of the mean of values, drawn with replacement; None of no values."""
    if not values:
        return None
    draw, count = random.Random(seed), len(values)  # noqa: S311 - reproducible, no secret
    means = sorted(math.fsum(draw.choices(values, k=count)) / count for _ in range(RESAMPLES))
    return Interval(round(means[int(0.025 * RESAMPLES)], 4), round(means[int(0.975 * RESAMPLES) - 1], 4))


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

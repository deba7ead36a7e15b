"""Where the mean of samples likely lies, and whose place among others that leaves open.

A range is the mean, give or take WIDTH standard errors, cut to [0, 1]. The variance has a part of one more sample
that lies PRIOR_DEVIATION away, so that two answers that happen to agree are not taken for certainty. That is a rule of
thumb for spending, as in racing (Maron and Moore 1994): no verdict and no confidence rests on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

WIDTH = 1.64
PRIOR_DEVIATION = 0.25
CONSTANT_AFTER = 3


class Range(NamedTuple):
    """Where a mean likely lies; `is_constant`: at least CONSTANT_AFTER samples all gave it."""

    low: float
    high: float
    mean: float
    is_constant: bool = False

    @property
    def width(self) -> float:
        return self.high - self.low

    def overlaps(self, other: Range) -> bool:
        return self.low <= other.high and other.low <= self.high

    def ties_with(self, other: Range) -> bool:
        """Whether both were given the same by every sample: further ones would most likely tell no difference."""
        return self.is_constant and other.is_constant and self.mean == other.mean


def likely_range(scores: Sequence[float]) -> Range:
    """Return where the mean of more samples likely lies, from the scores in [0, 1] so far; all of it for none."""
    count = len(scores)
    if not count:
        return Range(0.0, 1.0, 0.5)
    mean = math.fsum(scores) / count
    variance = (math.fsum((score - mean) ** 2 for score in scores) + PRIOR_DEVIATION**2) / count
    error = WIDTH * math.sqrt(variance / count)
    constant = count >= CONSTANT_AFTER and min(scores) == max(scores)
    return Range(max(0.0, mean - error), min(1.0, mean + error), mean, constant)


def undecided(ranges: Mapping[str, Range]) -> tuple[str, ...]:
    """Return whose place is open: their range overlaps that of one with whom they do not tie. The widest first, equals
    by name."""
    found = [
        name
        for name, own in ranges.items()
        if any(
            name != other and own.overlaps(its) and not own.ties_with(its) for other, its in ranges.items()
        )
    ]
    return tuple(sorted(found, key=lambda name: (-ranges[name].width, name)))

"""Where numbers lie among each other: their ranks, and how far each is from the mean. None is in no statistic.

Sums are `math.fsum`, so the order of the numbers changes no bit, and equal numbers get equal results.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

Numbers = Sequence[float | None]


class Spread(NamedTuple):
    """How many numbers there are, and what they come to; None where there is none."""

    counted: int
    mean: float | None
    std: float | None


def spread(values: Numbers, ddof: int = 0) -> Spread:
    """Return count, mean and standard deviation (which divides by N - ddof, and is 0 for one number)."""
    known = [value for value in values if value is not None]
    if not known:
        return Spread(0, None, None)
    # Numbers far past 1 are scaled down, or their squares would be no floats.
    scale = max(1.0, *(abs(value) for value in known))
    scaled = [value / scale for value in known]
    mean = math.fsum(scaled) / len(scaled)
    if len(known) <= ddof or min(known) == max(known):
        return Spread(len(known), known[0] if min(known) == max(known) else mean * scale, 0.0)
    squares = math.fsum((value - mean) ** 2 for value in scaled)
    return Spread(len(known), mean * scale, math.sqrt(squares / (len(known) - ddof)) * scale)


def ranks(values: Numbers) -> list[float | None]:
    """Return 1 - rank/(N-1) of each among the N known ones: 1 for the highest, 0 for the lowest.

    Equal ones share the mean of their ranks. Where nothing is told apart (one number, or all equal) it is 0.5: to be
    the only one is no merit. The reward of a ranking as ArenaRL has it (arXiv 2601.06487), with ties.
    """
    known = [value for value in values if value is not None]
    most = 2 * (len(known) - 1)
    return [None if value is None else _rank(value, known, most) for value in values]


def _rank(value: float, known: Sequence[float], most: int) -> float:
    if not most:
        return 0.5
    better = sum(other > value for other in known)
    equal = sum(other == value for other in known)
    # In halves of a rank, so that one division is the only rounding.
    return (most - 2 * better - (equal - 1)) / most


def standardised(values: Numbers, ddof: int = 0, epsilon: float = 1e-9) -> list[float | None]:
    """Return (value - mean) / std of each, 0 for all where the std is at most `epsilon`.

    For numbers past 1 `epsilon` is relative to the largest. The group's advantage of GRPO (arXiv 2402.03300), with a
    floor where GRPO adds a constant to the divisor: what is left is of mean 0 and of std 1.
    """
    found = spread(values, ddof)
    if found.mean is None or found.std is None:
        return [None] * len(values)
    scale = max(1.0, *(abs(value) for value in values if value is not None))
    if found.std <= epsilon * scale:
        return [None if value is None else 0.0 for value in values]
    mean, std = found.mean / scale, found.std / scale
    return [None if value is None else (value / scale - mean) / std for value in values]

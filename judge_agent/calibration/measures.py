"""How good confidences are: calibration error, Brier score, risk against coverage; how sure a share is. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

BINS = 10
# Of the normal distribution, 95% lie within so many standard deviations.
_Z = 1.96


class Rated(NamedTuple):
    """How sure a verdict was, in [0, 1], and whether it was right."""

    confidence: float
    right: bool


class Quality(NamedTuple):
    """Each in [0, 1], the lower the better; see the functions of these names."""

    ece: float
    brier: float
    aurc: float


def quality(items: Sequence[Rated]) -> Quality:
    """Return all three of at least one item. Raises ValueError for none."""
    return Quality(ece(items), brier(items), aurc(items))


def wilson(share: float, count: int) -> tuple[float, float]:
    """Return the interval of 95% around a share of `count` (Wilson 1927); all of [0, 1] for none."""
    if not count:
        return (0.0, 1.0)
    middle = (share + _Z * _Z / (2 * count)) / (1 + _Z * _Z / count)
    half = _Z * math.sqrt(share * (1 - share) / count + _Z * _Z / (4 * count * count)) / (1 + _Z * _Z / count)
    return (max(0.0, middle - half), min(1.0, middle + half))


def ece(items: Sequence[Rated], bins: int = BINS) -> float:
    """Return the expected calibration error: sum over bins of equal width of share x |mean confidence - share right|.

    Guo et al. 2017 (arXiv 1706.04599). Raises ValueError for no items.
    """
    _require(items)
    placed: dict[int, list[Rated]] = {}
    for one in items:
        placed.setdefault(min(bins - 1, int(one.confidence * bins)), []).append(one)
    gaps = (abs(math.fsum(one.confidence - one.right for one in within)) for within in placed.values())
    return math.fsum(gaps) / len(items)


def brier(items: Sequence[Rated]) -> float:
    """Return the mean of (confidence - right)^2 (Brier 1950). Raises ValueError for no items."""
    _require(items)
    return math.fsum((one.confidence - one.right) ** 2 for one in items) / len(items)


def risk_coverage(items: Sequence[Rated]) -> list[float]:
    """Return the share of wrong ones among the n surest, for n = 1 to all; equals count as in a random order.

    El-Yaniv and Wiener 2010. Raises ValueError for no items.
    """
    _require(items)
    risks: list[float] = []
    wrong = 0.0
    for tied in _tied(items):
        share = sum(not one.right for one in tied) / len(tied)
        for place in range(1, len(tied) + 1):
            risks.append((wrong + share * place) / (len(risks) + 1))
        wrong += share * len(tied)
    return risks


def aurc(items: Sequence[Rated]) -> float:
    """Return the area under the risk-coverage curve: the mean risk over all coverages (arXiv 1805.08206)."""
    risks = risk_coverage(items)
    return math.fsum(risks) / len(risks)


def _tied(items: Sequence[Rated]) -> list[list[Rated]]:
    groups: dict[float, list[Rated]] = {}
    for one in items:
        groups.setdefault(one.confidence, []).append(one)
    return [groups[confidence] for confidence in sorted(groups, reverse=True)]


def _require(items: Sequence[Rated]) -> None:
    if not items:
        raise ValueError("there are no items to measure")

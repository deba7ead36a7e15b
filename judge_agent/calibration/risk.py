"""From a requested risk to a threshold of confidence, with a bound that holds for finite samples. Pure."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import NamedTuple

# How likely a threshold may be to break its promise, over the drawing of the labelled judgments.
DELTA = 0.1
_STEPS = 60


class Count(NamedTuple):
    """Of the labelled verdicts with this raw confidence: how many there are, and how many of them were wrong."""

    raw: float
    judged: int
    wrong: int


class Threshold(NamedTuple):
    """Answer from `raw` on: of the `judged` labelled verdicts there `wrong` were wrong; at most `bound` are."""

    raw: float
    judged: int
    wrong: int
    bound: float


def upper_bound(wrong: int, judged: int, delta: float = DELTA) -> float:
    """Return the Clopper-Pearson upper bound of a share, of which `wrong` of `judged` were seen; 1 for none seen.

    The true share is above it with probability `delta` at most (Clopper and Pearson 1934): the share p at which so few
    wrong ones, or fewer, come with probability `delta`.
    """
    if judged <= 0 or wrong >= judged:
        return 1.0
    low, high = wrong / judged, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(wrong, judged, middle) > delta else (low, middle)
    return high


def fewest(max_risk: float, delta: float = DELTA) -> int:
    """How many verdicts, none of them wrong, it takes to show a risk."""
    if max_risk >= 1.0:
        return 1
    wanted = math.log(delta) / math.log1p(-max_risk)
    return math.ceil(wanted) if math.isfinite(wanted) else sys.maxsize


def threshold(counts: Sequence[Count], max_risk: float, delta: float = DELTA) -> Threshold | None:
    """Return the lowest raw confidence from which on at most `max_risk` of the verdicts are wrong; None: none is shown.

    Fixed-sequence testing of Learn then Test (arXiv 2110.01052): thresholds are tried from the highest down, first
    where there are enough verdicts to show the risk at all (that is known without their labels), and as long as the
    Clopper-Pearson bound stays within it. With probability 1 - `delta` over the labelled verdicts, drawn like those to
    come and independently, the risk above the threshold is at most `max_risk`. A larger risk is tried from fewer
    verdicts on, so that it may fail at the first of them where a smaller one, tried from more on, is shown.
    """
    found: Threshold | None = None
    judged = wrong = 0
    least = fewest(max_risk, delta)
    for count in sorted(counts, reverse=True):
        judged, wrong = judged + count.judged, wrong + count.wrong
        if judged < least:
            continue
        bound = upper_bound(wrong, judged, delta)
        if bound > max_risk:
            break
        found = Threshold(count.raw, judged, wrong, bound)
    return found


def least_risk(counts: Sequence[Count], delta: float = DELTA) -> float:
    """The smallest risk of the percents 1, 2, ... 99 that these counts can show; 1 where they show none."""
    return next(
        (share / 100 for share in range(1, 100) if threshold(counts, share / 100, delta) is not None), 1.0
    )


def _at_most(wrong: int, judged: int, share: float) -> float:
    """The probability of `wrong` or fewer of `judged`, each with this probability."""
    if share >= 1.0:
        return 0.0
    if share <= 0.0:
        return 1.0
    log_yes, log_no = math.log(share), math.log1p(-share)
    whole = math.lgamma(judged + 1)
    return math.fsum(
        math.exp(
            whole - math.lgamma(k + 1) - math.lgamma(judged - k + 1) + k * log_yes + (judged - k) * log_no
        )
        for k in range(wrong + 1)
    )

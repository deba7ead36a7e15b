"""Rewards against references and bounds: PAR, differences from a baseline, and clipping. None is in no statistic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from judge_agent.reward.spread import Numbers


def sigmoid(x: float) -> float:
    """Return 1 / (1 + exp(-x)), in [0, 1], without overflow."""
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    part = math.exp(x)
    return part / (1.0 + part)


def log_sigmoid(x: float) -> float:
    """Return log(1 / (1 + exp(-x))), never above 0, without overflow."""
    return -math.log1p(math.exp(-x)) if x >= 0 else x - math.log1p(math.exp(x))


def against_references(
    values: Numbers, references: Sequence[float] | None, k: float = 1.0
) -> list[float | None]:
    """Return (1/M) sum over the M references of sigmoid(k (r - r_ref)) for each r, in (0, 1).

    Preference as reward (PAR, arXiv 2502.18770): 0.5 at a reference, rising fast below and slowly above it, so that
    what a model gains by overdoing it is bounded. The references are there samples of the reference policy; where
    none are given, they are the known values themselves (each member against its group, itself included).
    """
    known = [value for value in values if value is not None] if references is None else references
    return [
        None if value is None else math.fsum(sigmoid(k * (value - one)) for one in known) / len(known)
        for value in values
    ]


def beyond(values: Numbers, baseline: float | Literal["mean", "others"]) -> list[float | None]:
    """Return r - baseline for each r: a number, the mean of the known ones, or of the other known ones.

    `others` is the leave-one-out baseline of RLOO (Kool et al. 2019; arXiv 2402.14740): (N r - sum) / (N - 1); who is
    alone gets 0. After `clip` with the same number as `high` it is min(r - number, 0), the clip of arXiv 2410.15115.
    """
    known = [value for value in values if value is not None]
    if isinstance(baseline, int | float):
        return [None if value is None else value - baseline for value in values]
    if len(known) < 2 or min(known) == max(known):
        return [None if value is None else 0.0 for value in values]
    divisor = len(known) if baseline == "mean" else len(known) - 1
    # Differences first: equal values differ by exactly 0, and no sum of all of them overflows.
    return [
        None if value is None else math.fsum((value - other) / divisor for other in known) for value in values
    ]


def clipped(values: Numbers, low: float | None, high: float | None) -> list[float | None]:
    """Return min(max(r, low), high) for each r; None bounds nothing on its side."""
    least, most = -math.inf if low is None else low, math.inf if high is None else high
    return [None if value is None else min(max(value, least), most) for value in values]

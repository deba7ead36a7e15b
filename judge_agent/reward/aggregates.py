"""The five aggregates: many scores in [0,1] become one, in [0,1].

All are monotone in every score and do not depend on the order of the principles (sums are
`math.fsum`, whose result is the correctly rounded one), so equal verdicts give equal floats, and the
range over unknown scores is reached with all of them at their worst and all of them at their best.

A weight below 0 makes a penalty: its score says how far a fault is there, and no higher score raises the scalar.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from judge_agent.schema import Aggregate

LEVELS = 36  # the least grid on which 1-10 (ninths), 1-5 (quarters) and pass_fail all lie exactly
MAX_TIERS = 8  # 37**8 stays far below 2**53, so the integer part of the code is exact in a float
MAX_RATIO = (
    1e15  # of a penalty to the largest weight: past it the quotient could be infinite, and infinity times 0
)


@dataclass(frozen=True)
class Weighed:
    """One score in [0,1] with what it counts for. A weight of 0 counts for nothing, unless all are 0.

    With a weight below 0 it is a penalty, which is never hard.
    """

    score: float
    weight: float
    hard: bool = False

    @property
    def is_penalty(self) -> bool:
        return self.weight < 0


def aggregated(kind: Aggregate, items: Sequence[Weighed], *, hard_pass: float = 0.5) -> float:
    """Return the scalar of at least one item, in [0,1]. Raises ValueError when there is none."""
    if not items:
        raise ValueError("nothing to aggregate: a scalar needs at least one scored principle")
    return _AGGREGATES[kind](items, hard_pass)


def weighted_mean(items: Sequence[Weighed]) -> float:
    """Return sum(w*s) / sum(w); the plain mean where every weight is 0.

    Penalties take off what they weigh beside the rest: the sum goes over all items, the divisor over those that are
    none, and what is below 0 is 0 (the points of HealthBench, arXiv 2505.08775). Where nothing has a weight above 0,
    sum(|w|*s) / sum(|w|) of the penalties is taken off the plain mean of the rest, or off 1 where there is no rest.
    """
    rewards = [item for item in items if not item.is_penalty]
    penalties = [item for item in items if item.is_penalty]
    weights = effective_weights([item.weight for item in rewards])
    gained = [w * item.score for w, item in zip(weights, rewards, strict=True)]
    if not penalties:
        return math.fsum(gained) / math.fsum(weights)
    largest = max((item.weight for item in rewards), default=0.0)
    if largest > 0:
        lost = [-min(-item.weight / largest, MAX_RATIO) * item.score for item in penalties]
        return _within(math.fsum([*gained, *lost]) / math.fsum(weights))
    base = math.fsum(gained) / math.fsum(weights) if rewards else 1.0
    sizes = effective_weights([-item.weight for item in penalties])
    lost = [size * item.score for size, item in zip(sizes, penalties, strict=True)]
    return _within(base - math.fsum(lost) / math.fsum(sizes))


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))


def effective_weights(weights: Sequence[float]) -> list[float]:
    """Return the weights scaled so that the largest is 1 (tiny ones do not vanish); all 1 where all are 0."""
    largest = max(weights, default=0.0)
    return [weight / largest for weight in weights] if largest > 0 else [1.0] * len(weights)


def _weighted(items: Sequence[Weighed], hard_pass: float) -> float:
    """Weighted mean of hard and soft principles alike."""
    return weighted_mean(items)


def _gated(items: Sequence[Weighed], hard_pass: float) -> float:
    """0 when a hard principle is below `hard_pass`, else the weighted mean over hard and soft.

    The bottom-line constraints of SearchLLM and the gate of G-RA and P-GRPO: soft rewards accrue only
    when the gate is passed. Those papers cap at several values; here the cap is the minimum, 0. A hard
    principle of weight 0 is a pure gate.
    """
    if any(item.hard and item.score < hard_pass for item in items):
        return 0.0
    return weighted_mean(items)


def _renormed(items: Sequence[Weighed], hard_pass: float) -> float:
    """(process + outcome) / 2: the weighted mean of the soft principles, and 1 where every hard one is passed, else 0.

    Where there are only soft or only hard principles, that one part alone. However good the steps, what failed stays at
    or below 0.5, and what succeeded stays at or above it; no weight of a hard principle moves either. It is
    `process.renormalised` (after ReNorm of PPR, 2509.25598) put into [0, 1].
    """
    soft, hard = [item for item in items if not item.hard], [item for item in items if item.hard]
    outcome = float(all(item.score >= hard_pass for item in hard))
    if not soft:
        return outcome
    return (weighted_mean(soft) + outcome) / 2 if hard else weighted_mean(soft)


def _veto(items: Sequence[Weighed], hard_pass: float) -> float:
    """0 when a hard principle is below `hard_pass` or any that counts is at its worst, else the mean.

    Worst is the minimum, and of a penalty the maximum. The veto of ELECTRE (Roy 1968): one criterion that is bad
    enough rules out, whatever the others say; OpenRS (2602.14069) gives its `fatal` items the same power. Never
    above `gated`.
    """
    rewards = [item for item in items if not item.is_penalty]
    weights = effective_weights([item.weight for item in rewards])
    if any(w > 0 and item.score <= 0 for w, item in zip(weights, rewards, strict=True)):
        return 0.0
    if any(item.is_penalty and item.score >= 1 for item in items):
        return 0.0
    return _gated(items, hard_pass)


def _lexicographic(items: Sequence[Weighed], hard_pass: float) -> float:
    """Code the tiers as the digits of one number, so that a better earlier tier outweighs all later ones.

    Tiers, first to last: the lowest hard score; the weighted mean of the hard scores (where there are
    several); then the soft principles by falling weight, equal weights in one tier (their mean). Past
    MAX_TIERS the rest share the last tier by weighted mean. A penalty stands in the tier of its weight's size with
    1 - score. With tier values x_1..x_T, L = 36, B = L + 1:

        score = (floor(L*x_1) * B**(T-1) + ... + floor(L*x_(T-1)) * B + L*x_T) / (B**T - 1)

    Every tier but the last is read on a grid of 37 levels (the scales lie on it exactly): no real
    function orders continuous tiers lexicographically (Debreu 1954). The hierarchy of ChatShopBuddy
    (correctness, then persuasiveness, then efficiency) is this with three tiers.
    """
    tiers = _tiers([_turned(item) for item in items])
    whole: int = 0
    for value in tiers[:-1]:
        whole = whole * (LEVELS + 1) + math.floor(LEVELS * value + 1e-9)
    code = whole * (LEVELS + 1) + LEVELS * tiers[-1]
    return min(1.0, code / float((LEVELS + 1) ** len(tiers) - 1))


def _turned(item: Weighed) -> Weighed:
    """A penalty as the absence of its fault; everything else as it is."""
    return Weighed(1.0 - item.score, -item.weight) if item.is_penalty else item


def _tiers(items: Sequence[Weighed]) -> list[float]:
    hard = [item for item in items if item.hard]
    tiers = [min(item.score for item in hard)] if hard else []
    if len(hard) > 1:
        tiers.append(weighted_mean(hard))
    soft = [[item for item in items if not item.hard and item.weight == weight] for weight in _falling(items)]
    room = MAX_TIERS - len(tiers)
    if len(soft) > room:
        soft = [*soft[: room - 1], [item for tier in soft[room - 1 :] for item in tier]]
    return tiers + [weighted_mean(tier) for tier in soft]


def _falling(items: Sequence[Weighed]) -> list[float]:
    """The distinct soft weights that count, highest first."""
    all_zero = all(item.weight <= 0 for item in items)
    weights = {item.weight for item in items if not item.hard and (item.weight > 0 or all_zero)}
    return sorted(weights, reverse=True)


_AGGREGATES: Mapping[Aggregate, Callable[[Sequence[Weighed], float], float]] = {
    "weighted": _weighted,
    "gated": _gated,
    "veto": _veto,
    "renormed": _renormed,
    "lexicographic": _lexicographic,
}

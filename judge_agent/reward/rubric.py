"""From marks to scores: what items of a rubric come to together. Pure; knows kinds and weights, never a text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from judge_agent.reward.aggregates import effective_weights


@dataclass(frozen=True)
class MarkedItem:
    """One item with the mark of each slot in [0, 1]. A `veto` is met (1) or violated (0)."""

    marks: tuple[float, ...]
    weight: float
    veto: bool = False


def rubric_scores(items: Sequence[MarkedItem], *, cap: float, vetoes_alone: bool) -> tuple[float, ...]:
    """Return one score in [0, 1] for each slot.

    With m the weighted mean of the other items (1 where there are none), h the share of vetoes met, by weight:

        no veto violated:    cap + (1 - cap) * m
        one or more:         cap * (h + m) / 2

    so that whoever breaks a hard rule ends at `cap` at most, and whoever breaks none is never below that: hard rules
    come before principles (OpenRubrics, arXiv 2510.07743). With `vetoes_alone`, as soon as one veto is violated by
    any slot, the score of each is h, and nothing else counts; else it is m (OpenRS, arXiv 2602.14069).
    An item of weight 0 changes nothing, unless all weigh 0.
    """
    if not items:
        raise ValueError("nothing was marked: a rubric has at least one item")
    slots = range(len(items[0].marks))
    vetoes, others = [one for one in items if one.veto], [one for one in items if not one.veto]
    fires = any(_violates(vetoes, slot) for slot in slots)
    return tuple(_score(vetoes, others, slot, cap, vetoes_alone, fires) for slot in slots)


def broken_vetoes(items: Sequence[MarkedItem]) -> tuple[int, ...]:
    """How many vetoes that count each slot violates."""
    counting = [one for one in items if one.veto and one.weight > 0]
    return tuple(sum(one.marks[slot] < 1.0 for one in counting) for slot in range(len(items[0].marks)))


def _score(
    vetoes: Sequence[MarkedItem],
    others: Sequence[MarkedItem],
    slot: int,
    cap: float,
    vetoes_alone: bool,
    fires: bool,
) -> float:
    held, merits = _mean(vetoes, slot), _mean(others, slot)
    if vetoes_alone:
        return held if fires else merits
    return cap * (held + merits) / 2.0 if _violates(vetoes, slot) else cap + (1.0 - cap) * merits


def _violates(vetoes: Sequence[MarkedItem], slot: int) -> bool:
    return any(one.marks[slot] < 1.0 for one in vetoes if one.weight > 0)


def _mean(items: Sequence[MarkedItem], slot: int) -> float:
    if not items:
        return 1.0
    weights = effective_weights([one.weight for one in items])
    total = math.fsum(weight * one.marks[slot] for weight, one in zip(weights, items, strict=True))
    return total / math.fsum(weights)

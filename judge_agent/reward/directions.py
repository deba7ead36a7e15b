"""How preferences over the dimensions of a vector become one reward. None is in no statistic.

A dimension that a member lacks (nothing of it applied) counts for it as the mean of those members that have it: that
says nothing for it or against it. A dimension that no member has is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from judge_agent.reward.references import log_sigmoid
from judge_agent.reward.spread import Numbers, spread, standardised
from judge_agent.schema import CandidateResult
from judge_agent.schema.shape import Bonus, Dimensions, Direction, LogSigmoid

Shaping = tuple[list[float | None], dict[str, Any]]


def by_dimension(link: Dimensions, members: Sequence[CandidateResult], values: Numbers) -> Shaping:
    """GDPO (arXiv 2601.05242): normalise each reward over the group, sum with weights, normalise the sum.

    The sum of raw dimensions would let the one that varies most drown the others. The last step is over the group,
    for the trainer's batch is not known here. A dimension that a member lacks adds 0 to it, the group's mean: it says
    nothing for the member or against it.
    """
    told: dict[str, Any] = {}
    parts: list[list[float | None]] = []
    for name, weight in sorted(_weights(link.weights, members).items()):
        own = _scores(name, members, values)
        found = spread(own, link.ddof)
        told[name] = {"weight": weight, "counted": found.counted, "mean": found.mean, "std": found.std}
        parts.append([None if z is None else weight * z for z in standardised(own, link.ddof, link.epsilon)])
    sums = [
        None if value is None else math.fsum(part[place] or 0.0 for part in parts)
        for place, value in enumerate(values)
    ]
    return standardised(sums, link.ddof, link.epsilon), {"dimensions": told}


def conjunction(link: LogSigmoid, members: Sequence[CandidateResult], values: Numbers) -> Shaping:
    """Return the sum over dimensions d of w_d log sigmoid(k (s_d - ref_d)) for each member, never above 0.

    Where sigmoid(k (s - ref)) is read as the chance to be good in one respect, the sum is the log of the chance to be
    good in all: being poor in one is not made up for by excellence in another (arXiv 2402.00742).
    """
    references = link.references or {}
    weights = _weights(link.weights, members)

    def part(name: str, score: float) -> float:
        return weights[name] * log_sigmoid(link.k * (score - references.get(name, 0.5)))

    columns = _columns(weights, members, values, part)
    return _over(columns, values, math.fsum), _told(columns, weights)


def along(link: Direction, members: Sequence[CandidateResult], values: Numbers) -> Shaping:
    """Return where each member's vector lies in the direction of the weights w over the dimensions.

    norm   reward                                       range (w >= 0)         source
    l1     sum w_d s_d / sum |w_d|                      [0, 1]                 the weighted mean
    l2     sum w_d s_d / sqrt(sum w_d^2)                [0, sqrt(dimensions)]  directional preferences, arXiv 2402.18571
    worst  1 - max over d of (w_d / max w) (1 - s_d)    [0, 1]                 Chebyshev scalarisation (Miettinen 1999)
    """
    weights = {name: weight for name, weight in link.weights.items() if weight}
    if link.norm == "worst":
        largest = max(weights.values())
        columns = _columns(
            weights, members, values, lambda name, score: weights[name] / largest * (1.0 - score)
        )
        return _over(columns, values, lambda parts: 1.0 - max(parts, default=1.0)), _told(columns, weights)
    columns = _columns(weights, members, values, lambda name, score: weights[name] * score)
    there = [weights[name] for name in columns]
    length = math.fsum(map(abs, there)) if link.norm == "l1" else math.hypot(*there)
    return _over(columns, values, lambda parts: math.fsum(parts) / length), _told(columns, weights)


def with_bonus(link: Bonus, members: Sequence[CandidateResult], values: Numbers) -> Shaping:
    """Return r + weight x the weighted mean of dimensions for each r that reaches the threshold; other rewards stay.

    What is done well on the way is paid for where the task is done, and nowhere else: the gated reward of P-GRPO
    (arXiv 2508.05170), with the behaviour's weight beside the base. Monotone in r, and in each dimension.
    """
    weights = {name: weight for name, weight in _weights(link.dimensions, members).items() if weight}
    columns = _columns(weights, members, values, lambda name, score: weights[name] * score)
    if not columns:
        return list(values), _told(columns, weights)
    total = math.fsum(weights[name] for name in columns)
    extra = _over(columns, values, lambda parts: link.weight * math.fsum(parts) / total)
    found = [
        None if value is None else value + (more or 0.0) if value >= link.threshold else value
        for value, more in zip(values, extra, strict=True)
    ]
    reached = sum(value is not None and value >= link.threshold for value in values)
    return found, {"reached": reached} | _told(columns, weights)


def _weights(given: Mapping[str, float] | None, members: Sequence[CandidateResult]) -> Mapping[str, float]:
    return dict.fromkeys((name for one in members for name in one.vector), 1.0) if given is None else given


def _scores(name: str, members: Sequence[CandidateResult], values: Numbers) -> list[float | None]:
    return [
        one.vector.get(name) if value is not None else None
        for one, value in zip(members, values, strict=True)
    ]


def _columns(
    names: Mapping[str, float],
    members: Sequence[CandidateResult],
    values: Numbers,
    part: Callable[[str, float], float],
) -> dict[str, list[float]]:
    """What each dimension adds to each member; those without a value have 0, which nobody reads."""
    columns = {}
    for name in sorted(names):
        parts = [None if one is None else part(name, one) for one in _scores(name, members, values)]
        known = [one for one in parts if one is not None]
        if known:
            middle = known[0] if min(known) == max(known) else math.fsum(known) / len(known)
            columns[name] = [middle if one is None else one for one in parts]
    return columns


def _over(
    columns: Mapping[str, Sequence[float]], values: Numbers, reduce: Callable[[list[float]], float]
) -> list[float | None]:
    """The members' parts reduced; where no dimension is known of anybody, the values stay."""
    if not columns:
        return list(values)
    return [
        None if value is None else reduce([column[place] for column in columns.values()])
        for place, value in enumerate(values)
    ]


def _told(columns: Mapping[str, Sequence[float]], weights: Mapping[str, float]) -> dict[str, Any]:
    if not columns:
        return {"unshaped": "no member has a score in these dimensions"}
    return {"dimensions": {name: {"weight": weights[name]} for name in columns}}

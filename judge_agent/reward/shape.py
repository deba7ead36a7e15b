"""Shapes the rewards of a group. Pure; null members are in no statistic and stay null.

A group is a sequence of results, from one judgment or from several: ids are not looked at, only places. What is shaped
is each one's raw reward, so that to shape twice is to shape once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from judge_agent.reward.difficulty import dense
from judge_agent.reward.spread import Numbers, ranks, spread, standardised
from judge_agent.schema import CandidateResult
from judge_agent.schema.shape import Difficulty, Dimensions, Link, Shape, Z


class Shaped(NamedTuple):
    """A reward per member, in their order, and what each link found: `kind`, and `counted`, `mean`, `std` of what it
    was given; `flags` of a record are made of it."""

    rewards: tuple[float | None, ...]
    links: tuple[dict[str, Any], ...]


def raw_reward(member: CandidateResult) -> float | None:
    """The reward before any shaping; of a record that is older than shaping it is the reward."""
    return member.reward if member.raw_reward is None else member.raw_reward


def shaped(shape: Shape, members: Sequence[CandidateResult]) -> Shaped:
    """Return what the members' raw rewards come to by the links of a shape, one after the other.

    Null stays null, and a link may make null what it cannot judge fairly (a member whose tests were cut short).
    An empty shape returns the raw rewards.
    """
    values: list[float | None] = [raw_reward(member) for member in members]
    links = []
    for link in shape:
        found = spread(values, getattr(link, "ddof", 0))
        told = {"kind": link.kind, "counted": found.counted, "mean": found.mean, "std": found.std}
        values, more = _linked(link, values, members)
        links.append(told | more)
    return Shaped(tuple(values), tuple(links))


def _linked(
    link: Link, values: Numbers, members: Sequence[CandidateResult]
) -> tuple[list[float | None], dict[str, Any]]:
    if isinstance(link, Difficulty):
        return dense(members, values, link.outcome)
    if isinstance(link, Dimensions):
        return _by_dimension(link, members, values)
    if isinstance(link, Z):
        return standardised(values, link.ddof, link.epsilon), {}
    return ranks(values), {}


def _by_dimension(
    link: Dimensions, members: Sequence[CandidateResult], values: Numbers
) -> tuple[list[float | None], dict[str, Any]]:
    """GDPO (arXiv 2601.05242): normalise each reward over the group, sum with weights, normalise the sum.

    The sum of raw dimensions would let the one that varies most drown the others. The last step is over the group,
    for the trainer's batch is not known here. A dimension that a member lacks adds 0 to it, the group's mean: it says
    nothing for the member or against it.
    """
    names = dict.fromkeys(name for member in members for name in member.vector)
    weights = dict.fromkeys(names, 1.0) if link.weights is None else link.weights
    told: dict[str, Any] = {}
    parts: list[list[float | None]] = []
    for name, weight in sorted(weights.items()):
        own = [
            member.vector.get(name) if value is not None else None
            for member, value in zip(members, values, strict=True)
        ]
        found = spread(own, link.ddof)
        told[name] = {"weight": weight, "counted": found.counted, "mean": found.mean, "std": found.std}
        parts.append([None if z is None else weight * z for z in standardised(own, link.ddof, link.epsilon)])
    sums = [
        None if value is None else math.fsum(part[place] or 0.0 for part in parts)
        for place, value in enumerate(values)
    ]
    return standardised(sums, link.ddof, link.epsilon), {"dimensions": told}

"""Shapes the rewards of a group. Pure; null members are in no statistic and stay null.

A group is a sequence of results, from one judgment or from several: ids are not looked at, only places. What is shaped
is each one's raw reward, so that to shape twice is to shape once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from judge_agent.reward.difficulty import dense
from judge_agent.reward.directions import along, by_dimension, conjunction, with_bonus
from judge_agent.reward.length import shortened
from judge_agent.reward.process import mean_of_steps, renormalised
from judge_agent.reward.references import against_references, beyond, clipped
from judge_agent.reward.spread import Numbers, ranks, spread, standardised
from judge_agent.schema import CandidateResult
from judge_agent.schema.shape import (
    Bonus,
    Clip,
    Delta,
    Difficulty,
    Dimensions,
    Direction,
    Link,
    LogSigmoid,
    Par,
    Process,
    Rank,
    Shape,
    SoftLength,
    Z,
)


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
    match link:
        case Difficulty():
            return dense(members, values, link.outcome)
        case Dimensions():
            return by_dimension(link, members, values)
        case LogSigmoid():
            return conjunction(link, members, values)
        case Direction():
            return along(link, members, values)
        case Bonus():
            return with_bonus(link, members, values)
        case Process():
            return renormalised(values, [mean_of_steps(one) for one in members], link.threshold)
        case SoftLength():
            written = [one.coverage.written_chars for one in members]
            return shortened(values, written, link.max_chars, link.buffer_chars, link.weight)
        case Par():
            return against_references(values, link.references, link.k), {}
        case Clip():
            return clipped(values, link.low, link.high), {}
        case Delta():
            return beyond(values, link.baseline), {}
        case Z():
            return standardised(values, link.ddof, link.epsilon), {}
        case Rank():
            return ranks(values), {}

"""When the numbers of a step are cause for alarm: thresholds of a run, and which of them are passed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from api.runs.sums import MIN_CORRELATED
from judge_agent.schema.base import Envelope, Number

# Fewer than these say too little to wake anybody.
MIN_POINTS = 10
MIN_GROUPS = 4
Share = Annotated[Number, Field(ge=0, le=1)]
NAMES = (
    "unscored_share",
    "length_correlation",
    "hack_share",
    "disagreement_share",
    "zero_signal_share",
    "reward_jump",
)
# Of what fewer steps say too little is looked at in more of them. A jump is from one step to the next.
MINIMUM: Mapping[str, int] = {
    "unscored_share": MIN_POINTS,
    "length_correlation": MIN_CORRELATED,
    "hack_share": MIN_POINTS,
    "disagreement_share": MIN_POINTS,
    "zero_signal_share": MIN_GROUPS,
}


class Thresholds(Envelope):
    """What a number of a step must pass for an alarm; null turns one off.

    A step with fewer than 10 candidates (of the length: rewards; of disagreement: principles on which both spoke), or
    than 4 groups with more than one reward, is looked at together with those before it, ten steps at most, until there
    are so many. Where the step's own number, too, passes the threshold, it is an alarm.
    `length_correlation` is of the reward, the larger of Pearson's and Spearman's without its sign. `zero_signal_share`
    is of the groups: those in which all rewards are equal. `reward_jump` is of the mean reward from one step to the
    next, without its sign, where both have 10 rewards: steps are not put together for it.
    """

    unscored_share: Share | None = 0.1
    length_correlation: Share | None = 0.7
    hack_share: Share | None = 0.05
    disagreement_share: Share | None = 0.2
    zero_signal_share: Share | None = 0.9
    reward_jump: Annotated[Number, Field(ge=0)] | None = 0.3


class Alarm(NamedTuple):
    """A threshold that a step passes; `steps` is how many the value is of, this one and those before it."""

    name: str
    value: float
    limit: float
    steps: int = 1


class Pool(NamedTuple):
    """The numbers of a step and of those before it together."""

    steps: int
    told: Mapping[str, Any]


def alarms_in(
    told: Mapping[str, Any],
    before: float | None,
    thresholds: Thresholds,
    pools: Mapping[str, Pool] | None = None,
) -> tuple[Alarm, ...]:
    """Which thresholds a step passes; `before` is the mean reward of the step before, if there is one.

    `pools` are the numbers to look at, by name, where those of the step say too little.
    """
    limits = thresholds.model_dump()
    found = []
    for name in NAMES:
        pool = (pools or {}).get(name, Pool(1, told))
        value = _jump(told, before) if name == "reward_jump" else _value(name, pool.told)
        if value is not None and limits[name] is not None and value > limits[name]:
            found.append(Alarm(name, value, limits[name], pool.steps))
    return tuple(found)


def short_of(told: Mapping[str, Any]) -> frozenset[str]:
    """The alarms for which these numbers rest on too little."""
    return frozenset(name for name, least in MINIMUM.items() if _rests_on(name, told) < least)


def doubtful(told: Mapping[str, Any], thresholds: Thresholds) -> frozenset[str]:
    """The alarms that a step would give if it were not too small: more steps must say."""
    limits = thresholds.model_dump()
    return frozenset(
        name
        for name in short_of(told)
        if limits[name] is not None
        and _rests_on(name, told)
        and ((value := _measured(name, told)) is None or value > limits[name])
    )


def _value(name: str, told: Mapping[str, Any]) -> float | None:
    """The number that an alarm looks at; None where it rests on too little."""
    return _measured(name, told) if _rests_on(name, told) >= MINIMUM[name] else None


def _measured(name: str, told: Mapping[str, Any]) -> float | None:
    found: Mapping[str, float | None] = {
        "unscored_share": told["unscored_share"],
        "length_correlation": _largest([told["length"]["pearson"], told["length"]["spearman"]]),
        "hack_share": told["hack_share"],
        "disagreement_share": told["disagreement"]["share"],
        "zero_signal_share": told["groups"]["zero_signal_share"],
    }
    return found[name]


def _rests_on(name: str, told: Mapping[str, Any]) -> int:
    """How many points, or groups, there are of what an alarm looks at."""
    counts: Mapping[str, int] = {
        "length_correlation": told["reward"]["n"],
        "disagreement_share": told["disagreement"]["compared"],
        "zero_signal_share": told["groups"]["count"],
    }
    return counts.get(name, told["points"])


def _jump(told: Mapping[str, Any], before: float | None) -> float | None:
    reward = told["reward"]
    return abs(reward["mean"] - before) if before is not None and reward["n"] >= MIN_POINTS else None


def _largest(values: Sequence[float | None]) -> float | None:
    return max((abs(value) for value in values if value is not None), default=None)

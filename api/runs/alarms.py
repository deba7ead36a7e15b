"""When the numbers of a step are cause for alarm: thresholds of a run, and which of them are passed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Field

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


class Thresholds(Envelope):
    """What a number of a step must pass for an alarm; null turns one off.

    `length_correlation` is of the reward, the larger of Pearson's and Spearman's without its sign. `zero_signal_share`
    is of the groups: those in which all rewards are equal. `reward_jump` is of the mean reward from one step to the
    next, without its sign.
    """

    unscored_share: Share | None = 0.1
    length_correlation: Share | None = 0.7
    hack_share: Share | None = 0.05
    disagreement_share: Share | None = 0.2
    zero_signal_share: Share | None = 0.9
    reward_jump: Annotated[Number, Field(ge=0)] | None = 0.3


class Alarm(NamedTuple):
    """A threshold that a step passes."""

    name: str
    value: float
    limit: float


def alarms_in(told: Mapping[str, Any], before: float | None, thresholds: Thresholds) -> tuple[Alarm, ...]:
    """Which thresholds the numbers of a step pass; `before` is the mean reward of the step before, if there is one."""
    limits = thresholds.model_dump()
    values = _values(told, before)
    return tuple(
        Alarm(name, value, limits[name])
        for name in NAMES
        if (value := values.get(name)) is not None and limits[name] is not None and value > limits[name]
    )


def _values(told: Mapping[str, Any], before: float | None) -> dict[str, float | None]:
    """Each number that an alarm looks at; None where it rests on too little."""
    reward, length, groups = told["reward"], told["length"], told["groups"]
    enough = told["points"] >= MIN_POINTS
    rewarded = reward["n"] >= MIN_POINTS
    compared = told["disagreement"]["compared"] >= MIN_POINTS
    jump = abs(reward["mean"] - before) if rewarded and before is not None else None
    return {
        "unscored_share": told["unscored_share"] if enough else None,
        "length_correlation": _largest([length["pearson"], length["spearman"]]),
        "hack_share": told["hack_share"] if enough else None,
        "disagreement_share": told["disagreement"]["share"] if compared else None,
        "zero_signal_share": groups["zero_signal_share"] if groups["count"] >= MIN_GROUPS else None,
        "reward_jump": jump,
    }


def _largest(values: Sequence[float | None]) -> float | None:
    return max((abs(value) for value in values if value is not None), default=None)

"""Whether a canary came out as it must. A judge that gave no score has not failed it: nothing is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from judge_agent.canaries.sets import Canary
from judge_agent.schema import Judgment


class Outcome(NamedTuple):
    """`detail` says why in numbers and names of canaries' candidates, never in texts."""

    state: Literal["passed", "failed", "unknown"]
    detail: str


def outcome(canary: Canary, judgments: Sequence[Judgment]) -> Outcome:
    """Read the judgments of one round, in the order of `canary.requests`."""
    rewards = [_rewards(judgment) for judgment in judgments]
    told = "; ".join(_told(one) for one in rewards)
    failed = [*_above(canary, rewards), *_not_best(canary, rewards), *_flipped(canary, rewards)]
    if failed:
        return Outcome("failed", f"{', '.join(failed)} ({told})")
    if len(rewards) < (2 if canary.orders else 1):
        return Outcome("unknown", "not judged")
    if missing := _unscored(canary, judgments):
        return Outcome("unknown", f"{missing} ({told})")
    return Outcome("passed", told)


def _rewards(judgment: Judgment) -> dict[str, float | None]:
    return {one.id: one.reward for one in judgment.candidates}


def _above(canary: Canary, rewards: Sequence[Mapping[str, float | None]]) -> list[str]:
    return [
        f"{id_} is above {canary.bound:g}"
        for one in rewards
        for id_ in canary.at_most
        if (reward := one.get(id_)) is not None and reward > canary.bound
    ]


def _not_best(canary: Canary, rewards: Sequence[Mapping[str, float | None]]) -> list[str]:
    """Those that have as much as the best one; of one that has no reward nobody knows."""
    found = []
    for one in rewards if canary.best is not None else ():
        best = one.get(canary.best or "")
        found += [
            f"{id_} is not below {canary.best}"
            for id_, reward in one.items()
            if id_ != canary.best and reward is not None and best is not None and reward >= best
        ]
    return found


def _flipped(canary: Canary, rewards: Sequence[Mapping[str, float | None]]) -> list[str]:
    if not canary.orders or len(rewards) < 2:
        return []
    preferred = [_preferred(one) for one in rewards]
    if "nobody knows" in preferred or preferred[0] == preferred[1]:
        return []
    return [f"{preferred[0]} is preferred in one order, {preferred[1]} in the other"]


def _preferred(rewards: Mapping[str, float | None]) -> str:
    known = {id_: reward for id_, reward in rewards.items() if reward is not None}
    if len(known) < len(rewards):
        return "nobody knows"
    most = max(known.values())
    best = [id_ for id_, reward in known.items() if reward == most]
    return best[0] if len(best) == 1 else "neither"


def _unscored(canary: Canary, judgments: Sequence[Judgment]) -> str:
    """Which of the candidates that count have no reward, and why."""
    return ", ".join(
        f"{one.id} has none: {one.failure_kind or one.status}"
        for judgment in judgments
        for one in judgment.candidates
        if one.reward is None and (one.id in canary.at_most or canary.best or canary.orders)
    )


def _told(rewards: Mapping[str, float | None]) -> str:
    return ", ".join(
        f"{id_} {'none' if reward is None else f'{reward:.3g}'}" for id_, reward in rewards.items()
    )

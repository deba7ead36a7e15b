"""What a trainer that cannot mask is given when the judge failed: its group's mean so far, flagged; else 503.

A group is the rollouts of one prompt of one tenant. What is remembered lives in this process and is bounded; a
process that has just started knows no means, and so answers 503 until a sibling was scored.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from api.compat.answers import Told
from api.compat.query import OnFailure
from api.problems import Problem, busy

MAX_GROUPS = 1024
MAX_MEMBERS = 64
WINDOW = 200
WINDOW_SECONDS = 600.0
MIN_COUNT = 20
MAX_FAILED_SHARE = 0.5
V = TypeVar("V")
_log = logging.getLogger("judge_agent.service")


class Settled(NamedTuple):
    """What to answer: finite, and `judge_failed` where it is not the judge's."""

    reward: float
    score: float
    values: Mapping[str, float]


class _Member(NamedTuple):
    reward: float
    score: float
    vector: Mapping[str, float | None]


class Fallbacks:
    """The group means and the failures of every tenant."""

    def __init__(self) -> None:
        self._tenants: dict[str, _Tenant] = {}
        self._open: Counter[tuple[str, str]] = Counter()

    def observe(self, tenant: str, group: str, told: Told) -> None:
        """Count an end, before it or others of its group are settled. One that is told twice counts once."""
        self._of(tenant).observe(group, told)

    def settle(self, tenant: str, group: str, told: Told, on_failure: OnFailure) -> Settled:
        """Turn what was told into numbers. Raises Problem 503 where that would invent a reward."""
        return self._of(tenant).settle(group, told, on_failure)

    @contextmanager
    def in_flight(self, tenant: str, group: str) -> Iterator[None]:
        """Say that a rollout of the group is being judged, until the end of the block."""
        self._open[tenant, group] += 1
        try:
            yield
        finally:
            self._open[tenant, group] -= 1
            if not self._open[tenant, group]:
                del self._open[tenant, group]

    def is_open(self, tenant: str, group: str) -> bool:
        """Whether a rollout of the group is being judged."""
        return (tenant, group) in self._open

    def _of(self, tenant: str) -> _Tenant:
        return self._tenants.setdefault(tenant, _Tenant())


class _Tenant:
    def __init__(self) -> None:
        self._groups: OrderedDict[str, OrderedDict[str, _Member]] = OrderedDict()
        self._ends: OrderedDict[str, tuple[float, bool]] = OrderedDict()

    def observe(self, group: str, told: Told) -> None:
        self._note(told)
        if told.reward is not None and told.score is not None:
            self._remember(group, told, _Member(told.reward, told.score, told.vector or {}))
        else:
            _log.warning("judgment %s gave no reward: %s", told.judgment_id, told.reason)

    def settle(self, group: str, told: Told, on_failure: OnFailure) -> Settled:
        if told.reward is not None and told.score is not None:
            return Settled(told.reward, told.score, self._values(group, told))
        members = self._groups.get(group)
        if on_failure == "error":
            raise judge_failed(told, "on_failure=error")
        if not members:
            raise judge_failed(told, "no other rollout of this prompt has been scored yet")
        share = self._failed_share()
        if share > MAX_FAILED_SHARE:
            raise judge_failed(told, f"{share:.0%} of the last {len(self._ends)} judgments failed")
        rewards, scores = zip(*((member.reward, member.score) for member in members.values()), strict=True)
        return Settled(_mean(rewards), _mean(scores), self._values(group, told))

    def _remember(self, group: str, told: Told, member: _Member) -> None:
        members = self._groups.setdefault(group, OrderedDict())
        self._groups.move_to_end(group)
        members[told.judgment_id or ""] = member
        _shorten(members, MAX_MEMBERS)
        _shorten(self._groups, MAX_GROUPS)

    def _values(self, group: str, told: Told) -> dict[str, float]:
        """A number for each dimension: the judge's, else what moves the policy least; `flat` tells them apart."""
        members = self._groups.get(group, OrderedDict()).values()
        found = {}
        for name in told.dimensions:
            own = told.valued(name)
            known = [value for member in members if (value := member.vector.get(name)) is not None]
            found[name] = own if own is not None else _mean(known) if known else _stand_in(told, name)
        return found

    def _note(self, told: Told) -> None:
        """Count each judgment once, whoever asks for it again."""
        self._ends[told.judgment_id or ""] = (time.monotonic(), told.failed)
        self._ends.move_to_end(told.judgment_id or "")
        _shorten(self._ends, WINDOW)

    def _failed_share(self) -> float:
        """The share of failures among the last judgments; 0 while there are too few to tell."""
        oldest = time.monotonic() - WINDOW_SECONDS
        while self._ends and next(iter(self._ends.values()))[0] < oldest:
            self._ends.popitem(last=False)
        if len(self._ends) < MIN_COUNT:
            return 0.0
        return sum(failed for _, failed in self._ends.values()) / len(self._ends)


def judge_failed(told: Told, why: str) -> Problem:
    """503: the judge has no reward for this, and none is made up."""
    detail = f"the judge gave no reward ({told.reason}), and {why}"
    problem = busy(
        detail[:2000],
        status=503,
        id=told.judgment_id,
        failure_kind=told.failure_kind,
        failure_reason=told.failure_reason,
    )
    problem.code = "judge_failed"
    return problem


def _stand_in(told: Told, name: str) -> float:
    """What is shown of a dimension of which nobody knows anything: 0 where it does not apply, else the score."""
    flags = told.result.flags if told.result is not None else {}
    return 0.0 if told.score is None or name in (flags.get("not_applicable") or ()) else told.score


def _mean(values: tuple[float, ...] | list[float]) -> float:
    return sum(values) / len(values)


def _shorten(kept: OrderedDict[str, V], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)

"""What a trainer that cannot mask is given when the judge failed: its group's mean so far, flagged; else 503.

A group is the rollouts of one prompt and reference of one tenant, judged in one way. What came of them lies in the
store, so that every worker gives the same mean, also after a restart. Where there is none yet, the answer is 503 until
a sibling was scored.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from api.compat.answers import Told, told_of
from api.compat.query import OnFailure
from api.problems import Problem, busy
from judge_agent.schema import Judgment
from judge_agent.store import Store, StoredJudgment
from judge_agent.store.siblings import Group, SiblingEnd

# Siblings are judged within minutes of each other; older ones are of another policy.
SIBLING_SECONDS = 1800.0
MAX_MEMBERS = 64
WINDOW = 200
WINDOW_SECONDS = 600.0
MIN_COUNT = 20
MAX_FAILED_SHARE = 0.5
_log = logging.getLogger("judge_agent.service")


class Settled(NamedTuple):
    """What to answer: finite, and `judge_failed` where it is not the judge's."""

    reward: float
    score: float
    values: Mapping[str, float]


class Fallbacks:
    """The group means and the failures of every tenant, as all workers of a store see them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._siblings = store.siblings

    async def begin(self, tenant: str, group: str, judgment_id: str) -> None:
        """Say that a rollout of a group is being judged. A second time changes nothing."""
        await self._siblings.begin(tenant, group, judgment_id, time.time())

    async def observe(self, tenant: str, group: str, told: Told) -> None:
        """Keep an end, or that its wait was given up, before it or others of its group are settled.

        One that is told twice counts once. What a judgment says that goes on is read when somebody needs it.
        """
        if told.failed:
            _log.warning("judgment %s gave no reward: %s", told.judgment_id, told.failure_kind)
        await self._siblings.end(tenant, group, _end(told), time.time())

    async def settle(self, tenant: str, group: str, told: Told, on_failure: OnFailure) -> Settled:
        """Turn what was told into numbers. Raises Problem 503 where that would invent a reward, StoreError."""
        if told.reward is not None and told.score is not None:
            own = {name: told.valued(name) for name in told.dimensions}
            values = {name: told.score if value is None else value for name, value in own.items()}
            return Settled(told.reward, told.score, values)
        if on_failure == "error":
            raise judge_failed(told, "on_failure=error")
        members = _of_one_way(await self._scored(tenant, group, told))
        if not members:
            raise judge_failed(told, "no other rollout of this prompt has been scored yet")
        await self._refuse_where_most_fail(tenant, told)
        rewards, scores = zip(*((end.reward or 0.0, end.score or 0.0) for end in members), strict=True)
        return Settled(_mean(rewards), _mean(scores), _means(told, members))

    async def is_open(self, tenant: str, group: str, but: str) -> bool:
        """Whether a rollout of the group is being judged, another one than `but`."""
        return (await self._group(tenant, group, but)).is_open

    async def _scored(self, tenant: str, group: str, told: Told) -> tuple[SiblingEnd, ...]:
        """The siblings that have a reward, also those whose end nobody has waited for."""
        found = await self._group(tenant, group, told.judgment_id or "")
        if not found.unread:
            return found.scored
        for row in await self._store.ended(found.unread):
            for end in await asyncio.to_thread(_read, row):
                await self._siblings.end(tenant, group, end, time.time())
        return (await self._group(tenant, group, told.judgment_id or "")).scored

    async def _group(self, tenant: str, group: str, but: str) -> Group:
        since = time.time() - SIBLING_SECONDS
        return await self._siblings.group(tenant, group, but=but, since=since, limit=MAX_MEMBERS)

    async def _refuse_where_most_fail(self, tenant: str, told: Told) -> None:
        """Raise Problem 503 where means would soon be all that a trainer gets; not while there are too few to tell."""
        since = time.time() - WINDOW_SECONDS
        failed, ended = await self._siblings.failures(tenant, since=since, limit=WINDOW)
        if ended >= MIN_COUNT and failed / ended > MAX_FAILED_SHARE:
            raise judge_failed(told, f"{failed / ended:.0%} of the last {ended} judgments failed")


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


def _read(row: StoredJudgment) -> list[SiblingEnd]:
    judgment = Judgment.model_validate_json(row.judgment or "")
    return [_end(told) for told in told_of(judgment, ())]


def _end(told: Told) -> SiblingEnd:
    vector = {name: value for name, value in (told.vector or {}).items() if value is not None}
    score = None if told.reward is None else told.score
    return SiblingEnd(told.judgment_id or "", told.reward, score, vector, told.way)


def _of_one_way(ends: tuple[SiblingEnd, ...]) -> tuple[SiblingEnd, ...]:
    """Those that were judged as the newest was: another model's scores are on another scale."""
    return tuple(end for end in ends if end.way == ends[0].way)


def _means(told: Told, members: Sequence[SiblingEnd]) -> dict[str, float]:
    """A number for each dimension of a rollout that has no reward: what its siblings are shown with, on the mean."""
    found = {}
    for name in told.dimensions:
        known = [end.vector[name] for end in members if name in end.vector]
        found[name] = _mean(known or [end.score or 0.0 for end in members])
    return found


def _mean(values: tuple[float, ...] | list[float]) -> float:
    return sum(values) / len(values)

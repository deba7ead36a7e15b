"""Scores rollouts for trainers that hand over one at a time, group by group, and take nothing but numbers.

A scorer belongs to its process: it knows which rollouts of a group are still being judged, so that one that failed
early is not without a mean only because its siblings take longer.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from judge_agent.errors import InvalidRequest
from judge_agent.trainers.failures import FailurePolicy, Settled
from judge_agent.trainers.outcome import Outcome, flat
from judge_agent.trainers.rollout import Rollout
from judge_agent.trainers.rollout_judge import RolloutJudge

_LOOK_AGAIN_SECONDS = 0.05


class _InFlight:
    """How many rollouts of each group are being judged by this process; a forked child starts at none."""

    def __init__(self) -> None:
        self._reset()

    @contextmanager
    def one(self, group: Hashable) -> Iterator[None]:
        if self._pid != os.getpid():
            self._reset()
        with self._lock:
            self._counts[group] += 1
        try:
            yield
        finally:
            with self._lock:
                self._counts[group] -= 1
                if not self._counts[group]:
                    del self._counts[group]

    def any_of(self, group: Hashable) -> bool:
        with self._lock:
            return group in self._counts

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._counts = Counter[Hashable]()


class GroupScorer:
    """Judges by `judge`, settles what failed by `policy`, and answers with the same finite numbers always.

    `taken` are keys that no dimension may have, for the trainer has a meaning of its own for them.
    """

    def __init__(
        self, judge: RolloutJudge, policy: FailurePolicy, taken: frozenset[str] = frozenset()
    ) -> None:
        self.judge = judge
        self.policy = policy
        self._in_flight = _InFlight()
        _check_keys(judge.dimensions, taken)

    async def row(self, rollout: Rollout | Outcome, group: Hashable) -> dict[str, float]:
        """Return `flat` numbers for one rollout, or for an outcome that is known without asking; raises as `judged`."""
        outcome, settled = await self.judged(rollout, group)
        return flat(outcome, self.judge.dimensions, settled.reward, settled.means)

    async def judged(self, rollout: Rollout | Outcome, group: Hashable) -> tuple[Outcome, Settled]:
        """Judge one rollout and settle it. Raises JudgeUnavailable where the policy has no honest number.

        One that failed waits until its siblings that are being judged have ended, `judge.seconds` at most: what it
        is given is then the mean of all of them, and does not depend on which of them came first.
        """
        with self._in_flight.one(group):
            outcome = rollout if isinstance(rollout, Outcome) else (await self.judge.outcomes([rollout]))[0]
            self.policy.observe(outcome, group)
        if not outcome.has_reward and self.policy.on_failure != "raise":
            await self._siblings_ended(group)
        return outcome, self.policy.settle(outcome, group, observed=True)

    async def _siblings_ended(self, group: Hashable) -> None:
        end = time.monotonic() + self.judge.seconds
        # Siblings are judged in other loops and threads, too: no event of this loop could tell.
        while self._in_flight.any_of(group) and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def _check_keys(dimensions: tuple[str, ...], taken: frozenset[str]) -> None:
    """Two numbers under one key would be one silently."""
    keys = list(flat(Outcome.failed("internal", "", dimensions), (), 0.0))
    keys += [key for name in dimensions for key in (name, f"{name}_missing")]
    for key in keys:
        if key in taken or keys.count(key) > 1:
            raise InvalidRequest("dimensions", f"a dimension cannot be called so that its key is {key!r}")

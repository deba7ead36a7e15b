"""Scores rollouts for trainers that hand over one at a time, group by group, and take nothing but numbers.

Its policy knows which rollouts of a group are still being judged in this process, so that one that failed early is not
without a mean only because its siblings take longer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable

from judge_agent.client import private_loop
from judge_agent.errors import InvalidRequest
from judge_agent.trainers.failures import FailurePolicy, JudgeUnavailable, Settled
from judge_agent.trainers.outcome import Outcome, flat
from judge_agent.trainers.rollout import Rollout
from judge_agent.trainers.rollout_judge import RolloutJudge
from judge_agent.trainers.shaping import refuse_shape

_LOOK_AGAIN_SECONDS = 0.05
# Past all deadlines of its own, a loop that is stuck must not hang the trainer.
_GRACE_SECONDS = 5.0


class GroupScorer:
    """Judges by `judge`, settles what failed by `policy`, and answers with the same finite numbers always.

    `taken` are keys that no dimension may have, for the trainer has a meaning of its own for them. A shape needs
    groups that are judged at one time (`whole_groups`): without them it is refused, as joining always is.
    """

    def __init__(
        self,
        judge: RolloutJudge,
        policy: FailurePolicy,
        taken: frozenset[str] = frozenset(),
        *,
        whole_groups: bool = False,
    ) -> None:
        self.judge = judge
        self.policy = policy
        asking = judge.asking
        refuse_shape(None if whole_groups else asking.shape, asking.join, "this adapter")
        _check_keys(judge.dimensions, taken)

    async def row(self, rollout: Rollout | Outcome, group: Hashable) -> dict[str, float]:
        """Return `flat` numbers for one rollout, or for an outcome that is known without asking; raises as `judged`."""
        outcome, settled = await self.judged(rollout, group)
        return flat(outcome, self.judge.dimensions, settled.reward, settled.means)

    async def judged(
        self, rollout: Rollout | Outcome, group: Hashable, *, within: float | None = None
    ) -> tuple[Outcome, Settled]:
        """Judge one rollout and settle it. Raises JudgeUnavailable where the policy has no honest number.

        One that failed waits until its siblings that are being judged have ended, `judge.seconds` at most: what it
        is given is then the mean of all of them, and does not depend on which of them came first. Where the trainer
        has a limit of its own, judging and waiting end `within` so many seconds together.
        """
        began = time.monotonic()
        with self.policy.judging(group):
            outcome = rollout if isinstance(rollout, Outcome) else (await self.judge.outcomes([rollout]))[0]
            self.policy.observe(outcome, group)
        if not outcome.has_reward and self.policy.on_failure != "raise":
            start, seconds = (time.monotonic(), self.judge.seconds) if within is None else (began, within)
            await self.siblings_ended(group, start + seconds)
        return outcome, self.policy.settle(outcome, group, observed=True)

    def judged_now(
        self, rollout: Rollout, group: Hashable, *, within: float | None = None
    ) -> tuple[Outcome, Settled]:
        """Do as `judged` does and block, also inside a running loop. Raises JudgeUnavailable, never TimeoutError."""
        seconds = (1 if self.policy.on_failure == "raise" else 2) * self.judge.seconds
        limit = (seconds if within is None else within) + _GRACE_SECONDS
        try:
            return private_loop.run(self.judged(rollout, group, within=within), limit)
        except TimeoutError as error:
            # Trainers take it for a time-out of their own, and some of them make a reward of that.
            raise JudgeUnavailable(f"the judge gave no reward in time: {error}") from error

    async def siblings_ended(self, group: Hashable, end: float) -> None:
        """Wait until nothing of the group is being judged in this process, to `end` (monotonic seconds) at most."""
        # Siblings are judged in other loops and threads, too: no event of this loop could tell.
        while self.policy.is_judging(group) and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def _check_keys(dimensions: tuple[str, ...], taken: frozenset[str]) -> None:
    """Two numbers under one key would be one silently."""
    keys = list(flat(Outcome.failed("internal", "", dimensions), (), 0.0))
    keys += [key for name in dimensions for key in (name, f"{name}_missing")]
    for key in keys:
        if key in taken or keys.count(key) > 1:
            raise InvalidRequest("dimensions", f"a dimension cannot be called so that its key is {key!r}")

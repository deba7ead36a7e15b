"""What a trainer that cannot mask a rollout is given where the judge failed, and when it is better stopped.

A number in place of a missing reward moves the policy. The mean of the rollout's own group moves it least: its
advantage is then near 0. Where there is no mean, or too many failed, there is no honest number.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from judge_agent.errors import InvalidRequest, JudgeError
from judge_agent.trainers.outcome import Outcome

OnFailure = Literal["raise", "neutral"]


class JudgeUnavailable(JudgeError):
    """The judge failed, and nothing honest can be put in place of the reward: the trainer should stop or drop it."""


class Settled(NamedTuple):
    """A finite reward; where `failed`, the group's mean. `means` are those of the group, by dimension and `acc`."""

    reward: float
    failed: bool
    means: Mapping[str, float] = {}


@dataclass
class _Mean:
    total: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        self.total += value
        self.count += 1

    @property
    def value(self) -> float:
        return self.total / self.count


@dataclass
class _Group:
    """The means of one group's rewards, `acc` and dimensions, and when the last rollout was added (monotonic)."""

    means: dict[str, _Mean] = field(default_factory=dict)
    last: float = field(default_factory=time.monotonic)


class _Seen:
    """What one process has seen: the means of its last groups, which of the last outcomes failed, and how many
    rollouts of each group are being judged."""

    def __init__(self, window: int) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.groups = OrderedDict[Hashable, _Group]()
        self.failures = deque[bool](maxlen=window)
        self.judging = Counter[Hashable]()


@dataclass
class FailurePolicy:
    """Settles outcomes for trainers that need a finite number for each.

    `on_failure="raise"` raises JudgeUnavailable at the first failure. `"neutral"` gives the mean of the group's
    rewards so far, and raises where there is none yet, or where more than `max_failed_share` of the last `window`
    outcomes failed (of `min_outcomes` at least). The last `max_groups` groups are remembered; one to which nothing was
    added for `group_seconds` is of an earlier step, and begins anew. What was seen belongs to the process: it is in no
    pickle, and a forked child starts anew. Threads may share one.
    """

    on_failure: OnFailure = "neutral"
    max_failed_share: float = 0.2
    window: int = 256
    min_outcomes: int = 20
    max_groups: int = 4096
    group_seconds: float = 1800.0
    _seen: _Seen = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.on_failure not in ("raise", "neutral"):
            raise InvalidRequest("on_failure", f"{self.on_failure!r} is neither 'raise' nor 'neutral'")
        if not 0 <= self.max_failed_share <= 1:
            raise InvalidRequest("max_failed_share", f"{self.max_failed_share!r} is no share in [0, 1]")
        if min(self.window, self.min_outcomes, self.max_groups) < 1:
            raise InvalidRequest("window", "window, min_outcomes and max_groups must be 1 at least")
        if not self.group_seconds > 0:
            raise InvalidRequest("group_seconds", f"{self.group_seconds!r} is no number of seconds above 0")
        self._seen = _Seen(self.window)

    @contextmanager
    def judging(self, group: Hashable) -> Iterator[None]:
        """Say that a rollout of the group is being judged, until the end of the block."""
        seen = self._of_this_process()
        with seen.lock:
            seen.judging[group] += 1
        try:
            yield
        finally:
            with seen.lock:
                seen.judging[group] -= 1
                if not seen.judging[group]:
                    del seen.judging[group]

    def is_judging(self, group: Hashable) -> bool:
        """Whether a rollout of the group is being judged in this process."""
        seen = self._of_this_process()
        with seen.lock:
            return group in seen.judging

    def observe(self, outcome: Outcome, group: Hashable) -> None:
        """Count an outcome, before others of its group are settled; `settle` of the same one would count it again."""
        seen = self._of_this_process()
        with seen.lock:
            self._count(seen, outcome, group)

    def settle(
        self, outcome: Outcome, group: Hashable, *, observed: bool = False, masked: bool = False
    ) -> Settled:
        """Give the outcome's reward, or what stands in for it. Raises JudgeUnavailable.

        `group` names the rollouts that are compared with each other: those of one prompt in one step. A trainer that
        leaves the rollout out of its loss says `masked`: then it is given 0 where the group has no mean yet.
        """
        seen = self._of_this_process()
        with seen.lock:
            if not observed:
                self._count(seen, outcome, group)
            means = {name: mean.value for name, mean in self._group(seen, group).means.items()}
            if outcome.reward is not None:
                return Settled(outcome.reward, False, means)
            self._refuse(seen, outcome)
            if "reward" not in means and not masked:
                why = f"{outcome.failure_kind}: {outcome.failure_reason}"
                raise JudgeUnavailable(f"the judge gave no reward ({why}), and its group has no mean yet")
            return Settled(means.get("reward", 0.0), True, means)

    def _refuse(self, seen: _Seen, outcome: Outcome) -> None:
        why = f"{outcome.failure_kind}: {outcome.failure_reason}"
        if self.on_failure == "raise":
            raise JudgeUnavailable(f"the judge gave no reward ({why}), and on_failure is 'raise'")
        share = sum(seen.failures) / max(1, len(seen.failures))
        if len(seen.failures) >= min(self.min_outcomes, self.window) and share > self.max_failed_share:
            raise JudgeUnavailable(
                f"{share:.0%} of the last {len(seen.failures)} rollouts have no reward, more than "
                f"max_failed_share={self.max_failed_share}; the last: {why}"
            )

    def _count(self, seen: _Seen, outcome: Outcome, group: Hashable) -> None:
        seen.failures.append(not outcome.has_reward)
        if outcome.reward is None:
            return
        found = seen.groups[group] = self._group(seen, group)
        found.last = time.monotonic()
        seen.groups.move_to_end(group)
        numbers = {**outcome.vector, "reward": outcome.reward, "acc": float(bool(outcome.passed))}
        for name, value in numbers.items():
            if value is not None and math.isfinite(value):
                found.means.setdefault(name, _Mean()).add(value)
        while len(seen.groups) > self.max_groups:
            seen.groups.popitem(last=False)

    def _group(self, seen: _Seen, group: Hashable) -> _Group:
        found = seen.groups.get(group)
        is_old = found is not None and time.monotonic() - found.last > self.group_seconds
        return _Group() if found is None or is_old else found

    def _of_this_process(self) -> _Seen:
        if self._seen.pid != os.getpid():
            self._seen = _Seen(self.window)
        return self._seen

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_seen"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._seen = _Seen(self.window)

"""OpenEnv 0.10: rubrics that ask the judge service, for single steps and for whole episodes.

A judge that failed gives None, which OpenEnv reads as unscored. Its containers know no None: WeightedSum and Gate raise
a TypeError, and Sequential passes over it and gives the number of the next child, as if the judge had agreed. Wrap what
holds a judge in `OrUnscored`, which is None where the judge failed:

    rubric = OrUnscored(WeightedSum([JudgeRubric(prompt="Fix the bug"), Style()], weights=[0.7, 0.3]))

The plain ones are for environments with `step_async`, the `Blocking` ones for those with `step` only. An instance of
a trajectory rubric belongs to one environment, as any of OpenEnv's does.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from judge_agent.trainers.episode_reading import Step, rollout_of_steps
from judge_agent.trainers.failures import JudgeUnavailable
from judge_agent.trainers.outcome import Outcome
from judge_agent.trainers.rollout_judge import RolloutJudge
from judge_agent.trainers.shaping import refuse_shape

try:
    from openenv.core.rubrics import Rubric, TrajectoryRubric  # type: ignore[import-not-found]
except ImportError as error:
    raise ImportError(
        "judge_agent.trainers.openenv needs openenv: pip install 'openenv>=0.10,<0.11'"
    ) from error

__all__ = [
    "BlockingJudgeRubric",
    "BlockingJudgeTrajectoryRubric",
    "JudgeRubric",
    "JudgeTrajectoryRubric",
    "OrUnscored",
]

OnFailure = Literal["none", "raise"]


class _Asking:
    """What the judging rubrics share: whom they ask, what about, and what a failure gives.

    `prompt` and `columns` are the task's: set them in the environment's `reset`. Where they are None, the observation's
    metadata are looked into (`prompt`; and the names of fields, see `Asking.columns`). `dimension` takes one dimension
    of the vector for the reward. `last_outcome` says what was found, None before the first call.
    """

    def __init__(
        self,
        judge: RolloutJudge | None = None,
        *,
        prompt: str | Sequence[Mapping[str, Any]] | None = None,
        columns: Mapping[str, Any] | None = None,
        dimension: str | None = None,
        on_failure: OnFailure = "none",
    ) -> None:
        super().__init__()
        self.judge = judge or RolloutJudge()
        refuse_shape(self.judge.asking.shape, self.judge.asking.join, type(self).__name__)
        self.prompt = prompt
        self.columns = columns
        self.dimension = dimension
        self.on_failure: OnFailure = on_failure
        self.last_outcome: Outcome | None = None
        self.last_score: float | None = None

    def _forget(self) -> None:
        """What the last step was worth is not what this one is worth, also where this one fails."""
        self.last_score = self.last_outcome = None

    async def _scored(self, steps: Sequence[Step]) -> float | None:
        self._forget()
        (outcome,) = await self.judge.outcomes([rollout_of_steps(steps, self.prompt, self.columns)])
        return self._taken(outcome)

    def _scored_now(self, steps: Sequence[Step]) -> float | None:
        self._forget()
        (outcome,) = self.judge.outcomes_now([rollout_of_steps(steps, self.prompt, self.columns)])
        return self._taken(outcome)

    def _taken(self, outcome: Outcome) -> float | None:
        self.last_outcome = outcome
        name = self.dimension
        found = outcome.vector.get(name) if name and outcome.has_reward else outcome.reward
        if found is None and self.on_failure == "raise":
            why = f"{outcome.failure_kind}: {outcome.failure_reason}"
            if outcome.has_reward:
                why = f"dimension {name!r} was not judged; there are {', '.join(outcome.vector) or 'none'}"
            raise JudgeUnavailable(f"no score for this step ({why}; judgment {outcome.judgment_id})")
        return found


class JudgeRubric(_Asking, Rubric):  # type: ignore[misc]
    """Scores each step by itself: its action and what came of it. Awaited; in [0, 1], or None where unscored."""

    async def forward(self, action: Any, observation: Any) -> float | None:
        return await self._scored([(action, observation)])


class BlockingJudgeRubric(_Asking, Rubric):  # type: ignore[misc]
    """Does the same for environments that are not async; it blocks its thread until the judge has answered."""

    def forward(self, action: Any, observation: Any) -> float | None:
        return self._scored_now([(action, observation)])


class _Episode(_Asking, TrajectoryRubric):  # type: ignore[misc]
    """What the two rubrics of episodes share: the credit of each step.

    With `Asking(granularity=("outcome", "steps"))` and a recipe that judges steps, `compute_step_rewards` has the score
    of each.
    """

    def __init__(
        self, judge: RolloutJudge | None = None, *, intermediate_reward: float = 0.0, **given: Any
    ) -> None:
        super().__init__(judge, **given)
        self.intermediate_reward = intermediate_reward

    def compute_step_rewards(self) -> list[float | None]:
        """Return one reward per step so far: the judge's where steps are asked for, None for one that it did not judge.

        Else, and where it judged none, the outcome's reward is the last step's, and the others have
        `intermediate_reward`: recipes that judge steps unasked find some bad or good, and leave the others open. All
        are None where the judge failed. Before the end each is `intermediate_reward`.
        """
        count, outcome = len(self.trajectory), self.last_outcome
        if outcome is None:
            return [self.intermediate_reward] * count
        if not outcome.has_reward:
            return [None] * count
        is_asked = "steps" in (self.judge.asking.granularity or ())
        if is_asked and len(outcome.steps) == count and any(step is not None for step in outcome.steps):
            return list(outcome.steps)
        return [*[self.intermediate_reward] * (count - 1), self.last_score]

    def reset(self) -> None:
        super().reset()
        self._forget()


class JudgeTrajectoryRubric(_Episode):
    """Scores an episode when its last observation is `done`: a coroutine then, `intermediate_reward` before."""

    async def score_trajectory(self, trajectory: list[Step]) -> float | None:
        return await self._scored(list(trajectory))


class BlockingJudgeTrajectoryRubric(_Episode):
    """Does the same for environments that are not async."""

    def score_trajectory(self, trajectory: list[Step]) -> float | None:
        return self._scored_now(list(trajectory))


class OrUnscored(Rubric):  # type: ignore[misc]
    """Holds a rubric, and is None where a judge in it failed: no container then makes a number of the failure.

    It has the judges below it raise, whatever they were told. Other errors pass through.
    """

    def __init__(self, rubric: Any) -> None:
        super().__init__()
        self.rubric = rubric

    def forward(self, action: Any, observation: Any) -> Any:
        """Return the rubric's score or None; awaited where the rubric is."""
        for part in (self.rubric, *self.rubric.rubrics()):
            if isinstance(part, _Asking):
                part.on_failure = "raise"
        try:
            found = self.rubric(action, observation)
        except JudgeUnavailable:
            return self._unscored()
        return self._awaited(found) if inspect.isawaitable(found) else found

    def reset(self) -> None:
        for part in (self.rubric, *self.rubric.rubrics()):
            part.reset()

    async def _awaited(self, found: Any) -> Any:
        try:
            return await found
        except JudgeUnavailable:
            return self._unscored()

    def _unscored(self) -> None:
        """Scores of an earlier step must not stand where this one has none."""
        for part in (self.rubric, *self.rubric.rubrics()):
            if not isinstance(part, _Asking) and list(part.children()):
                part.last_score = None

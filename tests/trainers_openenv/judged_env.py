"""An environment of OpenEnv with a rubric: a counter that is done after so many steps, stepped in either way."""

from __future__ import annotations

from typing import Any

from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, Observation, State
from openenv.core.rubrics import Rubric

from judge_agent.trainers import Asking, RolloutJudge

DIMENSIONS = ("correctness", "process")


class Say(Action):
    text: str


class Heard(Observation):
    answer: str = ""
    volume: int = 0


class Style(Rubric):
    """Always the same score, at once."""

    def __init__(self, score: float = 0.5) -> None:
        super().__init__()
        self.score = score

    def forward(self, action: Any, observation: Any) -> float:
        return self.score


class Room(Environment[Say, Heard, State]):
    """Answers what is said to it; done after `turns` steps."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, rubric: Rubric | None = None, turns: int = 1) -> None:
        super().__init__(rubric=rubric)
        self.turns = turns
        self._state = State(episode_id="e", step_count=0)

    def reset(self, seed: int | None = None, episode_id: str | None = None, **kwargs: Any) -> Heard:
        self._reset_rubric()
        self._state = State(episode_id="e", step_count=0)
        return Heard(answer="ready")

    def step(self, action: Say, timeout_s: float | None = None, **kwargs: Any) -> Heard:
        observation = self._heard(action)
        observation.reward = self._apply_rubric(action, observation)
        return observation

    async def step_async(self, action: Say, timeout_s: float | None = None, **kwargs: Any) -> Heard:
        observation = self._heard(action)
        observation.reward = await self._apply_rubric_async(action, observation)
        return observation

    @property
    def state(self) -> State:
        return self._state

    def _heard(self, action: Say) -> Heard:
        self._state.step_count += 1
        return Heard(answer=f"heard {action.text}", done=self._state.step_count >= self.turns)


def judge_at(url: str, seconds: float = 20.0, **asking: Any) -> RolloutJudge:
    given = {"recipe": "verify", "dimensions": DIMENSIONS, **asking}
    return RolloutJudge(url, asking=Asking(**given), seconds=seconds, retry_seconds=0.2)

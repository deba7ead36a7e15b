"""Environments of SkyRL-gym with the judge's mixin: its own GSM8k, and one with a tool and two turns."""

from __future__ import annotations

from typing import Any

from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput
from skyrl_gym.envs.gsm8k.env import GSM8kEnv

from judge_agent.trainers import Asking, FailurePolicy, RolloutJudge
from judge_agent.trainers.skyrl_gym import JudgedEpisode

DIMENSIONS = ("correctness", "process")
PROMPT = [{"role": "user", "content": "Write add(a, b)."}]
TESTS = {"kind": "call", "entry_point": "add", "hidden": [{"args": [2, 3], "expected": 5}]}


class JudgedMath(JudgedEpisode, GSM8kEnv):
    """One turn, and it is done."""


class TwoTurns(BaseTextEnv):
    """Shows the result of a tool after the first turn, and is done after the second."""

    def __init__(self, env_config: Any = None, extras: Any = None) -> None:
        super().__init__()

    def step(self, action: str) -> BaseTextEnvStepOutput:
        self.turns += 1
        is_done = self.turns == 2
        shown = [] if is_done else [{"role": "user", "content": "<result>5</result>"}]
        return BaseTextEnvStepOutput(
            observations=shown,
            reward=0.25,
            done=is_done,
            metadata={"turn": self.turns},
            postprocessed_action=action.removesuffix(" tail"),
        )

    def get_metrics(self) -> dict[str, Any]:
        return {"turns": self.turns}


class JudgedTurns(JudgedEpisode, TwoTurns):
    """The same, judged when it is done."""


class SummedTurns(JudgedTurns):
    def combined_reward(self, env_reward: Any, judged: float) -> float:
        return float(env_reward) + judged


def asked_at(
    url: str,
    base: type[JudgedEpisode],
    policy: FailurePolicy | None = None,
    dimensions: tuple[str, ...] = DIMENSIONS,
    **given: Any,
) -> type[JudgedEpisode]:
    """The environment with a judge at `url`, and a policy that has seen nothing."""
    settings = {"seconds": 20.0, "retry_seconds": 0.2, **given}
    judge = RolloutJudge(url, asking=Asking(recipe="verify", dimensions=dimensions), **settings)
    return type(base.__name__, (base,), {"judge": judge, "failure_policy": policy or FailurePolicy()})

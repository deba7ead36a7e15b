"""SkyRL-gym 0.4: a mixin for text environments that has each finished episode judged.

    class JudgedSql(JudgedEpisode, SQLEnv):
        judge = RolloutJudge(asking=Asking(recipe="default"))

Steps keep the rewards that the environment gives; the last step's is the judge's (`combined_reward` decides). It
blocks: SkyRL steps environments in threads (`max_env_workers`; with 0 it would block its loop). SkyRL cannot mask a
rollout: where the judge failed, the reward is what `failure_policy` settles once the siblings that are being judged
have ended, flagged `judge_failed`, or JudgeUnavailable is raised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from judge_agent.hashing import sha256_of
from judge_agent.trainers.failures import FailurePolicy, Settled
from judge_agent.trainers.group_scorer import GroupScorer
from judge_agent.trainers.outcome import Outcome, flat
from judge_agent.trainers.rollout import Rollout
from judge_agent.trainers.rollout_judge import RolloutJudge
from judge_agent.trainers.shaping import refuse_shape

try:
    from skyrl_gym.envs.base_text_env import (  # type: ignore[import-not-found]
        BaseTextEnv,
        BaseTextEnvStepOutput,
    )
except ImportError as error:
    raise ImportError(
        "judge_agent.trainers.skyrl_gym needs skyrl-gym: pip install 'skyrl-gym>=0.4,<0.5'"
    ) from error

__all__ = ["JudgedEpisode"]


class JudgedEpisode(BaseTextEnv):  # type: ignore[misc]
    """Stands before an environment among the bases, and judges its episode when a step says `done`.

    `judge` and `failure_policy` are the class's, shared by its instances and their threads; without a `judge` of its
    own a class asks JUDGE_URL with the recipe `default`, without a policy of its own it has the settings of the class
    above it, and what it has seen for itself. `reward_spec.ground_truth` of `extras` is the answer, and every other key
    of `extras` a column that `Asking.columns` may name. Metrics are of the dimensions that the judge was made with;
    `metadata["judge"]["vector"]` has all that were judged. Raises InvalidRequest for a judge that shapes: an instance
    knows one episode of its group.
    """

    judge: ClassVar[RolloutJudge] = RolloutJudge()
    failure_policy: ClassVar[FailurePolicy] = FailurePolicy()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Rewards of two judges are not comparable: one class's mean is no stand-in for another's failure.
        if "failure_policy" not in vars(cls):
            cls.failure_policy = replace(cls.failure_policy)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        refuse_shape(self.judge.asking.shape, self.judge.asking.join, type(self).__name__)
        self._extras: Any = kwargs.get("extras", args[1] if len(args) > 1 else None)
        self._prompt: list[Mapping[str, Any]] = []
        self._said: list[Mapping[str, Any]] = []
        self._found: dict[str, float] | None = None
        super().__init__(*args, **kwargs)

    def init(self, prompt: Any) -> tuple[Any, dict[str, Any]]:
        """Start the environment; what it shows the policy first is the task that is judged."""
        shown, about = super().init(prompt)
        self._prompt = [{"role": "user", "content": shown}] if isinstance(shown, str) else list(shown)
        self._said, self._found = [], None
        return shown, about

    def step(self, action: str) -> Any:
        """Take one step of the environment; where it is the last, judge the episode. Raises JudgeUnavailable."""
        taken = super().step(action)
        written = taken.get("postprocessed_action")
        self._said.append({"role": "assistant", "content": action if written is None else written})
        self._said.extend(taken["observations"] or ())
        if not taken["done"]:
            return taken
        return self._with_verdict(taken, *self.judge_on_done())

    def judge_on_done(self, messages: Sequence[Mapping[str, Any]] | None = None) -> tuple[Outcome, Settled]:
        """Judge an episode: the recorded one, or `messages` that an environment kept itself (prompt first).

        Raises JudgeUnavailable where the judge failed and the policy has no number for it.
        """
        prompt, said = (self._prompt, self._said) if messages is None else _split(messages)
        columns = self.judge_columns()
        scorer = GroupScorer(self.judge, self.failure_policy)
        group = self.judge_group(prompt, columns)
        outcome, settled = scorer.judged_now(Rollout(prompt, said, columns), group)
        self._found = flat(outcome, self.judge.dimensions, settled.reward, settled.means)
        return outcome, settled

    def judge_columns(self) -> Mapping[str, Any]:
        """Return the row of the data set; override it where the constructor takes no `extras`."""
        extras = {str(key): value for key, value in dict(self._extras or {}).items()}
        spec = extras.pop("reward_spec", None) or {}
        return {"answer": spec.get("ground_truth"), **{k: v for k, v in extras.items() if v is not None}}

    def judge_group(self, prompt: Sequence[Mapping[str, Any]], columns: Mapping[str, Any]) -> str:
        """Name the rollouts whose mean stands in for a failed one's reward: those of the same prompt and answer."""
        return sha256_of(repr((prompt, columns.get("answer"))))

    def combined_reward(self, env_reward: Any, judged: float) -> float:
        """Return the last step's reward, from the environment's own and the judge's."""
        return judged

    def get_metrics(self) -> dict[str, Any]:
        """Add `judge/...` to the environment's metrics; `judge/judged` is 0 for an episode that never said `done`."""
        found = {f"judge/{name}": value for name, value in (self._found or {}).items()}
        return {**super().get_metrics(), "judge/judged": 0.0 if self._found is None else 1.0, **found}

    def _with_verdict(self, taken: Any, outcome: Outcome, settled: Settled) -> Any:
        about = {
            **(self._found or {}),
            "judgment_id": outcome.judgment_id,
            "status": outcome.status,
            "failure_kind": outcome.failure_kind,
            "failure_reason": outcome.failure_reason,
            "steps": list(outcome.steps),
            "vector": dict(outcome.vector),
            "env_reward": taken["reward"],
        }
        reward = float(self.combined_reward(taken["reward"], settled.reward))
        metadata = {**(taken.get("metadata") or {}), "judge": about}
        return BaseTextEnvStepOutput(**{**taken, "reward": reward, "metadata": metadata})


def _split(
    messages: Sequence[Mapping[str, Any]],
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """What the policy said begins with its first turn."""
    roles = [message.get("role") for message in messages]
    first = roles.index("assistant") if "assistant" in roles else len(roles)
    return list(messages[:first]), list(messages[first:])

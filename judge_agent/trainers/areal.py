"""AReaL 1.0: a reward function for its process pool, the same awaited, rewards by interaction, and a workflow.

    reward = JudgeReward(recipe="verify", dimensions=["correctness"])
    AsyncRewardWrapper(reward, timeout_seconds=15)

AReaL's AsyncRewardWrapper turns every time-out into the reward 0, which looks like a judgment. Its clock starts when
the call is queued, so that a pool that is busy is a time-out too: with its default of 15 s, and the default pool of a
few processes, only judging that takes milliseconds is safe. JudgeReward gives up after `seconds=9`, by itself and
loudly; for longer judging give the wrapper `timeout_seconds` well above `seconds` and `max_workers` as many as
rollouts are judged at a time, or leave the pool out: JudgeRLVRWorkflow is AReaL's RLVR workflow that awaits the judge.

What fails raises JudgeUnavailable: AReaL then rejects the trajectory, which is masking. `on_failure="neutral"` gives
the mean of the group instead, which each process of a pool knows only of the rollouts that it judged itself.
JUDGE_URL and JUDGE_API_KEY come from the environment of the processes.
"""

from __future__ import annotations

import importlib
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from judge_agent.errors import InvalidRequest
from judge_agent.hashing import sha256_of
from judge_agent.trainers.as_json import as_json, is_missing
from judge_agent.trainers.decoded_text import spoken, without_end_marks
from judge_agent.trainers.failures import JudgeUnavailable
from judge_agent.trainers.group_scorer import GroupScorer
from judge_agent.trainers.outcome import Outcome
from judge_agent.trainers.rollout import Rollout, Text
from judge_agent.trainers.scorer_settings import scorer_of, settings_text

if TYPE_CHECKING:
    from judge_agent.trainers.areal_workflow import JudgeRLVRWorkflow as JudgeRLVRWorkflow

# With the 5 s that are given where even our own clock fails, this stays below AReaL's 15 s.
POOL_SECONDS = 9.0


class JudgeReward:
    """A reward function with settings (`scorer_settings.SETTINGS`): picklable, without connections or keys in it.

    The prompt is the row's `messages` (a list), else AReaL's decoded prompt; the other columns are read as
    `Asking.columns` says, by default those that are called as the fields are: `answer`, `solution`, `sql`, `tests`, ...
    """

    def __init__(self, **settings: Any) -> None:
        given = {"seconds": POOL_SECONDS, "on_failure": "raise"} | settings
        self._settings = settings_text(given, "settings")
        self.__name__ = "judge_reward"
        scorer_of(self._settings)

    @property
    def scorer(self) -> GroupScorer:
        """The scorer of this process for these settings."""
        return scorer_of(self._settings)

    def __call__(
        self,
        prompt: str,
        completions: str,
        prompt_ids: Sequence[int] = (),
        completion_ids: Sequence[int] = (),
        **data: Any,
    ) -> float:
        """Judge one rollout and block until it is done. Raises JudgeUnavailable, never TimeoutError."""
        # AReaL's own limit does not know of a second wait, and makes 0 of it.
        within = self.scorer.judge.seconds
        _, settled = self.scorer.judged_now(*self._rollout(prompt, completions, data), within=within)
        return settled.reward

    async def awaited(
        self,
        prompt: str,
        completions: str,
        prompt_ids: Sequence[int] = (),
        completion_ids: Sequence[int] = (),
        **data: Any,
    ) -> float:
        """Do the same without blocking; `prompt_ids` and `completion_ids` are AReaL's and not needed."""
        _, settled = await self.scorer.judged(*self._rollout(prompt, completions, data))
        return settled.reward

    async def by_interaction(
        self, messages: Sequence[Mapping[str, Any]], interaction_ids: Sequence[str], **data: Any
    ) -> dict[str, float]:
        """Judge the conversation of an agent's `run` and return `{interaction_id: reward}`.

        `interaction_ids` are those of the agent's turns, in order: the last assistant turns of `messages`; what stands
        before them is the prompt. With `granularity=["outcome", "steps"]` each turn has its own score; else the last
        one has the reward of the whole. Raises JudgeUnavailable where a turn was not judged, InvalidRequest where
        there are fewer turns than ids.
        """
        said = [without_end_marks(message) for message in messages]
        turns = [at for at, message in enumerate(said) if message.get("role") == "assistant"]
        if not 0 < len(interaction_ids) <= len(turns):
            raise InvalidRequest(
                "interaction_ids", f"there are {len(interaction_ids)} for {len(turns)} turns of the assistant"
            )
        first = turns[-len(interaction_ids)]
        asked = said[:first]
        rollout = Rollout(asked, said[first:], data)
        outcome, settled = await self.scorer.judged(rollout, self._group(asked, data))
        if "steps" not in (self.scorer.judge.asking.granularity or ()):
            return {interaction_ids[-1]: settled.reward}
        return dict(zip(interaction_ids, _by_turn(outcome, len(interaction_ids)), strict=True))

    def _rollout(self, prompt: str, completions: str, data: Mapping[str, Any]) -> tuple[Rollout, Hashable]:
        """The rollout, and the group that it is of."""
        asked = _prompt(prompt, data)
        columns = {name: value for name, value in data.items() if name != "messages"}
        return Rollout(asked, spoken(completions), columns), self._group(asked, data)

    def _group(self, asked: Text, data: Mapping[str, Any]) -> Hashable:
        """Rollouts of one row. One that cannot be written as JSON is alone here, and is refused when it is judged."""
        if self.scorer.policy.on_failure == "raise":
            return "nobody needs a mean"
        try:
            return sha256_of(as_json({"prompt": asked, "row": data}, "row"))
        except InvalidRequest:
            return object()


def judge_reward(
    prompt: str,
    completions: str,
    prompt_ids: Sequence[int] = (),
    completion_ids: Sequence[int] = (),
    **data: Any,
) -> float:
    """Be JudgeReward with its defaults, for configs that name a function."""
    return JudgeReward()(prompt, completions, prompt_ids, completion_ids, **data)


def _prompt(prompt: str, data: Mapping[str, Any]) -> Text:
    messages: Any = data.get("messages")
    if is_missing(messages) or isinstance(messages, str):
        return prompt
    return list(messages)


def _by_turn(outcome: Outcome, turns: int) -> list[float]:
    scores = [score for score in outcome.steps if score is not None]
    if len(outcome.steps) != turns or len(scores) != turns:
        raise JudgeUnavailable(
            f"{len(scores)} of {turns} turns were judged ({outcome.failure_kind or 'no step scores'}: "
            f"{outcome.failure_reason})"
        )
    return scores


def __getattr__(name: str) -> Any:
    """Load what is built on AReaL's classes only when it is asked for."""
    if name != "JudgeRLVRWorkflow":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module("judge_agent.trainers.areal_workflow").JudgeRLVRWorkflow

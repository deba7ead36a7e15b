"""verifiers 0.4 and prime-rl: a judge plugin, named `judge-agent` in a task's configuration.

    judges = [{"id": "judge-agent", "url": "http://127.0.0.1:8800", "recipe": "default", "weight": 1.0}]

The whole root branch of the trace is judged, without hidden reasoning. A judge that failed raises: verifiers records
the error on the trace, its reward stays empty, and prime-rl trains on none of it. It does not know what the box of the
rollout holds. Other branches (of subagents, before a compaction) are not read; `<name>/unread_branches` counts them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

from judge_agent.schema.request import Aggregate
from judge_agent.trainers.failures import JudgeUnavailable
from judge_agent.trainers.outcome import Outcome
from judge_agent.trainers.rollout import Asking
from judge_agent.trainers.rollout_judge import SECONDS, RolloutJudge
from judge_agent.trainers.trace_reading import TraceReading, read_trace, scoring_seconds_left

try:
    from pydantic import Field, PrivateAttr, model_validator
    from verifiers.v1.configs.judge import JudgeConfig  # type: ignore[import-not-found]
    from verifiers.v1.judge import Judge  # type: ignore[import-not-found]
    from verifiers.v1.types import Usage  # type: ignore[import-not-found]
except ImportError as error:
    raise ImportError(
        "judge_agent.trainers.verifiers needs verifiers: pip install 'verifiers>=0.4,<0.5'"
    ) from error

__all__ = ["ServiceJudge", "ServiceJudgeConfig"]

_OF_ANOTHER_JUDGE = (
    "base_url",
    "api_key_var",
    "headers",
    "headers_from_env",
    "timeout",
    "model",
    "sampling",
    "prompt",
)


_SHARE_OF_TIME_LEFT = 0.9


class ServiceJudgeConfig(JudgeConfig):  # type: ignore[misc]
    """How a trace is judged; what is None is the recipe's. The key is JUDGE_API_KEY, never in a configuration."""

    id: str = "judge-agent"
    url: str | None = None
    """The service; else JUDGE_URL."""
    recipe: str = "default"
    dimensions: list[str] | None = None
    columns: dict[str, str] | None = None
    """Which field of the task's data holds which field of the reference; else those that are called alike."""
    principles: list[dict[str, Any]] | None = None
    tools: list[str] | None = None
    """The judge's tools, not the agent's: those are read from the trace."""
    aggregate: Aggregate | None = None
    pass_threshold: float | None = None
    samples: int | None = None
    model_tokens: int | None = None
    seed: int = 0
    steps: bool = False
    """Judge each turn, too: `trace.info["turn_rewards"]` then has one number or None per sampled turn."""
    rewards: Literal["reward", "vector"] = "reward"
    """One reward under this judge's name, or one per dimension as `<name>/<dimension>`, each with `weight`."""
    seconds: float = Field(default=SECONDS, gt=0)
    """How long a judgment may take, or what the scoring timeout of verifiers leaves where that is less."""
    retry_seconds: float = Field(default=30.0, ge=0)
    # verifiers makes a judge for each trace, all with this configuration: here the connections outlive them.
    _judge: RolloutJudge | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> ServiceJudgeConfig:
        plain = JudgeConfig()
        for name in _OF_ANOTHER_JUDGE:
            if getattr(self, name) != getattr(plain, name):
                raise ValueError(
                    f"{name!r} says nothing here: the service at `url` chooses its model and prompts"
                )
        if self.rewards == "vector" and not self.dimensions:
            raise ValueError("rewards='vector' needs `dimensions`, so that every trace has the same rewards")
        return self

    def rollout_judge(self) -> RolloutJudge:
        """Return the one judge of this configuration."""
        if self._judge is None:
            self._judge = RolloutJudge(
                self.url, asking=self._asking(), seconds=self.seconds, retry_seconds=self.retry_seconds
            )
        return self._judge

    def _asking(self) -> Asking:
        return Asking(
            recipe=self.recipe,
            dimensions=self.dimensions,
            columns=None if self.columns is None else {"agent_tools": "agent_tools", **self.columns},
            principles=self.principles,
            tools=self.tools,
            granularity=("outcome", "steps") if self.steps else None,
            aggregate=self.aggregate,
            pass_threshold=self.pass_threshold,
            model_tokens=self.model_tokens,
            samples=self.samples,
            seed=self.seed,
        )


class ServiceJudge(Judge[float, ServiceJudgeConfig]):  # type: ignore[misc]
    """Scores traces by the judge service; verifiers builds one for each trace."""

    async def score(self, task: Any, trace: Any) -> float | Mapping[str, float]:
        """Return the reward, or one per dimension. Raises JudgeUnavailable where there is none.

        Metrics `<name>/...` and `trace.info["judge_agent"][name]` are recorded in both cases, under the same keys: one
        metric for each of the configuration's `dimensions`; `info` has the whole vector.
        """
        reading = read_trace(task, trace)
        outcome = await self._outcome(reading, scoring_seconds_left(task, trace))
        self._record(trace, outcome, reading)
        return self._rewards(outcome)

    async def _outcome(self, reading: TraceReading, seconds_left: float | None) -> Outcome:
        """Judge within what verifiers leaves for it: past that, it would take the missing reward for none."""
        limit = None if seconds_left is None else max(0.0, _SHARE_OF_TIME_LEFT * seconds_left)
        judge: RolloutJudge = self.config.rollout_judge()
        try:
            async with asyncio.timeout(limit):
                (outcome,) = await judge.outcomes([reading.rollout])
        except TimeoutError:
            why = f"no judgment within {limit:.2f} s, which the scoring timeout of verifiers left for it"
            return Outcome.failed("judge_timeout", why, self.config.dimensions or ())
        return outcome

    def _rewards(self, outcome: Outcome) -> float | Mapping[str, float]:
        name = self.reward_name
        if outcome.reward is None:
            raise JudgeUnavailable(
                f"{name} gave no reward: {outcome.failure_kind}: {outcome.failure_reason} "
                f"(judgment {outcome.judgment_id})"
            )
        if self.config.rewards == "reward":
            return outcome.reward
        found = {key: outcome.vector.get(key) for key in self.config.dimensions}
        missing = sorted(key for key, value in found.items() if value is None)
        if missing:
            raise JudgeUnavailable(
                f"{name} judged no {', '.join(missing)} (judgment {outcome.judgment_id}), and a sum without "
                "it is not comparable with the others; take rewards='reward' or other dimensions"
            )
        return {f"{name}/{key}": value for key, value in found.items() if value is not None}

    def _record(self, trace: Any, outcome: Outcome, reading: TraceReading) -> None:
        """Keep what was found beside the reward. A metric that is None is one that was not measured."""
        name = self.reward_name
        trace.metrics[f"{name}/failed"] = 0.0 if outcome.has_reward else 1.0
        trace.metrics[f"{name}/passed"] = None if outcome.passed is None else float(outcome.passed)
        trace.metrics[f"{name}/score"] = outcome.score
        trace.metrics[f"{name}/unread_branches"] = float(reading.unread_branches)
        for key in self.config.dimensions or ():
            trace.metrics[f"{name}/dimension/{key}"] = outcome.vector.get(key)
        trace.info.setdefault("judge_agent", {})[name] = {
            "judgment_id": outcome.judgment_id,
            "status": outcome.status,
            "failure_kind": outcome.failure_kind,
            "failure_reason": outcome.failure_reason,
            "explanation": outcome.explanation,
            "vector": dict(outcome.vector),
            "flags": dict(outcome.flags),
        }
        if outcome.tokens:
            read, written = round(outcome.prompt_tokens), round(outcome.completion_tokens)
            trace.extra_usage.append(Usage(prompt_tokens=read, completion_tokens=written))
        if self.config.steps:
            self._record_turns(trace, reading.turn_rewards(outcome.steps))

    def _record_turns(self, trace: Any, turns: list[float | None]) -> None:
        """Say what each turn is worth where nobody else has said so: a task's own turn rewards stay."""
        record = trace.info["judge_agent"][self.reward_name]
        record["turn_rewards"] = turns
        owner = trace.info.get("turn_rewards_by")
        is_free = "turn_rewards" not in trace.info or owner == self.reward_name
        record["turn_rewards_taken"] = is_free
        if is_free:
            trace.info |= {"turn_rewards": turns, "turn_rewards_by": self.reward_name}

"""TRL's other ways to a rollout: environments with a reward of their own, rollout_func, AsyncGRPO's child process."""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import os
from collections.abc import Sequence
from typing import Any

import pytest
from accelerate import PartialState
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer
from trl.experimental.async_grpo import async_rollout_worker

from judge_agent.trainers import Asking, Rollout, RolloutJudge
from judge_agent.trainers.trl import judge_rewards
from tests.trainers.answering import answering, by_length, judgment, text_of, unscored

pytestmark = pytest.mark.trainers
os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
CHATS = [{"prompt": [{"role": "user", "content": f"Say {word}."}]} for word in ("one", "two")]
SIZES = {"num_generations": 4, "per_device_train_batch_size": 8, "max_completion_length": 8, "max_steps": 1}


def trained(model: Any, tokenizer: Any, settings: dict[str, Any], **given: Any) -> Any:
    trainer = GRPOTrainer(
        model=model,
        args=GRPOConfig(**{**settings, **SIZES}),
        train_dataset=Dataset.from_list(CHATS),
        processing_class=tokenizer,
        **given,
    )
    trainer.train()
    return trainer


def logged(trainer: Any, name: str) -> list[float]:
    return [entry[name] for entry in trainer.state.log_history if name in entry]


class Counter:
    """An environment that asks the judge for its own reward."""

    judge: RolloutJudge
    made = 0

    def __init__(self) -> None:
        Counter.made += 1
        self._number = Counter.made

    def reset(self, **row: Any) -> str | None:
        self._prompt = row["prompt"]
        return None

    async def get_reward(self) -> float | None:
        said = [{"role": "assistant", "content": "x" * self._number}]
        (outcome,) = await self.judge.outcomes([Rollout(self._prompt, said)])
        return outcome.reward


def test_an_environment_gives_the_judges_reward_as_its_own(
    model: Any, tokenizer: Any, settings: dict[str, Any]
) -> None:
    def of(text: str) -> Any:
        return unscored() if len(text) == 2 else by_length(text)

    with answering(lambda body: judgment(body, of)) as server:
        Counter.judge = RolloutJudge(server.url, asking=Asking(recipe="verify"), seconds=20)
        trainer = trained(model, tokenizer, settings, reward_funcs=[], environment_factory=Counter)
        Counter.judge.close()
    (mean,) = logged(trainer, "rewards/Counter/mean")
    lengths = [text_of(body["candidates"][0]["trajectory"]) for body in server.bodies]
    assert len(lengths) == 8
    scores = [len(text) / 10 for text in lengths if len(text) != 2]
    assert mean == pytest.approx(sum(scores) / len(scores))


def test_the_messages_of_a_rollout_func_are_what_is_judged(
    model: Any, tokenizer: Any, settings: dict[str, Any]
) -> None:
    def rollouts(prompts: Sequence[Any], trainer: Any) -> dict[str, Any]:
        ids = [
            tokenizer.apply_chat_template(prompt, add_generation_prompt=True)["input_ids"]
            for prompt in prompts
        ]
        said = [
            [*prompt, {"role": "assistant", "content": "a" * at}, {"role": "user", "content": "go on"}]
            for at, prompt in enumerate(prompts)
        ]
        return {
            "prompt_ids": ids,
            "completion_ids": [[5, 6, 1] for _ in prompts],
            "logprobs": [[-1.0, -1.0, -1.0] for _ in prompts],
            "messages": said,
        }

    with answering() as server:
        rewards = judge_rewards(server.url, recipe="verify", seconds=20, transcript="messages")
        trained(model, tokenizer, settings, reward_funcs=rewards, rollout_func=rollouts)
    trajectories = [one["trajectory"] for body in server.bodies for one in body["candidates"]]
    assert len(trajectories) == 8
    assert all([m["role"] for m in found["messages"]] == ["assistant", "user"] for found in trajectories)


def scored_in_a_child(functions: Sequence[Any]) -> list[dict[str, float]]:
    """Score one group by the code of AsyncGRPO's rollout process, without the vLLM that it generates with."""
    PartialState()
    row = async_rollout_worker.TrainingSequence([1, 2], [0, 1], [0.0, -1.0], 0)
    group = async_rollout_worker.RolloutGroup(
        prompts=["p"] * 3,
        reward_kwargs={"answer": ["4"] * 3},
        completions=["aaaa", "bad", "aa"],
        completions_ids=[[1], [2], [3]],
        completions_sequences=[[row], [row], [row]],
        tool_call_counts=[0] * 3,
        tool_failure_counts=[0] * 3,
        model_version=0,
        group_id=0,
        env_rewards=[],
        rollout_rewards=[],
    )
    loop = async_rollout_worker._AsyncRolloutLoop.__new__(async_rollout_worker._AsyncRolloutLoop)
    loop.reward_funcs = functions
    loop.reward_func_names = [function.__name__ for function in functions]
    loop._env_reward_types = []
    samples = asyncio.run(loop._score_group(group))
    return [{**sample.metrics, "advantage": sample.advantage} for sample in samples]


def test_reward_functions_work_in_the_spawned_child_of_async_grpo() -> None:
    def of(text: str) -> Any:
        return unscored() if text == "bad" else by_length(text)

    with answering(lambda body: judgment(body, of)) as server:
        functions = judge_rewards(server.url, ["correctness", "process"], recipe="verify", seconds=20)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            first, failed, last = pool.apply(scored_in_a_child, (functions,))
    assert len(server.bodies) == 1
    assert server.bodies[0]["task"]["reference"] == {"answer": "4"}
    assert [first["rewards/judge/correctness"], first["rewards/judge/process"]] == [0.4, 0.2]
    assert math.isnan(failed["reward"])
    assert failed["advantage"] == 0
    assert first["advantage"] == pytest.approx(-last["advantage"])
    assert first["advantage"] > 0.9

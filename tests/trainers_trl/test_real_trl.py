"""Steps of TRL's own trainers on a tiny model, rewarded by a real judge service and by ones that fail."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer
from trl.experimental.online_dpo import OnlineDPOConfig, OnlineDPOTrainer

from judge_agent.trainers import JudgeUnavailable
from judge_agent.trainers.trl import judge_rewards
from tests.trainers.answering import Body, Reply, answering, judgment, scored, unscored

pytestmark = pytest.mark.trainers
os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
PLAIN = [{"prompt": f"Say {word}."} for word in ("one", "two", "three", "four")]
CHATS = [{"prompt": [{"role": "user", "content": row["prompt"]}]} for row in PLAIN]
CODE = [
    {"prompt": "Write add.", "tests": '{"kind": "assert", "hidden": ["assert add(1, 2) == 3"]}'}
    for _ in range(4)
]


def grpo(
    model: Any, tokenizer: Any, settings: Mapping[str, Any], rewards: Any, rows: Any, **more: Any
) -> Any:
    return trained(GRPOTrainer, GRPOConfig, model, tokenizer, settings, rewards, rows, **more)


def rloo(
    model: Any, tokenizer: Any, settings: Mapping[str, Any], rewards: Any, rows: Any, **more: Any
) -> Any:
    return trained(RLOOTrainer, RLOOConfig, model, tokenizer, settings, rewards, rows, beta=0.0, **more)


def trained(
    trainer: Any, config: Any, model: Any, tokenizer: Any, settings: Any, rewards: Any, rows: Any, **more: Any
) -> Any:
    sizes = {"num_generations": 4, "per_device_train_batch_size": 8, "max_completion_length": 8}
    running = trainer(
        model=model,
        reward_funcs=rewards,
        args=config(**{**settings, **sizes, **more}),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    running.train()
    return running


def logged(trainer: Any, name: str) -> list[float]:
    return [entry[name] for entry in trainer.state.log_history if name in entry]


def one_in_four_fails(body: Body) -> Reply:
    """Fail the longest completion of each group, and score the others by their length."""
    texts: list[str] = []

    def of(text: str) -> Mapping[str, Any]:
        texts.append(text)
        return unscored() if len(texts) == 1 else scored(min(1.0, len(text) / 20))

    return judgment(body, of)


@pytest.mark.parametrize("train", [grpo, rloo])
@pytest.mark.parametrize("rows", [PLAIN, CHATS])
def test_two_steps_take_one_judge_call_a_group_and_log_every_column(
    train: Any, rows: Any, model: Any, tokenizer: Any, settings: dict[str, Any]
) -> None:
    before = [weight.clone() for weight in model.parameters()]
    with answering() as server:
        rewards = judge_rewards(server.url, ["correctness", "process"], recipe="verify", seconds=20)
        trainer = train(model, tokenizer, settings, rewards, rows)
    assert len(server.bodies) == 4
    for name in ("correctness", "process"):
        assert len(logged(trainer, f"rewards/judge/{name}/mean")) == 2
    assert logged(trainer, "judge/unscored_share") == [0.0, 0.0]
    after = list(model.parameters())
    assert any(not torch.equal(old, new) for old, new in zip(before, after, strict=True))
    assert all(torch.isfinite(weight).all() for weight in after)


@pytest.mark.parametrize("train", [grpo, rloo])
def test_what_the_judge_failed_on_is_left_out_of_its_group(
    train: Any, model: Any, tokenizer: Any, settings: dict[str, Any]
) -> None:
    with answering(one_in_four_fails) as server:
        rewards = judge_rewards(server.url, ["correctness"], recipe="verify", seconds=20)
        trainer = train(model, tokenizer, settings, rewards, PLAIN)
    assert all(0 < share < 1 for share in logged(trainer, "judge/unscored_share"))
    assert all(math.isfinite(reward) for reward in logged(trainer, "reward"))
    assert all(torch.isfinite(weight).all() for weight in model.parameters())


@pytest.mark.parametrize("train", [grpo, rloo])
def test_a_judge_that_is_down_changes_no_weight_and_ends_no_training(
    train: Any, model: Any, tokenizer: Any, settings: dict[str, Any]
) -> None:
    before = [weight.clone() for weight in model.parameters()]
    with answering(lambda body: Reply(500)) as server:
        rewards = judge_rewards(server.url, ["correctness", "process"], recipe="verify", seconds=1)
        trainer = train(model, tokenizer, settings, rewards, PLAIN)
    assert trainer.state.global_step == 2
    assert logged(trainer, "judge/unscored_share") == [1.0, 1.0]
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


def test_dimensions_are_normalised_each_by_itself_where_that_is_asked(
    model: Any, tokenizer: Any, settings: dict[str, Any]
) -> None:
    with answering(one_in_four_fails) as server:
        rewards = judge_rewards(server.url, ["correctness", "process"], recipe="verify", seconds=20)
        more = {"multi_objective_aggregation": "normalize_then_sum", "reward_weights": [1.0, 0.5]}
        grpo(model, tokenizer, settings, rewards, PLAIN, **more)
    assert all(torch.isfinite(weight).all() for weight in model.parameters())


@pytest.mark.parametrize("sync", [False, True])
def test_a_real_judge_runs_the_tests_of_the_data_set(
    sync: bool, judge_url: str, model: Any, tokenizer: Any, settings: dict[str, Any]
) -> None:
    rewards = judge_rewards(judge_url, recipe="verify", seconds=60, sync=sync, on_failure="mask")
    trainer = grpo(model, tokenizer, settings | {"max_steps": 1}, rewards, CODE)
    assert logged(trainer, "rewards/judge/reward/mean") == [0.0]


@pytest.mark.parametrize("rows", [PLAIN, CHATS])
def test_online_dpo_takes_the_blocking_twin(
    rows: Any, model: Any, tokenizer: Any, settings: dict[str, Any]
) -> None:
    with answering(one_in_four_fails) as server:
        rewards = judge_rewards(server.url, ["correctness"], recipe="verify", seconds=20, sync=True)
        trainer = online_dpo(model, tokenizer, settings, rewards, rows)
    assert trainer.state.global_step == 2
    assert all(torch.isfinite(weight).all() for weight in model.parameters())


def test_online_dpo_is_stopped_where_no_reward_can_be_given(
    model: Any, tokenizer: Any, settings: dict[str, Any]
) -> None:
    with answering(lambda body: Reply(500)) as server:
        rewards = judge_rewards(server.url, recipe="verify", seconds=1, sync=True)
        with pytest.raises(JudgeUnavailable):
            online_dpo(model, tokenizer, settings, rewards, PLAIN)


def online_dpo(model: Any, tokenizer: Any, settings: Mapping[str, Any], rewards: Any, rows: Any) -> Any:
    import copy

    sizes = {"per_device_train_batch_size": 2, "max_new_tokens": 8, "max_length": 64}
    running = OnlineDPOTrainer(
        model=model,
        ref_model=copy.deepcopy(model),
        reward_funcs=rewards,
        args=OnlineDPOConfig(**{**settings, **sizes}),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    running.train()
    return running

"""Evaluations of TRL's own trainer, whose groups may have another size than those of training."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from judge_agent.trainers import Asking
from judge_agent.trainers.trl import judge_rewards
from tests.trainers_trl.test_real_trl import CODE

pytestmark = pytest.mark.trainers


@pytest.mark.parametrize("joins", [True, False])
def test_an_evaluation_has_groups_of_its_own_size(
    joins: bool, model: Any, tokenizer: Any, settings: dict[str, Any], judge_url: str
) -> None:
    given: dict[str, Any] = {"join_as": uuid.uuid4().hex, "rank": 0} if joins else {}
    asking = Asking(recipe="verify", shape="rank", granularity=["outcome"])
    rewards = judge_rewards(judge_url, asking=asking, group_size=4, seconds=30, **given)
    sizes = {"num_generations": 4, "num_generations_eval": 2, "max_completion_length": 8}
    batches = {"per_device_train_batch_size": 4, "per_device_eval_batch_size": 4}
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=rewards,
        args=GRPOConfig(**{**settings, **sizes, **batches, "max_steps": 1}),
        train_dataset=Dataset.from_list(CODE),
        eval_dataset=Dataset.from_list(CODE),
        processing_class=tokenizer,
    )
    trainer.train()
    found = trainer.evaluate()
    # Nothing that a tiny model writes passes: all are alike, and in the middle of their group.
    assert found["eval_reward"] == 0.5
    assert found["eval_judge/unscored_share"] == found["eval_judge/split_groups"] == 0.0
    assert [entry["reward"] for entry in trainer.state.log_history if "reward" in entry] == [0.5]

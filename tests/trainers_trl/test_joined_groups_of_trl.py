"""Steps of TRL's own trainer whose groups are joined at the judge, as those are that ranks share."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from judge_agent.trainers import Asking
from judge_agent.trainers.trl import judge_rewards
from tests.trainers_trl.test_real_trl import CODE, grpo, logged

pytestmark = pytest.mark.trainers


def test_two_steps_reward_each_group_as_one(
    model: Any, tokenizer: Any, settings: dict[str, Any], judge_url: str
) -> None:
    asking = Asking(recipe="verify", shape="rank", granularity=["outcome"])
    rewards = judge_rewards(
        judge_url, asking=asking, group_size=4, join_as=uuid.uuid4().hex, rank=0, seconds=60
    )
    trainer = grpo(model, tokenizer, settings, rewards, CODE)
    # Nothing that a tiny model writes passes: all are alike, and in the middle of their group.
    assert logged(trainer, "reward") == [0.5, 0.5]
    assert logged(trainer, "judge/unscored_share") == [0.0, 0.0]
    assert logged(trainer, "judge/split_groups") == [0.0, 0.0]

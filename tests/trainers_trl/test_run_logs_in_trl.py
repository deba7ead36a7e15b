"""TRL's own trainer names its run, holds it to its pin, and has the run's numbers in its log."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from judge_agent.client import JudgeClient
from judge_agent.trainers import Asking, RunLogs
from judge_agent.trainers.trl import judge_rewards

pytestmark = pytest.mark.trainers
CODE = [
    {"prompt": f"Write add, {word}.", "tests": '{"kind": "assert", "hidden": ["assert add(1, 2) == 3"]}'}
    for word in ("please", "now", "fast", "well")
]


def test_every_step_is_counted_and_its_numbers_are_in_the_trainers_history(
    judge_url: str, model: Any, tokenizer: Any, settings: dict[str, Any]
) -> None:
    name = f"trl/{uuid.uuid4().hex}"
    asking = Asking(recipe="verify", run={"id": name, "pin": True}, cache="no")
    sizes = {"num_generations": 4, "per_device_train_batch_size": 8, "max_completion_length": 8}
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=judge_rewards(judge_url, asking=asking, seconds=60),
        args=GRPOConfig(**{**settings, **sizes, "max_steps": 2}),
        train_dataset=Dataset.from_list(CODE),
        processing_class=tokenizer,
        callbacks=[RunLogs(name, url=judge_url)],
    )
    trainer.train()
    with JudgeClient(judge_url) as client:
        run = client.run(name)
    steps = [one["step"] for one in run["steps"]]
    assert len(steps) == 2
    points = {one["step"]: one["points"] for one in run["steps"]}
    assert all(1 <= count <= 8 for count in points.values())  # equal completions are posted once
    assert run["pin"]["parts"]["recipe"] == "verify"
    told = [entry["judge/step"] for entry in trainer.state.log_history if "judge/step" in entry]
    assert told[:2] == [float(step) for step in steps]
    for entry in trainer.state.log_history:
        if "judge/step" in entry:
            assert entry["judge/points"] == points[entry["judge/step"]]

"""verl's parts for its tests; where verl is not installed, nothing here is collected."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

if importlib.util.find_spec("verl") is None:
    collect_ignore_glob = ["test_*"]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.trainers_verl.verl_parts import save_model

    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def loop_config(model_folder: Path, tmp_path: Path) -> Any:
    """Makes verl's configuration with our agent loop and our reward manager."""
    from tests.trainers_verl.verl_parts import OUR_MANAGER, config_of

    loops = tmp_path / "loops.yaml"
    target = "judge_agent.trainers.verl.JudgeToolAgentLoop"
    loops.write_text(f"- name: judge_tool_agent\n  _target_: {target}\n", "utf-8")
    tools = Path(__file__).with_name("calculator.py")
    rollout = {
        "name": "vllm",
        "prompt_length": 512,
        "response_length": 400,
        "agent.agent_loop_config_path": loops,
        "agent.default_agent_loop": "judge_tool_agent",
        "multi_turn.function_tool_path": tools,
    }

    def make(url: str, *overrides: str, **settings: Any) -> Any:
        ours = [f"actor_rollout_ref.rollout.{name}={value}" for name, value in rollout.items()]
        model = f"actor_rollout_ref.model.path={model_folder}"
        given = {"judge_url": url, "recipe": "verify", "dimensions": "[correctness]"} | settings
        return config_of(*OUR_MANAGER, model, *ours, *overrides, **given)

    return make

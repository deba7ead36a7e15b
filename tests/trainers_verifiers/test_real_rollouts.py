"""Whole rollouts of verifiers, from the policy's call to the reward: what a trainer gets of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import verifiers.v1 as vf
from verifiers.v1.configs.agent import TimeoutConfig
from verifiers.v1.configs.client import EvalClientConfig
from verifiers.v1.configs.harness import HarnessConfig
from verifiers.v1.runtimes.subprocess import SubprocessConfig
from verifiers.v1.utils.loaders import harness_config_type

from tests.trainers.answering import Body, Reply, answering
from tests.trainers.failing_services import WAYS
from tests.trainers_verifiers.traces import Row, task_at

pytestmark = [pytest.mark.trainers, pytest.mark.anyio]


def policy(body: Body) -> Reply:
    message = {"role": "assistant", "content": "12345"}
    return Reply(
        body=json.dumps(
            {
                "id": "chat_1",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
            }
        )
    )


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> HarnessConfig:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    found: HarnessConfig = harness_config_type("one-call-harness")(id="one-call-harness")
    return found


async def rolled_out(task: vf.Task[Row], harness: HarnessConfig, **timeout: float) -> Any:
    with answering(policy) as model:
        config = vf.AgentConfig(
            harness=harness,
            runtime=SubprocessConfig(),
            model="policy",
            client=EvalClientConfig(base_url=f"{model.url}/v1", api_key_var="NO_KEY_IS_NEEDED"),
            timeout=TimeoutConfig(**timeout),
        )
        async with vf.Agent(config) as agent:
            return await agent.run(task)


async def test_a_rollout_is_rewarded(harness: HarnessConfig) -> None:
    with answering() as server:
        trace = await rolled_out(task_at(server.url), harness)
    assert trace.errors == []
    assert trace.ok
    assert trace.reward == 0.5
    assert (trace.usage.prompt_tokens, trace.extra_usage[0].prompt_tokens) == (7, 30)
    assert server.bodies[0]["candidates"][0]["trajectory"]["messages"][0]["content"] == "12345"


@pytest.mark.parametrize("way", ["it answers 500", "its model failed", "it judged a part", "it hangs"])
async def test_a_rollout_whose_judge_failed_is_an_error_and_not_a_zero(
    harness: HarnessConfig, way: str
) -> None:
    answer, kind = WAYS[way]
    with answering(answer) as server:
        trace = await rolled_out(task_at(server.url), harness, scoring=2.0)
    assert trace.has_error
    assert kind in trace.errors[-1].message
    assert trace.rewards == {"judge-agent": None}
    assert not trace.is_timeout

"""verl's AgentLoopWorker with our agent loop, verl's reward worker with our manager, and verl's `_postprocess`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from verl.trainer.ppo.core_algos import compute_gdpo_outcome_advantage
from verl.trainer.ppo.reward import extract_reward

from judge_agent.trainers import JudgeUnavailable
from tests.trainers.answering import Body, Reply, answering, judgment, scored, text_of, unscored
from tests.trainers_verl.verl_parts import ADD, TESTS, generate

pytestmark = pytest.mark.trainers
CALL = '<tool_call>\n{"name": "plus", "arguments": {"a": 2, "b": 3}}\n</tool_call>'
KEYS = ["score", "acc", "judge_failed", "correctness", "correctness_missing", "messages_read"]
MakeConfig = Callable[..., Any]


def rows(count: int, truth: Any = "5", uids: Sequence[str] = ()) -> dict[str, list[Any]]:
    asked = [f"What is 2 + 3? ({place})" if count > 1 else "What is 2 + 3?" for place in range(count)]
    return {
        "raw_prompt": [[{"role": "user", "content": text}] for text in asked],
        "data_source": ["sums"] * count,
        "reward_model": [{"style": "rule", "ground_truth": truth} for _ in range(count)],
        "extra_info": [{"index": 0} for _ in range(count)],
        "uid": list(uids) or ["u"] * count,
    }


def trajectory_of(body: Body) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = body["candidates"][0]["trajectory"]["messages"]
    return messages


def test_a_batch_is_rewarded_by_the_judge_from_full_messages(loop_config: MakeConfig, judge_url: str) -> None:
    out = generate(loop_config(judge_url), [ADD.format(op) for op in "+-"], rows(2, truth={"tests": TESTS}))
    rewards, infos = extract_reward(out)
    assert rewards.sum(-1).tolist() == [1.0, 0.0]
    assert list(infos) == KEYS
    assert infos["messages_read"].tolist() == [1.0, 1.0]
    assert out.non_tensor_batch["max_global_steps"].tolist() == [3, 3]


def test_a_turn_that_is_empty_is_judged_as_such(loop_config: MakeConfig, judge_url: str) -> None:
    out = generate(loop_config(judge_url), ["", ADD.format("+")], rows(2, truth={"tests": TESTS}))
    rewards, infos = extract_reward(out)
    assert rewards.sum(-1).tolist() == [0.0, 1.0]
    assert infos["judge_failed"].tolist() == [0.0, 0.0]


def test_tool_turns_arrive_as_messages_with_the_tools_that_the_agent_had(loop_config: MakeConfig) -> None:
    with answering() as server:
        generate(loop_config(server.url), [f"Let me see.{CALL}", "It is 5."], rows(1))
        body = server.bodies[0]
    said = trajectory_of(body)
    assert [message["role"] for message in said] == ["assistant", "tool", "assistant"]
    assert said[0]["tool_calls"][0]["function"] == {"name": "plus", "arguments": {"a": 2, "b": 3}}
    assert [message["content"] for message in said] == ["Let me see.", "the sum is 5", "It is 5."]
    assert body["candidates"][0]["trajectory"]["tools"][0]["function"]["name"] == "plus"
    assert body["task"]["messages"] == [{"role": "user", "content": "What is 2 + 3?"}]


@pytest.mark.parametrize("limit", ["max_assistant_turns=2", "max_user_turns=1"])
def test_the_last_turn_is_judged_though_a_turn_limit_ended_the_loop(
    loop_config: MakeConfig, limit: str
) -> None:
    with answering() as server:
        config = loop_config(server.url, f"actor_rollout_ref.rollout.multi_turn.{limit}")
        generate(config, [CALL, "It is 5."], rows(1))
        said = trajectory_of(server.bodies[0])
    assert [message["role"] for message in said] == ["assistant", "tool", "assistant"]
    assert said[-1]["content"] == "It is 5."


def test_what_the_length_limit_cuts_off_is_not_judged(loop_config: MakeConfig) -> None:
    with answering() as server:
        config = loop_config(server.url, "actor_rollout_ref.rollout.response_length=20")
        out = generate(config, ["a" * 20 + "b" * 50], rows(1))
        said = trajectory_of(server.bodies[0])
    assert [message["content"] for message in said] == ["a" * 20]
    assert out.batch["responses"].shape[1] == 20


def test_a_result_that_is_too_long_for_the_rest_ends_with_the_call(loop_config: MakeConfig) -> None:
    with answering() as server:
        config = loop_config(server.url, "actor_rollout_ref.rollout.response_length=100")
        generate(config, [f"I add.{CALL}"], rows(1))
        said = trajectory_of(server.bodies[0])
    assert [message["role"] for message in said] == ["assistant", "tool"]


def mixed(body: Body) -> Reply:
    failing = "fails" in text_of(body["candidates"][0]["trajectory"])
    return judgment(body, lambda _: unscored()) if failing else judgment(body, by_dimension)


def by_dimension(text: str) -> dict[str, Any]:
    return scored(len(text) / 10, correctness=len(text) / 10, process=1 - len(text) / 10)


def test_success_and_failure_in_one_batch_pass_postprocess(loop_config: MakeConfig) -> None:
    texts = ["it fails", "aa", "aaaa", "fails too", "aaaaaa"]
    uids = ["u", "u", "u", "v", "v"]
    with answering(mixed) as server:
        out = generate(loop_config(server.url), texts, rows(5, uids=uids))
    rewards, infos = extract_reward(out)
    assert torch.isfinite(rewards).all()
    assert rewards.sum(-1).tolist() == pytest.approx([0.3, 0.2, 0.4, 0.6, 0.6])
    assert infos["judge_failed"].tolist() == [1.0, 0.0, 0.0, 1.0, 0.0]
    assert list(infos) == KEYS


def test_a_group_without_any_judgment_stops_the_step(loop_config: MakeConfig) -> None:
    with answering(mixed) as server, pytest.raises(JudgeUnavailable, match="no mean"):
        generate(loop_config(server.url), ["it fails", "fails too"], rows(2))


def test_gdpo_finds_a_finite_number_under_each_dimension(loop_config: MakeConfig) -> None:
    texts = ["it fails", "aa", "aaaa", "aaaaaa"]
    with answering(mixed) as server:
        config = loop_config(
            server.url,
            "algorithm.adv_estimator=gdpo",
            "+algorithm.gdpo_reward_keys=[correctness,process]",
            dimensions="[correctness,process]",
        )
        out = generate(config, texts, rows(4))
    rewards, infos = extract_reward(out)
    advantages, _ = compute_gdpo_outcome_advantage(
        rewards,
        out.batch["response_mask"],
        np.array(["u"] * 4),
        config=config.algorithm,
        non_tensor_batch=out.non_tensor_batch,
        batch=out.batch,
    )
    assert infos["process"].tolist() == pytest.approx([0.6, 0.8, 0.6, 0.4])
    assert infos["process_missing"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert torch.isfinite(advantages).all()
    assert advantages[0].abs().max() < 1e-3


def test_messages_survive_the_trip_through_the_transfer_queue(
    loop_config: MakeConfig, judge_url: str
) -> None:
    """verl's newer trainers write extra fields into tensor dictionaries."""
    from verl.utils.tensordict_utils import list_of_dict_to_tensordict

    out = generate(loop_config(judge_url), [CALL, "5", ADD.format("+")], rows(2, truth={"tests": TESTS}))
    handed = [{"extra_fields": {"messages": said}} for said in out.non_tensor_batch["messages"]]
    packed = list_of_dict_to_tensordict(handed)
    assert json.dumps(packed["extra_fields"][0]["messages"]) == json.dumps(
        handed[0]["extra_fields"]["messages"]
    )

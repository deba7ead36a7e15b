"""AReaL's own AsyncRewardWrapper, with its process pool, and its RLVR workflow, rewarded by the judge."""

from __future__ import annotations

import asyncio
import pickle
import time
from typing import Any

import pytest
from areal.api import AsyncRewardWrapper
from areal.api.cli_args import GenerationHyperparameters
from areal.api.io_struct import ModelRequest, ModelResponse
from areal.workflow.rlvr import RLVRWorkflow

from judge_agent.errors import InvalidRequest
from judge_agent.trainers import JudgeUnavailable
from judge_agent.trainers.areal import JudgeReward, JudgeRLVRWorkflow
from tests.trainers.answering import Body, Reply, answering, judgment, scored, unscored
from tests.trainers.failing_services import WAYS, seconds_for

pytestmark = pytest.mark.trainers
ADD = "```python\ndef add(a, b):\n    return a {} b\n```<|im_end|>"
ROW = {
    "messages": [{"role": "user", "content": "Write add(a, b)."}],
    "tests": {"kind": "call", "entry_point": "add", "hidden": [{"args": [2, 3], "expected": 5}]},
    "query_id": 7,
}
CHAT = [
    {"role": "user", "content": "What is 2 + 3?"},
    {"role": "assistant", "content": "I add."},
    {"role": "tool", "content": "5"},
    {"role": "assistant", "content": "It is 5.<|im_end|>"},
]


def judging(url: str, **settings: Any) -> JudgeReward:
    return JudgeReward(**({"judge_url": url, "recipe": "verify"} | settings))


async def rewards(wrapped: AsyncRewardWrapper, *completions: str, **row: Any) -> list[float]:
    asked = (wrapped("Write add(a, b).", said, [1], [2], **(row or ROW)) for said in completions)
    return list(await asyncio.gather(*asked))


def test_the_pool_gives_each_rollout_its_own_reward(judge_url: str) -> None:
    wrapped = AsyncRewardWrapper(judging(judge_url), timeout_seconds=60, max_workers=2)
    found = asyncio.run(rewards(wrapped, ADD.format("+"), ADD.format("-"), "", ADD.format("+")))
    assert found == [1.0, 0.0, 0.0, 1.0]


def test_two_event_loops_share_the_pool(judge_url: str) -> None:
    wrapped = AsyncRewardWrapper(judging(judge_url), timeout_seconds=60, max_workers=2)
    for _ in range(2):
        assert asyncio.run(rewards(wrapped, ADD.format("+"))) == [1.0]


def test_a_megabyte_goes_through_the_pool(judge_url: str) -> None:
    wrapped = AsyncRewardWrapper(judging(judge_url), timeout_seconds=60, max_workers=2)
    assert asyncio.run(rewards(wrapped, "# so it goes\n" * 80_000 + ADD.format("+"))) == [1.0]


@pytest.mark.parametrize("way", WAYS)
def test_a_failed_judge_raises_through_the_pool_and_is_never_a_zero(way: str) -> None:
    answer, kind = WAYS[way]
    with answering(answer) as server:
        reward = judging(server.url, seconds=seconds_for(kind), retry_seconds=0.1)
        wrapped = AsyncRewardWrapper(reward, timeout_seconds=60, max_workers=2, max_retries=1)
        with pytest.raises(JudgeUnavailable, match=kind):
            asyncio.run(rewards(wrapped, "x"))


def test_the_deadline_is_inside_of_the_wrappers_default() -> None:
    """AReaL waits 15 s, and answers 0 after that."""
    with answering(WAYS["it hangs"][0]) as server:
        reward = judging(server.url)
        began = time.monotonic()
        with pytest.raises(JudgeUnavailable, match="judge_timeout"):
            asyncio.run(rewards(AsyncRewardWrapper(reward, max_workers=2, max_retries=0), "x"))
        assert time.monotonic() - began < 12


def failing(body: Body) -> Reply:
    return judgment(body, lambda _: unscored()) if "fails" in str(body["candidates"]) else judgment(body)


def test_neutral_gives_the_mean_of_the_group() -> None:
    async def three(reward: JudgeReward) -> list[float]:
        said = ("it fails", "ffff", "ffffffff")
        return list(await asyncio.gather(*(reward.awaited("p", text, [1], [2], query_id=1) for text in said)))

    with answering(failing) as server:
        assert asyncio.run(three(judging(server.url, on_failure="neutral"))) == pytest.approx([0.6, 0.4, 0.8])


def test_the_pickle_holds_no_connection_and_no_key(monkeypatch: pytest.MonkeyPatch, judge_url: str) -> None:
    monkeypatch.setenv("JUDGE_API_KEY", "sesame-open")
    reward = judging(judge_url)
    assert reward("p", ADD.format("+"), [1], [2], **ROW) == 1.0
    held = pickle.dumps(reward)
    assert b"sesame" not in held
    assert pickle.loads(held)("p", ADD.format("-"), [1], [2], **ROW) == 0.0


def test_a_key_in_the_settings_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="JUDGE_API_KEY"):
        JudgeReward(api_key="sesame-open")


def test_the_prompt_is_the_rows_messages_and_the_reference_its_columns() -> None:
    with answering() as server:
        judging(server.url)("decoded prompt", "It is 5.<|im_end|>", [1], [2], messages=CHAT[:1], answer=5)
        body = server.bodies[0]
    assert body["task"] == {"messages": CHAT[:1], "reference": {"answer": "5"}}
    assert body["candidates"][0]["trajectory"] == {"text": "It is 5."}


class Engine:
    """An inference engine that says one text."""

    def __init__(self, tokenizer: Any, text: str) -> None:
        self._ids = tokenizer.encode(text)

    async def agenerate(self, req: ModelRequest) -> ModelResponse:
        count = len(self._ids)
        return ModelResponse(
            input_tokens=req.input_ids,
            output_tokens=self._ids,
            output_logprobs=[0.0] * count,
            output_versions=[0] * count,
        )


def episode(workflow: RLVRWorkflow, tokenizer: Any, text: str) -> float:
    found = asyncio.run(workflow.arun_episode(Engine(tokenizer, text), dict(ROW)))
    return float(found["rewards"][0])


@pytest.mark.parametrize(("sign", "reward"), [("+", 1.0), ("-", 0.0)])
def test_the_workflow_without_the_pool_rewards_an_episode(
    sign: str, reward: float, tokenizer: Any, judge_url: str
) -> None:
    judge = {"judge_url": judge_url, "recipe": "verify"}
    workflow = JudgeRLVRWorkflow(GenerationHyperparameters(), tokenizer, judge=judge)
    assert episode(workflow, tokenizer, ADD.format(sign)) == reward


def test_areals_own_workflow_takes_the_reward_function(tokenizer: Any, judge_url: str) -> None:
    workflow = RLVRWorkflow(judging(judge_url), GenerationHyperparameters(), tokenizer)
    assert episode(workflow, tokenizer, ADD.format("+")) == 1.0


def test_a_failed_judge_rejects_the_episode(tokenizer: Any) -> None:
    with answering(lambda body: Reply(500)) as server:
        judge = {"judge_url": server.url, "recipe": "verify", "retry_seconds": 0.1}
        workflow = JudgeRLVRWorkflow(GenerationHyperparameters(), tokenizer, judge=judge)
        with pytest.raises(JudgeUnavailable, match="judge_error"):
            episode(workflow, tokenizer, ADD.format("+"))


def stepped(*scores: float | None) -> Any:
    steps = [{"step_id": f"s{at}", "score": score} for at, score in enumerate(scores)]
    return lambda body: judgment(body, lambda _: scored(0.7) | {"steps": steps})


def test_an_agents_reward_belongs_to_its_last_interaction() -> None:
    with answering(stepped()) as server:
        found = asyncio.run(judging(server.url).by_interaction(CHAT, ["i1", "i2"], answer="5"))
        said = server.bodies[0]["candidates"][0]["trajectory"]["messages"]
    assert found == {"i2": 0.7}
    assert [message["role"] for message in said] == ["assistant", "tool", "assistant"]
    assert said[-1]["content"] == "It is 5."


def test_where_steps_are_judged_each_interaction_has_its_own_reward() -> None:
    with answering(stepped(0.25, 1.0)) as server:
        reward = judging(server.url, granularity=["outcome", "steps"])
        assert asyncio.run(reward.by_interaction(CHAT, ["i1", "i2"])) == {"i1": 0.25, "i2": 1.0}


def test_a_turn_that_was_not_judged_has_no_reward() -> None:
    with answering(stepped(0.25, None)) as server:
        reward = judging(server.url, granularity=["outcome", "steps"])
        with pytest.raises(JudgeUnavailable, match="1 of 2 turns"):
            asyncio.run(reward.by_interaction(CHAT, ["i1", "i2"]))


def test_more_interactions_than_turns_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="interaction_ids"):
        asyncio.run(judging("http://127.0.0.1:1").by_interaction(CHAT, ["i1", "i2", "i3"]))

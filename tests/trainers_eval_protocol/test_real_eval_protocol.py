"""eval-protocol's own client of remote reward functions against the facade, and its own model of what it answers."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from eval_protocol.models import EvaluateResult
from eval_protocol.reward_function import RewardFunction

pytestmark = [pytest.mark.trainers, pytest.mark.anyio]
TESTS = {"kind": "call", "entry_point": "add", "hidden": [{"args": [2, 3], "expected": 5}]}
QUERY = "recipe=verify&dimensions=correctness"


def code(operator: str) -> str:
    return f"```python\ndef add(a, b):\n    return a {operator} b\n```"


def conversation(answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": "Write add(a, b)."}, {"role": "assistant", "content": answer}]


async def remote(
    judge_url: str, answer: str, query: str = QUERY, path: str = "reward", **more: Any
) -> EvaluateResult:
    reward = RewardFunction(endpoint=f"{judge_url}/compat/eval-protocol/{path}?{query}", mode="remote")
    return await asyncio.to_thread(reward, messages=conversation(answer), **more)


async def test_the_remote_mode_reads_score_and_metrics(judge_url: str) -> None:
    right = await remote(judge_url, code("+"), reference={"tests": TESTS})
    wrong = await remote(judge_url, code("-"), reference={"tests": TESTS})
    assert (right.score, wrong.score) == (1.0, 0.0)
    assert (right.metrics["correctness"].score, right.metrics["correctness"].is_score_valid) == (1.0, True)
    assert right.reason


async def test_a_failure_is_an_error_of_this_client_and_no_score(judge_url: str) -> None:
    with pytest.raises(Exception, match="score"):
        await remote(judge_url, code("+"), ground_truth="no evidence decides this text")
    with pytest.raises(Exception, match="503"):
        await remote(judge_url, code("+"), f"{QUERY}&on_failure=error", ground_truth="no evidence decides it")


async def test_an_answer_is_a_result_of_its_own_model(judge_url: str) -> None:
    url = f"{judge_url}/compat/eval-protocol/evaluate?{QUERY}"
    body = {
        "messages": conversation(code("+")),
        "ground_truth": None,
        "kwargs": {"reference": {"tests": TESTS}},
    }
    async with httpx.AsyncClient(timeout=60) as client:
        told = (await client.post(url, json=body)).json()
    result = EvaluateResult.model_validate(told)
    assert (result.score, result.is_score_valid, result.error) == (1.0, True, None)
    assert set(told) >= set(EvaluateResult.model_fields) - {"trajectory_info"}


async def test_a_failure_says_in_its_json_that_it_is_not_valid(judge_url: str) -> None:
    url = f"{judge_url}/compat/eval-protocol/evaluate?{QUERY}"
    body = {
        "messages": conversation(code("+")),
        "ground_truth": "no evidence decides this text",
        "kwargs": {},
    }
    async with httpx.AsyncClient(timeout=60) as client:
        told = (await client.post(url, json=body)).json()
    assert (told["is_score_valid"], told["score"]) == (False, None)
    assert set(told) >= set(EvaluateResult.model_fields)

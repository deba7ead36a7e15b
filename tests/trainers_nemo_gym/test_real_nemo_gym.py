"""NeMo Gym's own models and aggregation against the facade: rows that it would send, and what it reads of the answers.

Version 0.4.0 is the newest for Python 3.12. Masks came later: here they are fields of the row that are carried along.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from nemo_gym.base_resources_server import BaseVerifyRequest, BaseVerifyResponse
from nemo_gym.reward_profile import compute_aggregate_metrics

pytestmark = [pytest.mark.trainers, pytest.mark.anyio]
TESTS = {"kind": "call", "entry_point": "add", "hidden": [{"args": [2, 3], "expected": 5}]}
KEYS = ("correctness", "tool_use", "robustness")


def code(operator: str) -> str:
    return f"```python\ndef add(a, b):\n    return a {operator} b\n```"


def row(text: str) -> dict[str, Any]:
    """A row as the agent posts it: built and written by NeMo Gym's own models."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": content}
    reasoning = {"id": "r", "type": "reasoning", "summary": [{"type": "summary_text", "text": "I will add."}]}
    response = {
        "id": "resp_1",
        "created_at": 1.0,
        "model": "policy",
        "object": "response",
        "output": [reasoning, message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    params = {"input": [{"role": "user", "content": "Write add(a, b)."}]}
    request = BaseVerifyRequest.model_validate({"responses_create_params": params, "response": response})
    return request.model_dump(mode="json")


async def verified(judge_url: str, body: dict[str, Any]) -> dict[str, Any]:
    url = f"{judge_url}/compat/nemo-gym/verify?recipe=verify"
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.post(url, json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_its_rows_are_judged_and_come_back_as_its_own_answer(judge_url: str) -> None:
    for operator, reward in (("+", 1.0), ("-", 0.0)):
        sent = row(code(operator)) | {"reference": {"tests": TESTS}, "_ng_task_index": 0}
        told = await verified(judge_url, sent)
        read = BaseVerifyResponse.model_validate(told)
        assert read.reward == reward
        assert read.response.model_dump(mode="json") == sent["response"]
        assert tuple(told["reward_components"]) == KEYS


async def test_a_row_that_was_not_judged_is_masked_under_the_same_keys(judge_url: str) -> None:
    right = await verified(judge_url, row(code("+")) | {"reference": {"tests": TESTS}})
    told = await verified(judge_url, row("No evidence decides this."))
    BaseVerifyResponse.model_validate(told)
    assert (told["mask_sample"], told["_ng_failure_class"]) == (True, "judge_failed")
    assert tuple(told["reward_components"]) == tuple(right["reward_components"])


async def test_its_aggregation_of_measured_rows_says_what_the_facades_does(judge_url: str) -> None:
    texts = (code("+"), code("-"), code("+"))
    rows = []
    for index, text in enumerate(texts):
        told = await verified(judge_url, row(text) | {"reference": {"tests": TESTS}})
        rows.append(told | {"_ng_task_index": index % 2, "_ng_rollout_index": index})
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.post(
            f"{judge_url}/compat/nemo-gym/aggregate_metrics", json={"verify_responses": rows}
        )
    ours = answer.json()["agent_metrics"]
    own = compute_aggregate_metrics(rows).agent_metrics
    shared = {name for name in own if name.startswith(("mean/", "max/", "min/", "median/"))} & set(ours)
    assert {"mean/reward", "max/reward", "mean/correctness"} <= shared
    assert {name: ours[name] for name in shared} == pytest.approx({name: own[name] for name in shared})

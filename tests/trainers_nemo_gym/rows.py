"""Rows as an agent of NeMo Gym posts them, built and written by its own models, and what the facade answers."""

from __future__ import annotations

from typing import Any

import httpx
from nemo_gym.base_resources_server import BaseVerifyRequest

TESTS = {"kind": "call", "entry_point": "add", "hidden": [{"args": [2, 3], "expected": 5}]}


def code(operator: str, note: str = "") -> str:
    """An answer; one with a `note` of its own is remembered from no other test."""
    return f"```python\ndef add(a, b):  # {note}\n    return a {operator} b\n```"


def row(text: str) -> dict[str, Any]:
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


async def posted(judge_url: str, path: str, body: dict[str, Any], **params: Any) -> dict[str, Any]:
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.post(f"{judge_url}/compat/nemo-gym/{path}", json=body, params=params)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def verified(judge_url: str, body: dict[str, Any], **params: Any) -> dict[str, Any]:
    return await posted(judge_url, "verify", body, **{"recipe": "verify"} | params)


async def aggregated(judge_url: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return await posted(judge_url, "aggregate_metrics", {"verify_responses": rows})

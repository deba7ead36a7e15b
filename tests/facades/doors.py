"""Each facade as its trainer's client meets it: what it posts of one rollout, and what it takes from the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import httpx

from tests.facades.asked import LABEL, QUESTION
from tests.service.served import Served


class Taken(NamedTuple):
    """What a client takes. `number` is None where it is told that there is none, `is_own` false where one stands in.

    `keys` are those of the answer, and of what is logged of it; `tool_use` is one dimension's number.
    """

    status: int
    number: float | None = None
    is_own: bool = False
    keys: frozenset[str] = frozenset()
    problem: Mapping[str, Any] = {}
    tool_use: float | None = None


class Door(Protocol):
    async def __call__(
        self, served: Served, text: str, label: Mapping[str, Any] = LABEL, **query: Any
    ) -> Taken: ...


async def _sent(
    served: Served, method: str, path: str, body: Any, query: Mapping[str, Any]
) -> httpx.Response:
    """Send JSON in ASCII, as these clients do: it holds what UTF-8 cannot."""
    headers = {"Content-Type": "application/json"}
    content = json.dumps(body)
    return await served.http.request(method, path, content=content, params=dict(query), headers=headers)


def _refused(answer: httpx.Response) -> Taken:
    return Taken(answer.status_code, problem=answer.json())


async def openrlhf(served: Served, text: str, label: Mapping[str, Any] = LABEL, **query: Any) -> Taken:
    body = {"query": [QUESTION + text], "prompts": [QUESTION], "labels": [label]}
    answer = await _sent(served, "POST", "/compat/openrlhf/get_reward", body, query)
    if answer.status_code != 200:
        return _refused(answer)
    found = answer.json()
    logs = found["extra_logs"]
    return Taken(
        200, found["rewards"], not logs["judge_failed"], frozenset(logs), tool_use=logs.get("tool_use")
    )


async def slime(served: Served, text: str, label: Mapping[str, Any] = LABEL, **query: Any) -> Taken:
    body = {"prompt": QUESTION, "response": text, "label": label}
    answer = await _sent(served, "POST", "/compat/slime", body, query)
    if answer.status_code != 200:
        return _refused(answer)
    found = answer.json()
    is_own, tool_use = not found["judge_failed"], found.get("tool_use")
    return Taken(200, found["score"], is_own, frozenset(found), tool_use=tool_use)


async def roll(served: Served, text: str, label: Mapping[str, Any] = LABEL, **query: Any) -> Taken:
    body = {"prompt": QUESTION, "response": text, "reward_info": label}
    submitted = await _sent(served, "POST", "/compat/roll/submit", body, query)
    if submitted.status_code != 200:
        return _refused(submitted)
    asked = {"reward_request_id": submitted.json()["reward_request_id"]}
    for _ in range(1000):
        answer = await _sent(served, "GET", "/compat/roll/poll", asked, query)
        if answer.status_code != 200:
            return _refused(answer)
        if answer.json()["errcode"] == 0:
            found = answer.json()
            dimensions = found["dimention_reward_score"]
            keys = frozenset(found) | frozenset(dimensions)
            tool_use = dimensions.get("tool_use", {}).get("score")
            return Taken(200, found["reward_score"], not found["judge_failed"], keys, tool_use=tool_use)
        await asyncio.sleep(0.02)
    raise TimeoutError("ROLL is told for ever that the judgment runs")


def _output(text: str) -> dict[str, Any]:
    said = [{"type": "output_text", "text": text}]
    return {"output": [{"type": "message", "role": "assistant", "content": said}]}


async def nemo_gym(served: Served, text: str, label: Mapping[str, Any] = LABEL, **query: Any) -> Taken:
    params = {"input": [{"role": "user", "content": QUESTION}]}
    body = {"responses_create_params": params, "response": _output(text), **label}
    answer = await _sent(served, "POST", "/compat/nemo-gym/verify", body, query)
    if answer.status_code != 200:
        return _refused(answer)
    found = answer.json()
    own = {name for name in found if not name.startswith("_ng_") and name != "instance_config"}
    number = None if found["mask_sample"] else found["reward"]
    components = found["reward_components"]
    keys = frozenset(own | set(components))
    return Taken(200, number, number is not None, keys, tool_use=components.get("tool_use"))


async def eval_protocol(served: Served, text: str, label: Mapping[str, Any] = LABEL, **query: Any) -> Taken:
    messages = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": text}]
    body = {"messages": messages, "kwargs": dict(label)}
    answer = await _sent(served, "POST", "/compat/eval-protocol/evaluate", body, query)
    if answer.status_code != 200:
        return _refused(answer)
    found = answer.json()
    number = found["score"] if found["is_score_valid"] else None
    metric = found["metrics"].get("tool_use", {})
    return Taken(200, number, found["is_score_valid"], frozenset(found), tool_use=metric.get("score"))


DOORS: dict[str, Door] = {
    "OpenRLHF": openrlhf,
    "slime": slime,
    "ROLL": roll,
    "NeMo Gym": nemo_gym,
    "eval-protocol": eval_protocol,
}

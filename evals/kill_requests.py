"""Requests whose right reward is known, each by its number: for loads under which the service is killed, or watched."""

from __future__ import annotations

from typing import Any

from evals.bench.service_requests import by_model, by_tests

MODEL_REWARD = 0.75
END_SECONDS = 120.0
GROUP_SIZE = 3
_RIGHT, _WRONG = "x * x + y", "x * x - y - 1"


def request_of(number: int) -> dict[str, Any]:
    """Request number `number`: by its last digit, one that the model judges, right code, or wrong code."""
    body = by_tests(number) if number % 2 else by_model(number)
    if number % 4 == 3:
        body["candidates"][0]["trajectory"]["text"] = _text(body).replace(_RIGHT, _WRONG)
    return {**body, "metadata": {"number": number}, "budget": {"seconds": END_SECONDS}}


def right_reward(number: int) -> float:
    """What a judge that did not fail gives."""
    if number % 2 == 0:
        return MODEL_REWARD
    return 0.0 if number % 4 == 3 else 1.0


def member_of(number: int, index: int) -> dict[str, Any]:
    """One member of the group that begins with request `number`: one task, code that is right but for index 1."""
    body = by_tests(number)
    text = _text(body).replace("# variant", f"# member {index} of variant")
    body["candidates"][0]["trajectory"]["text"] = text.replace(_RIGHT, _WRONG) if index == 1 else text
    return {
        **body,
        "metadata": {"number": number + index},
        "budget": {"seconds": END_SECONDS},
        "group": {"group_id": f"group-{number}", "index": index, "size": GROUP_SIZE},
    }


def member_reward(index: int) -> float:
    """What a judge that did not fail gives to this member."""
    return 0.0 if index == 1 else 1.0


def facade_body(number: int) -> dict[str, Any]:
    """Request number `number`, which must be one of code, as OpenRLHF sends it."""
    body = request_of(number)
    prompt = body["task"]["prompt"]
    label = {"reference": body["task"]["reference"], "recipe": "verify"}
    return {"query": [prompt + _text(body)], "prompts": [prompt], "labels": [label]}


def _text(body: dict[str, Any]) -> str:
    return str(body["candidates"][0]["trajectory"]["text"])

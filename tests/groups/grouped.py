"""What tests of groups post, and a model whose verdict stands in the answer: `RIGHT` passes, `WRONG` does not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from judge_agent.models.scripted import Answer, Held, ScriptedModel, ScriptedRequest, by_schema
from tests.service.served import Served

PRINCIPLE = {"description": "The answer is right.", "name": "right", "dimension": "correctness"}


def text(content: str, id: str = "a") -> dict[str, Any]:
    messages = [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": content}]
    return {"id": id, "trajectory": {"messages": messages}}


def member(index: int, content: str, *, size: int = 3, group_id: str = "g", **changes: Any) -> dict[str, Any]:
    """A post that brings one member; `group` among the changes are further fields of the group."""
    group = {"group_id": group_id, "index": index, "size": size} | changes.pop("group", {})
    body = {
        "task": {"prompt": "What is 2+2?"},
        "candidates": [text(content)],
        "principles": [PRINCIPLE],
        "group": group,
    }
    return body | changes


def whole(*contents: str, **changes: Any) -> dict[str, Any]:
    body = {
        "task": {"prompt": "What is 2+2?"},
        "candidates": [text(content, f"c{place}") for place, content in enumerate(contents)],
        "principles": [PRINCIPLE],
    }
    return body | changes


def by_word(gates: Mapping[str, asyncio.Event] | None = None) -> ScriptedModel:
    """Passes what says `RIGHT`, fails what says `WRONG`, and cannot be read where it says `BROKEN`.

    A call about a text in which a key of `gates` occurs waits for its event.
    """

    def answer(request: ScriptedRequest) -> Answer:
        said = request.text
        found: Answer = "no verdict" if "BROKEN" in said else by_schema(_best if "RIGHT" in said else _worst)
        for word, gate in (gates or {}).items():
            if word in said:
                return Held(gate, found)
        return found

    return ScriptedModel(otherwise=answer)


def _best(_: Any, options: Any) -> Any:
    return [option for option in options if option != "cannot_assess"][-1]


def _worst(_: Any, options: Any) -> Any:
    return options[0]


async def post(served: Served, body: Mapping[str, Any], **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return await served.http.post("/v1/groups", json=body, headers=names)


def rewards(group: Mapping[str, Any]) -> list[float | None]:
    return [one["reward"] for one in group["members"]]

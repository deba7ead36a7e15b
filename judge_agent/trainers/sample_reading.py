"""Reads a sample of Inspect as a rollout: its messages without reasoning, its target and its metadata. Pure.

Reads attributes only, so that it needs no package.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from judge_agent.trainers.as_json import as_json
from judge_agent.trainers.rollout import Rollout


def rollout_of_sample(state: Any, target: Sequence[str], tools: Sequence[Any]) -> Rollout:
    """Read a TaskState. What stands before the first turn that the model generated is the task.

    `target` are the answers that would do; `tools` the definitions of the agent's tools.
    """
    messages = list(state.messages)
    first = next(
        (at for at, one in enumerate(messages) if one.role == "assistant" and one.source != "input"),
        len(messages),
    )
    said = [_message(message) for message in messages[first:]]
    prompt: Any = [_message(message) for message in messages[:first]] or state.input
    return Rollout(prompt, _with_output(said, state.output.completion), _columns(state, target, tools))


def _with_output(said: list[dict[str, Any]], completion: str) -> list[dict[str, Any]]:
    """A solver may set the output and leave the messages as they are; what is scored is the output."""
    turns = [message for message in said if message["role"] == "assistant"]
    if turns and (not completion or completion.strip() == _text(turns[-1]["content"]).strip()):
        return said
    return [*said, {"role": "assistant", "content": completion}]


def _columns(state: Any, target: Sequence[str], tools: Sequence[Any]) -> dict[str, Any]:
    answers = [text for text in target if text]
    columns = dict(state.metadata or {})
    columns |= {"target": list(answers)} if answers else {}
    columns |= {"answer": list(answers)} if answers else {}
    declared = [_tool(tool) for tool in tools]
    called = {
        call.function for message in state.messages for call in getattr(message, "tool_calls", None) or ()
    }
    # Agents that bring their own tools declare only some here: by those no call can be told from a wrong one.
    is_complete = called <= {tool["function"]["name"] for tool in declared}
    if declared and is_complete:
        columns.setdefault("agent_tools", declared)
    columns.setdefault("agent_tools", None)
    return columns


def _message(message: Any) -> dict[str, Any]:
    written: dict[str, Any] = {"role": message.role, "content": _content(message.content)}
    if message.role == "assistant" and message.tool_calls:
        written["tool_calls"] = [_call(call) for call in message.tool_calls]
    if message.role == "tool":
        written |= {"tool_call_id": message.tool_call_id, "name": message.function}
        if message.error is not None:
            written["content"] = message.error.message if not written["content"] else written["content"]
    return {key: value for key, value in written.items() if value is not None}


def _content(content: Any) -> Any:
    if isinstance(content, str):
        return content
    return [_part(part) for part in content if part.type != "reasoning"]


def _part(part: Any) -> dict[str, Any]:
    """Texts and pictures as chat clients write them; a tool that the provider ran is told as text."""
    if part.type == "text":
        return {"type": "text", "text": part.text}
    if part.type == "image":
        return {"type": "image_url", "image_url": {"url": part.image}}
    if part.type == "tool_use":
        told = {"tool": part.name, "arguments": part.arguments, "result": part.result, "error": part.error}
        return {"type": "text", "text": json.dumps(as_json(told, "content"), ensure_ascii=False)}
    return {"type": part.type}


def _call(call: Any) -> dict[str, Any]:
    function = {"name": call.function, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _tool(tool: Any) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters.model_dump(mode="json", exclude_none=True, by_alias=True),
    }
    return {"type": "function", "function": function}


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text") or "") for part in content)

"""OpenAI chat: a list of messages, or the request body that holds it (`messages`, `tools`).

Takes what clients of that API really send: dict arguments, missing ids, `null` content, unknown fields,
and the older `functions` / `function_call` / role `function`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.importers.imported import Imported, list_of, object_of, validated


def from_openai(data: Any) -> Imported:
    """Read messages or a request body. Lost: every other field of the body (`model`, `temperature`, ...)."""
    body = {"messages": data} if isinstance(data, (list, tuple)) else object_of(data, "data")
    messages = [_message(message, index) for index, message in enumerate(list_of(body, "messages"))]
    used = {"messages", "tools", "functions", "artifacts", "final_answer"}
    trajectory = {
        "messages": messages,
        "tools": _tools(body),
        "artifacts": body.get("artifacts") or (),
        "final_answer": body.get("final_answer"),
    }
    lost = sorted(key for key in body if key not in used)
    where = {"messages": "data" if isinstance(data, (list, tuple)) else "data.messages"}
    return Imported(validated(trajectory, where=where), tuple(lost), "openai")


def _tools(body: Mapping[str, Any]) -> Sequence[Any]:
    """The declared tools; an old `functions` list is wrapped, an absent one is empty."""
    if body.get("tools") is not None:
        return list_of(body, "tools")
    if body.get("functions") is not None:
        return [{"type": "function", "function": function} for function in list_of(body, "functions")]
    return ()


def _message(value: Any, index: int) -> dict[str, Any]:
    """One message, with the old function-call fields as tool calls."""
    message = dict(object_of(value, f"data.messages.{index}"))
    if message.get("role") == "function":
        message["role"] = "tool"
    call = message.pop("function_call", None)
    if call is not None and not message.get("tool_calls"):
        message["tool_calls"] = [{"type": "function", "function": call}]
    return message

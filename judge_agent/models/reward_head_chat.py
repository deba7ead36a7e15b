"""A conversation as chat templates want it: plain objects, arguments of calls parsed, every text defused.

Nothing that a conversation says may be a control token of the model: not in a text, and not in a call's name or
arguments either, whose escapes are resolved before anything is looked for in them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from judge_agent.errors import ModelError
from judge_agent.seams.model import ChatMessage

# Deeper ones are no arguments of any function, and templates that print them would run out of stack.
MAX_DEPTH = 50


def as_template_wants(message: ChatMessage, defused: Callable[[str], str]) -> dict[str, Any]:
    """Return a message with every text of it `defused`.

    Raises ModelError('model_error') for a tool call whose function, name or arguments (the JSON text of an object)
    are missing or cannot be read.
    """
    chat: dict[str, Any] = {"role": message.role, "content": defused(message.content)}
    if message.tool_calls:
        chat["tool_calls"] = [_call(call, defused) for call in message.tool_calls]
    if message.tool_call_id is not None:
        chat["tool_call_id"] = defused(message.tool_call_id)
    return chat


def _call(call: object, defused: Callable[[str], str]) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise ModelError("model_error", f"a tool call names no function: {call!r:.200}")
    given = _defused_in(_arguments(function.get("arguments")), defused)
    return {"type": "function", "function": {"name": defused(function["name"]), "arguments": given}}


def _arguments(written: object) -> Mapping[str, Any]:
    """The arguments as an object; templates want no text of it."""
    value: object = written
    if isinstance(written, str):
        try:
            value = json.loads(written)
        except (ValueError, RecursionError) as error:
            raise ModelError(
                "model_error", f"a tool call's arguments do not parse as JSON: {error}"
            ) from error
    if not isinstance(value, Mapping):
        raise ModelError("model_error", f"a tool call's arguments are no object: {str(written)[:200]!r}")
    return value


def _defused_in(value: Any, defused: Callable[[str], str], depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise ModelError("model_error", f"a tool call's arguments are nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        return {defused(str(key)): _defused_in(inner, defused, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_defused_in(inner, defused, depth + 1) for inner in value]
    return defused(value) if isinstance(value, str) else value

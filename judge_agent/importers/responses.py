"""OpenAI Responses: a list of items, or an object with `input`, `output`, `instructions` and `tools`.

What the agent did in one turn (reasoning, text, calls) is several items there and one message here. Calls that the
server made by itself (web search, MCP, code) become calls of a tool of that name, with what they returned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.importers.imported import Imported, object_of, refuse, validated

_READ = ("input", "output", "instructions", "tools")
_ROLES = frozenset(("system", "developer", "user", "assistant"))
_OUTPUTS = frozenset(
    f"{kind}_call_output"
    for kind in ("function", "custom_tool", "computer", "local_shell", "shell", "apply_patch")
)
_TEXTS = frozenset(("text", "input_text", "output_text", "summary_text", "reasoning_text"))
# What a call of the server's own holds beside its arguments.
_NOT_ARGUMENTS = frozenset(
    ("type", "id", "call_id", "status", "output", "outputs", "results", "error", "name")
)
_RETURNED = ("output", "outputs", "results", "error")


def from_responses(data: Any) -> Imported:
    """Read items, or the object that holds them: its input comes before its output.

    Lost: other fields of the object, items of unknown types, tools that are no functions, encrypted reasoning.
    """
    body = {"output": data} if isinstance(data, (list, tuple)) else object_of(data, "data")
    if "input" not in body and "output" not in body:
        refuse("data", "a list of items, or an object with input or output", data)
    turns = _Turns()
    if body.get("instructions") is not None:
        turns.add({"role": "system", "content": _content(body["instructions"], "data.instructions")})
    for key in ("input", "output"):
        where = "data" if isinstance(data, (list, tuple)) else f"data.{key}"
        for index, item in enumerate(_items(body.get(key), where)):
            turns.read(object_of(item, f"{where}.{index}"), f"{where}.{index}")
    tools, unread = _tools(body.get("tools"))
    trajectory = {"messages": turns.ended(), "tools": tools}
    lost = sorted(key for key in body if key not in _READ)
    return Imported(validated(trajectory, where={}), (*lost, *unread, *turns.lost), "responses")


class _Turns:
    """The messages so far; the last one is open while the agent is still at its turn."""

    def __init__(self) -> None:
        self.lost: list[str] = []
        self._messages: list[dict[str, Any]] = []
        self._open: dict[str, Any] | None = None

    def add(self, message: dict[str, Any]) -> None:
        self._open = None
        self._messages.append(message)

    def ended(self) -> list[dict[str, Any]]:
        return self._messages

    def read(self, item: Mapping[str, Any], where: str) -> None:
        kind = item.get("type", "message" if "role" in item else None)
        if kind == "message":
            self._message(item, where)
        elif kind == "reasoning":
            self._reasoning(item, where)
        elif kind in _OUTPUTS:
            self.add(_returned(item.get("call_id"), _content(item.get("output"), f"{where}.output")))
        elif isinstance(kind, str) and kind.endswith("_call"):
            self._call(item, kind, where)
        else:
            self.lost.append(f"{where.removeprefix('data.')}: an item of type {str(kind)[:64]!r}")

    def _message(self, item: Mapping[str, Any], where: str) -> None:
        role = item.get("role")
        if role not in _ROLES:
            refuse(f"{where}.role", f"one of {sorted(_ROLES)}", role)
        content = _content(item.get("content"), f"{where}.content")
        if role != "assistant":
            self.add({"role": role, "content": content})
            return
        turn = self._turn(fresh="content")
        turn["content"] = content

    def _reasoning(self, item: Mapping[str, Any], where: str) -> None:
        parts = [*_items(item.get("summary"), f"{where}.summary")]
        parts += _items(item.get("content"), f"{where}.content")
        texts = [
            part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)
        ]
        if not texts and item.get("encrypted_content"):
            self.lost.append(f"{where.removeprefix('data.')}: encrypted reasoning")
        if texts:
            turn = self._turn(fresh="content")
            turn["reasoning_content"] = "\n".join(filter(None, [turn.get("reasoning_content"), *texts]))

    def _call(self, item: Mapping[str, Any], kind: str, where: str) -> None:
        """One call; what the server got from its own calls stands in the item, and follows as a tool's message."""
        name, arguments = item.get("name"), item.get("arguments", item.get("input"))
        if kind in ("function_call", "custom_tool_call") and not isinstance(name, str):
            refuse(f"{where}.name", "the name of a tool", name)
        if not isinstance(name, str):
            name = kind.removesuffix("_call")
            arguments = {key: value for key, value in item.items() if key not in _NOT_ARGUMENTS}
        if kind == "custom_tool_call":
            arguments = {"input": arguments}
        if arguments is not None and not isinstance(arguments, (str, dict)):
            arguments = json.dumps(arguments)
        call_id = item.get("call_id") or item.get("id")
        call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        self._turn().setdefault("tool_calls", []).append(call)
        back = [item[key] for key in _RETURNED if item.get(key) is not None]
        if back and kind not in ("function_call", "custom_tool_call"):
            said = [
                value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in back
            ]
            self.add(_returned(call_id, "\n".join(said)))

    def _turn(self, *, fresh: str | None = None) -> dict[str, Any]:
        """The open turn of the agent; a new one where there is none, or where what comes would be its second."""
        turn = self._open
        if turn is None or (fresh is not None and (turn.get(fresh) is not None or turn.get("tool_calls"))):
            turn = {"role": "assistant", "content": None}
            self.add(turn)
            self._open = turn
        return turn


def _returned(call_id: Any, content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id if isinstance(call_id, str) else None, "content": content}


def _items(value: Any, where: str) -> Sequence[Any]:
    """A list of items; text is a user's message, and nothing is no item."""
    if value is None:
        return ()
    if isinstance(value, str):
        return ({"role": "user", "content": value},)
    if not isinstance(value, (list, tuple)):
        refuse(where, "a list of items", value)
    return value


def _content(value: Any, where: str) -> Any:
    """Text as it is; parts in the words of chat messages."""
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, (list, tuple)):
        return json.dumps(value, ensure_ascii=False)
    return [_part(object_of(part, f"{where}.{index}")) for index, part in enumerate(value)]


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    kind = part.get("type")
    if kind in _TEXTS:
        return {"type": "text", "text": part.get("text")}
    if kind == "refusal":
        return {"type": "text", "text": part.get("refusal")}
    if kind == "input_image" and isinstance(part.get("image_url"), str):
        return {"type": "image_url", "image_url": {"url": part["image_url"]}}
    return {**part, "type": str(kind)}


def _tools(value: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """Function tools in the form of chat completions; the others are named."""
    tools, lost = [], []
    for index, item in enumerate(_items(value, "data.tools")):
        tool = object_of(item, f"data.tools.{index}")
        if tool.get("type", "function") != "function":
            lost.append(f"tools.{index}: a tool of type {str(tool['type'])[:64]!r}")
        elif isinstance(tool.get("function"), dict):
            tools.append(dict(tool))
        else:
            function = {key: value for key, value in tool.items() if key != "type"}
            tools.append({"type": "function", "function": function})
    return tools, lost

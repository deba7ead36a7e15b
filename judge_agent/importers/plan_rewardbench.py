"""Plan-RewardBench rows: a pair of trajectories in the pair form (`tool_call`, `tool_response`).

A call is written as a Python literal, `{'name': ..., 'arguments': '<JSON text>'}`; calls that follow one
another are one assistant turn. Which side is the chosen one is the label: it is not carried.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from judge_agent.importers.imported import Imported, list_of, object_of, refuse, validated

Side = Literal["chosen", "reject"]
MAX_CALL_CHARS = 1_000_000


def from_plan_rewardbench(data: Any, side: Side | None = None) -> Imported:
    """Read `{"messages", "tools"}`, or one side of a full row (`side`, or the row's own key `side`)."""
    row = object_of(data, "data")
    body, where = _side_of(row, side or row.get("side"))
    messages, unread = _merged(list_of(body, "messages", where=where), where)
    tools = row.get("tools") if row.get("tools") is not None else body.get("tools")
    if tools is not None and not isinstance(tools, (list, tuple)):
        refuse("data.tools", "a list", tools)
    trajectory = validated(
        {"messages": messages, "tools": tools or ()}, where={"messages": f"{where}.messages"}
    )
    return Imported(trajectory, (*_lost(row, body), *unread), "plan_rewardbench")


def _side_of(row: Mapping[str, Any], side: object) -> tuple[Mapping[str, Any], str]:
    if "messages" in row:
        return row, "data"
    if side not in ("chosen", "reject"):
        refuse("data.side", "'chosen' or 'reject' (the row holds both; say which one is judged)", side)
    return object_of(row.get(str(side)), f"data.{side}"), f"data.{side}"


def _lost(row: Mapping[str, Any], body: Mapping[str, Any]) -> list[str]:
    """Keys that are not carried, as a set: the two sides of a row lose the same, so `lost` tells no label."""
    pair = {"chosen", "reject", "side"}
    dropped = ({*row} - {"messages", "tools"} - pair) | ({*body} - {"messages", "tools"} - pair)
    named = sorted(dropped)
    return [*named, "the other trajectory of the pair, and which is preferred"] if pair & {*row} else named


def _merged(messages: Sequence[Any], where: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Turn runs of `tool_call` into one assistant turn with ids, and give each response the next open id."""
    merged: list[dict[str, Any]] = []
    unread: list[str] = []
    open_ids: list[tuple[str, str]] = []
    in_run = False
    for index, value in enumerate(messages):
        message = dict(object_of(value, f"{where}.messages.{index}"))
        call = _call(message) if message.get("role") == "tool_call" else None
        if call is not None:
            call_id = f"call_{index}"
            open_ids.append((call_id, call["name"]))
            _add_call(merged, {"id": call_id, "type": "function", "function": call}, in_run)
        elif message.get("role") == "tool_response":
            merged.append({**message, "role": "tool", **_answer(open_ids, message)})
        else:
            merged.append(message)
            if message.get("role") == "tool_call":
                unread.append(f"messages.{index}: the call could not be read and is kept as it is written")
        in_run = call is not None
    return merged, unread


def _add_call(merged: list[dict[str, Any]], call: dict[str, Any], in_run: bool) -> None:
    if in_run:
        merged[-1]["tool_calls"].append(call)
    else:
        merged.append({"role": "assistant", "content": None, "tool_calls": [call]})


def _answer(open_ids: list[tuple[str, str]], message: Mapping[str, Any]) -> dict[str, str]:
    """The id of the call that a response answers: the first open one of its name, else the first open one."""
    name = message.get("name")
    found = next((item for item in open_ids if item[1] == name), None)
    found = found or (open_ids[0] if open_ids and not isinstance(name, str) else None)
    if found is None:
        return {}
    open_ids.remove(found)
    return {"tool_call_id": found[0]}


def _call(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """The function call in a `tool_call` message, or None where it cannot be read. Evaluates nothing."""
    content = message.get("content")
    data = _literal(content) if isinstance(content, str) else content
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        return None
    arguments = data.get("arguments", data.get("parameters"))
    if arguments is not None and not isinstance(arguments, (str, dict)):
        arguments = json.dumps(arguments, default=repr)
    return {"name": data["name"], "arguments": arguments}


def _literal(text: str) -> Any:
    """Read JSON or a Python literal; None for anything else, however it is built."""
    if len(text) > MAX_CALL_CHARS:
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return None

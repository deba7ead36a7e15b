"""Reads steps of an environment (an action, and what was observed then) as a rollout. Pure.

Actions and observations are pydantic models of each environment's own. A text is taken as it is, an action with one
text as that text, a call of a tool as such, and everything else as JSON. What belongs to the environment (`metadata`,
`reward`, `done`) is not shown to the judge.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.errors import InvalidRequest
from judge_agent.trainers.as_json import as_json
from judge_agent.trainers.columns import FIELDS
from judge_agent.trainers.rollout import Rollout, Text

Step = tuple[Any, Any]
_OF_THE_ENVIRONMENT = frozenset(("metadata", "reward", "done"))


def rollout_of_steps(
    steps: Sequence[Step], prompt: Text | None, columns: Mapping[str, Any] | None
) -> Rollout:
    """Write steps as turns: the action is the assistant's, the observation what answers it."""
    about = dict(getattr(steps[-1][1], "metadata", None) or {})
    task = about.get("prompt", "") if prompt is None else prompt
    row = {name: about[name] for name in FIELDS if name in about} if columns is None else columns
    messages = list[Mapping[str, Any]]()
    for at, (action, observation) in enumerate(steps):
        messages.extend((_action(action, at), _observation(observation, at)))
    return Rollout(task, messages, row)


def _action(action: Any, at: int) -> dict[str, Any]:
    fields = _fields(action)
    if "tool_name" in fields:
        function = {"name": str(fields["tool_name"]), "arguments": _json(fields.get("arguments") or {})}
        call = {"id": f"step_{at}", "type": "function", "function": function}
        return {"role": "assistant", "content": "", "tool_calls": [call]}
    return {"role": "assistant", "content": _text(fields)}


def _observation(observation: Any, at: int) -> dict[str, Any]:
    fields = _fields(observation)
    if "tool_name" in fields:
        shown = {key: value for key, value in fields.items() if key != "tool_name" and value is not None}
        return {"role": "tool", "tool_call_id": f"step_{at}", "content": _text(shown)}
    return {"role": "user", "content": _text(fields)}


def _fields(found: Any) -> Mapping[str, Any]:
    """The fields by name; a plain text, or another value, is one field."""
    if hasattr(found, "model_dump"):
        found = {name: getattr(found, name) for name in type(found).model_fields}
    if not isinstance(found, Mapping):
        return {"value": found}
    return {str(key): value for key, value in found.items() if key not in _OF_THE_ENVIRONMENT}


def _text(fields: Mapping[str, Any]) -> str:
    texts = [value for value in fields.values() if value is not None]
    if not texts:
        return ""
    if len(texts) == 1 and isinstance(texts[0], str):
        return texts[0]
    return _json(fields)


def _json(value: Any) -> str:
    """Write a value for the judge to read. What cannot be written is named by its type, and nothing else is lost."""
    try:
        return json.dumps(as_json(value, "step"), ensure_ascii=False)
    except InvalidRequest:
        if not isinstance(value, Mapping):
            return json.dumps(f"<{type(value).__name__}>")
    return json.dumps({str(key): json.loads(_json(item)) for key, item in value.items()}, ensure_ascii=False)

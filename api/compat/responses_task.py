"""OpenAI Responses as a task and a trajectory: what was asked is the task, what came of it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.problems import invalid
from judge_agent.errors import InvalidRequest
from judge_agent.importers import from_responses


def asked(params: Mapping[str, Any], field: str) -> dict[str, Any]:
    """The task of a Responses request: its instructions and its input. Raises Problem 422."""
    given = {name: params.get(name) for name in ("instructions", "input")}
    return {"messages": _messages(given, field)}


def answered(response: Mapping[str, Any], tools: Any, field: str) -> dict[str, Any]:
    """The trajectory of a Responses response; `tools` are those that the agent had. Raises Problem 422."""
    output = response.get("output")
    if not isinstance(output, list):
        raise invalid(f"{field}.output", "must be a list of items", value=output)
    return _read({"output": output, "tools": tools}, field)


def _messages(given: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _read(given, field)["messages"]
    return found


def _read(data: Mapping[str, Any], field: str) -> dict[str, Any]:
    try:
        imported = from_responses(data)
    except InvalidRequest as error:
        raise invalid(error.field.replace("data", field, 1), error.message) from None
    return {
        "messages": imported.trajectory.model_dump(mode="json", exclude_none=True)["messages"],
        "tools": imported.trajectory.model_dump(mode="json")["tools"],
    }

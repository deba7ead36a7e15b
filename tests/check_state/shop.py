"""A shop whose records agents change, and trajectories of their calls."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from judge_agent.schema import Resources, Task, Trajectory
from judge_agent.seams.tool import ToolResult, ToolView

DATA: dict[str, Any] = tomllib.loads((Path(__file__).parent / "cases.toml").read_text())
DONE = {"cancel_order": '{"status":"cancelled","customer":"ann","items":["cup","pen"],"total":12.5}'}


def world(**other: Any) -> dict[str, Any]:
    return {**DATA["world"], **other}


def messages(calls: Sequence[str], says: str | None = None) -> list[dict[str, Any]]:
    """Messages of `name {arguments} -> result`; without an arrow the result is that of a call that did well."""
    found: list[dict[str, Any]] = []
    for index, line in enumerate(calls):
        said, arrow, result = line.partition(" ->")
        name, _, arguments = said.partition(" ")
        function = {"name": name, "arguments": arguments}
        found.append({"role": "assistant", "tool_calls": [{"id": f"c{index}", "function": function}]})
        result = result.strip() if arrow else DONE.get(name, "done")
        if result:
            found.append({"role": "tool", "tool_call_id": f"c{index}", "content": result})
    return found + ([{"role": "assistant", "content": says}] if says is not None else [])


def view(trajectory: list[dict[str, Any]], environment: Any, end: Any) -> ToolView:
    return ToolView(
        Task.model_validate({"prompt": "t", "reference": {"final_state": end}}),
        Trajectory.model_validate({"messages": trajectory}),
        resources=Resources.model_validate({"environment": environment}),
    )


class Check(Protocol):
    """Runs the tool on messages, with an environment and a required end state."""

    def __call__(
        self, trajectory: list[dict[str, Any]], environment: Any, end: Any, seconds: float = 30.0
    ) -> ToolResult: ...

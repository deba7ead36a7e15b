"""Made candidates that work on their judge, and honest twins, as requests; what was flagged of them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).parent / "hacks.toml"


class HackCase(NamedTuple):
    """One candidate. `detector` is None for an honest one."""

    detector: str | None
    task: Mapping[str, Any]
    made: Mapping[str, Any]

    def request(self, recipe: str) -> dict[str, Any]:
        """The request that judges it; its tests are visible ones."""
        reference = {"reference": {"tests": self.task["tests"]}} if "tests" in self.task else {}
        return {
            "recipe": recipe,
            "task": {"prompt": self.task["prompt"], **reference},
            "candidates": [{"id": "a", "trajectory": self._trajectory()}],
            "granularity": ["outcome"],
            "cache": "no",
        }

    def _trajectory(self) -> dict[str, Any]:
        messages: list[dict[str, Any]] = []
        for index, call in enumerate(self.made.get("calls", ())):
            function = {"name": call["name"], "arguments": call["arguments"]}
            messages.append({"role": "assistant", "tool_calls": [{"id": f"c{index}", "function": function}]})
            messages.append(
                {"role": "tool", "tool_call_id": f"c{index}", "content": call.get("result", "ok")}
            )
        text = (
            f"Here it is.\n```python\n{self.made['code']}```\n"
            if "code" in self.made
            else self.made.get("text", "Done.")
        )
        messages.append({"role": "assistant", "content": text})
        trajectory: dict[str, Any] = {"messages": messages}
        if "artifact" in self.made:
            trajectory["artifacts"] = [{"kind": "code", **self.made["artifact"]}]
        trajectory["tools"] = [_tool(name) for name in self.task.get("tools", ())]
        return trajectory


def cases() -> tuple[HackCase, ...]:
    """All of them, in the order of the file."""
    data = tomllib.loads(FILE.read_text("utf-8"))
    return tuple(HackCase(made.get("detector"), data["tasks"][made["task"]], made) for made in data["case"])


def flagged(candidate: Mapping[str, Any]) -> set[str]:
    """The detectors that spoke of a candidate (as JSON)."""
    return {hack["detector"] for hack in candidate["flags"].get("hacks", ())}


def _tool(name: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"id": {"type": "integer"}}}
    return {"type": "function", "function": {"name": name, "description": name, "parameters": parameters}}

"""The tool `check_tool_calls` through its Protocol: trajectories in, findings out."""

from __future__ import annotations

import asyncio
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from judge_agent.schema import Principle, Task, Trajectory
from judge_agent.seams.tool import Tool, ToolResult, ToolView
from tools import CheckToolCalls

DATA: dict[str, Any] = tomllib.loads((Path(__file__).parent / "cases.toml").read_text())
TOOL: Tool = CheckToolCalls()


def messages(lines: list[str]) -> list[dict[str, Any]]:
    return [_message(line) for line in lines]


def _message(line: str) -> dict[str, Any]:
    what, _, rest = line.partition(" ")
    if what == "call":
        return {
            "role": "assistant",
            "content": None,
            "tool_calls": [_call(part) for part in rest.split(" && ")],
        }
    first, _, text = rest.partition(" ")
    if what == "result":
        return {"role": "tool", "tool_call_id": first, "content": text}
    if what == "result-of":
        return {"role": "tool", "name": first, "content": text}
    if what == "pair":
        return {"role": "tool_call", "content": repr({"name": first, "arguments": text})}
    return {"role": "tool_response" if what == "response" else what, "content": rest}


def _call(text: str) -> dict[str, Any]:
    call_id, name, arguments = text.split(" ", 2)
    call: dict[str, Any] = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return call if call_id == "-" else {**call, "id": call_id}


def view(lines: list[str], tools: list[Any], before: list[str] | None = None) -> ToolView:
    trajectory = Trajectory.model_validate({"messages": messages(lines), "tools": tools})
    return ToolView(Task.model_validate({"prompt": "t", "messages": messages(before or [])}), trajectory)


def run(seen: ToolView) -> ToolResult:
    return asyncio.run(TOOL.run({}, seen, timeout_seconds=30))


@pytest.mark.parametrize("case", DATA["case"], ids=lambda case: str(case["name"]))
def test_calls_are_judged_as_the_case_says(case: dict[str, Any]) -> None:
    tools = [json.loads(DATA["tools"][name]) for name in case["tools"]]
    seen = view(case["messages"], tools, case.get("before"))
    assert (TOOL.principle(seen) is not None) == case.get("applies", True)
    assert bool(TOOL.opening_calls(seen)) == case.get("applies", True)
    result = run(seen)
    whole = [finding for finding in result.findings if finding.step_id is None]
    assert [f"{finding.bearing}/{finding.strength}" for finding in whole] == [case["whole"]]
    steps = {f.step_id: f"{f.bearing}/{f.strength}" for f in result.findings if f.step_id is not None}
    assert steps == case.get("steps", steps)
    kinds = [problem["kind"] for call in result.output["calls"] for problem in call.get("problems", ())]
    assert kinds == case.get("kinds", kinds)
    assert set(result.flags) == set(case.get("flags", ()))
    for finding in result.findings:
        decisive = finding.strength == "decisive"
        assert (finding.score is not None) == decisive
        assert finding.score in ({"confirms": 1.0, "refutes": 0.0}.get(finding.bearing), None)
    json.dumps(result.output, allow_nan=False)


def test_the_counts_say_how_much_was_checked() -> None:
    tools = [json.loads(DATA["tools"][name]) for name in ("broken", "anthropic")]
    result = run(
        view(['call 1 broken {"a":1}', "result 1 x", 'call 2 search {"q":"x"}', "result 2 x"], tools)
    )
    assert dict(result.checked) == {"tool_calls": 2, "tool_calls_checked": 1}


def test_the_findings_of_equal_candidates_are_equal() -> None:
    tools = [json.loads(DATA["tools"]["book"])]
    lines = ['call 1 book {"flight":"HAT1"}', "result 1 x", "result 9 y"]
    assert run(view(lines, tools)) == run(view(lines, tools))


def test_arguments_are_refused_as_bad_arguments() -> None:
    with pytest.raises(ValueError, match="takes no arguments"):
        asyncio.run(TOOL.run({"x": 1}, view([], []), timeout_seconds=1))
    assert TOOL.parameters == {}


PRINCIPLES = [
    ("tool", "valid_tool_calls", "anything", True),
    ("tool", "valid_tool_calls_2", "anything", True),
    ("tool", "another", "Every tool call is valid against its schema.", False),
    ("given", "calls", "Every tool call has valid arguments.", True),
    ("given", "calls", "No function call misses a required parameter", True),
    ("given", "polite", "The agent is polite.", False),
    ("given", "wise", "Each tool call is valid and was necessary.", False),
    ("generated", "calls", "Tool calls are well-formed.", True),
    ("generated", "calls", "Tool calls help the user.", False),
]


@pytest.mark.parametrize(("origin", "name", "description", "expected"), PRINCIPLES)
def test_only_the_validity_of_calls_is_decided(
    origin: Any, name: str, description: str, expected: bool
) -> None:
    seen = view(['call 1 search {"q":"x"}', "result 1 ok"], [json.loads(DATA["tools"]["anthropic"])])
    principle = Principle(
        name=name, description=description, dimension="tool_use", kind="hard", weight=1, scale="pass_fail",
        tool="check_tool_calls", origin=origin,
    )  # fmt: skip
    assert TOOL.can_decide(principle, seen) == expected
    assert not TOOL.can_decide(principle.model_copy(update={"tool": None}), seen)
    assert not TOOL.can_decide(principle, view(["assistant hi"], []))


def test_its_own_principle_is_one_it_can_decide() -> None:
    seen = view(['call 1 search {"q":"x"}', "result 1 ok"], [json.loads(DATA["tools"]["anthropic"])])
    spec = TOOL.principle(seen)
    assert spec is not None
    assert (spec.kind, spec.dimension, spec.tool) == ("hard", "tool_use", TOOL.name)
    assert re.fullmatch(r"[a-z_]+", spec.name or "")


def test_the_order_of_keys_makes_no_other_call() -> None:
    lines = ['call 1 search {"q":"x","n":1}', "result 1 ok", 'call 2 search {"n":1,"q":"x"}', "result 2 ok"]
    seen = view(lines, [{"name": "search", "parameters": {"type": "object"}}])
    output = asyncio.run(TOOL.run({}, seen, timeout_seconds=5)).output
    assert len(output["repeated_calls"]) == 1

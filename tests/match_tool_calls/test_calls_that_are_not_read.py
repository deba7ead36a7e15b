"""Calls in a form that is not read are neither taken for calls that were not made, nor passed over in silence."""

from __future__ import annotations

import asyncio
import json
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from judge_agent.schema import Task, Trajectory
from judge_agent.seams.tool import ToolResult, ToolView
from tools import MatchToolCalls

CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "unread.toml").read_text("utf-8"))[
    "case"
]


def run(trajectory: Any, expected: Any, **rules: Any) -> ToolResult:
    reference = {"tool_calls": expected, "tool_call_rules": {"exact": True, **rules}}
    view = ToolView(
        Task.model_validate({"prompt": "t", "reference": reference}), Trajectory.model_validate(trajectory)
    )
    return asyncio.run(MatchToolCalls().run({}, view, timeout_seconds=30))


def whole(result: ToolResult) -> str:
    return next(f"{f.bearing}/{f.strength}" for f in result.findings if f.step_id is None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_calls_are_read_or_decide_nothing_and_are_flagged(case: dict[str, Any]) -> None:
    message = {"role": "assistant", **json.loads(case["message"], strict=False)}
    result = run({"messages": [message]}, [{"name": "a", "arguments": {"x": 1}}])
    unread = sum(result.flags.get("calls_not_read", {}).values())
    assert (result.checked["tool_calls"], unread) == (case["calls"], case["unread"])
    assert whole(result) == ("refutes/strong" if unread else "refutes/decisive")


MADE = {"role": "assistant", "tool_calls": [{"function": {"name": "a", "arguments": "{}"}}]}


UNREAD = {"role": "assistant", "content": [{"type": "tool_use", "id": "t"}]}


def test_a_complete_match_decides_only_where_no_other_call_could_count() -> None:
    trajectory = {"messages": [MADE, UNREAD]}
    assert whole(run(trajectory, [{"name": "a"}])) == "confirms/strong"
    assert whole(run(trajectory, [{"name": "a"}], extra="allowed")) == "confirms/decisive"
    assert whole(run(trajectory, [{"name": "b"}], score="credit")) == "refutes/strong"


def test_no_step_is_blamed_where_a_call_was_not_read() -> None:
    result = run({"messages": [MADE, UNREAD]}, [{"name": "b"}])
    assert {f.strength for f in result.findings} == {"strong"}


def test_calls_in_the_declared_final_answer_are_flagged_unless_they_are_read_elsewhere() -> None:
    text = '<tool_call>{"name": "a"}</tool_call>'
    result = run({"final_answer": text}, [{"name": "a"}])
    assert (whole(result), result.flags) == ("refutes/strong", {"calls_not_read": {"text": 1}})
    assert not run({"messages": [MADE], "final_answer": text}, [{"name": "a"}]).flags


def test_long_texts_are_looked_through_in_linear_time() -> None:
    texts = ["<tool_call>" * 90_000, "<tool_call>" + " " * 10**6, "Action:" + " x" * 500_000]
    texts += ["<|channel|>" * 90_000, "Action:\t" * 100_000, ("<tool_call>" + "a" * 128) * 7000]
    started = time.process_time()
    run({"messages": [{"role": "assistant", "content": text} for text in texts]}, [{"name": "a"}])
    assert time.process_time() - started < 5

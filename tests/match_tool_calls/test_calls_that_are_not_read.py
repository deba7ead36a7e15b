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
    result = run({"messages": [message]}, [{"name": "zz"}, {"name": "zz"}, {"name": "zz"}])
    unread = sum(result.flags.get("calls_not_read", {}).values())
    assert (result.checked["tool_calls"], unread) == (case["calls"], case["unread"])
    assert whole(result) == ("refutes/strong" if unread else "refutes/decisive")


@pytest.mark.parametrize("case", [one for one in CASES if one["name"].startswith("text of ")], ids=str)
@pytest.mark.parametrize(
    "answer", [None, {"role": "user", "content": "Observation: ok"}, {"role": "tool", "content": "ok"}]
)
def test_a_text_that_is_not_the_expected_call_is_none_unless_a_tool_answers_it(
    case: dict[str, Any], answer: dict[str, Any] | None
) -> None:
    messages = [{"role": "assistant", **json.loads(case["message"], strict=False)}]
    result = run({"messages": [*messages, *([answer] if answer else [])]}, [{"name": "a"}])
    if case["calls"]:
        assert (whole(result), result.flags) == ("refutes/decisive", {})
    elif answer:
        assert (whole(result), result.flags) == ("refutes/strong", {"calls_not_read": {"text": 1}})
    else:
        assert (whole(result), result.flags) == ("refutes/decisive", {"call_like_text": 1})


POSSIBLE: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "possible.toml").read_text("utf-8"))[
    "case"
]


@pytest.mark.parametrize("case", POSSIBLE, ids=lambda case: str(case["name"]))
def test_a_text_leaves_open_only_what_it_may_call(case: dict[str, Any]) -> None:
    expected = case.get("expected") or [{"name": "refund", "arguments": case["arguments"]}]
    for place in (
        {"messages": [{"role": "user", "content": "Do it."}, {"role": "assistant", "content": case["says"]}]},
        {"final_answer": case["says"]},
    ):
        result = run(place, expected, **case.get("rules", {}))
        assert whole(result).endswith("/strong" if case["may"] else "/decisive")


@pytest.mark.parametrize("order", [1042, 1024])
@pytest.mark.parametrize("case", [one for one in CASES if one["unread"]], ids=lambda case: str(case["name"]))
def test_a_text_beside_calls_that_are_read_changes_nothing(case: dict[str, Any], order: int) -> None:
    written = json.loads(case["message"], strict=False)
    made = {"name": "refund", "arguments": json.dumps({"order": order})}
    spoken = f'<tool_call>{{"name": "refund", "arguments": {{"order": {order}}}}}</tool_call>'
    beginnings = (
        [{"role": "assistant", "tool_calls": [{"function": made}]}, {"role": "tool", "content": "ok"}],
        [
            {"role": "assistant", "content": spoken},
            {"role": "user", "content": "<tool_response>ok</tool_response>"},
        ],
    )
    expected = [{"name": "refund", "arguments": {"order": 1042}}]
    for beginning in beginnings:
        result = run({"messages": [*beginning, {"role": "assistant", **written}]}, expected)
        if "content" in written and isinstance(written["content"], str):
            assert not result.flags
            assert whole(result) == ("confirms/decisive" if order == 1042 else "refutes/decisive")
        else:  # the harness writes its fields, not the agent
            assert result.flags["calls_not_read"]


def test_a_text_that_a_tool_answers_was_carried_out_beside_others() -> None:
    answer = {"role": "tool", "content": "ok"}
    messages = [
        {"role": "assistant", "content": '<tool_call>{"name": "a"}</tool_call>'},
        answer,
        {"role": "assistant", "content": "<function=b>{}</function>"},
    ]
    assert whole(run({"messages": messages}, [{"name": "b"}])) == "refutes/decisive"
    assert whole(run({"messages": [*messages, answer]}, [{"name": "b"}])) == "refutes/strong"


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

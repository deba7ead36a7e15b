"""The model looks into the records, before the agent's calls and after them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from judge_agent.schema import Task, Trajectory
from judge_agent.seams.tool import ToolView
from tests.check_state.shop import messages, view, world
from tools import CheckState

TOOL = CheckState(None)
CANCELLED = messages(['cancel_order {"id":"O1"}'])
REQUIRED = {"contains": {"orders": {"O1": {"status": "secret"}}}}


def look(pointer: Any, when: Any, trajectory: Any = None, **other: Any) -> Any:
    seen = view(CANCELLED if trajectory is None else trajectory, world(**other), REQUIRED)
    result = asyncio.run(TOOL.run({"pointer": pointer, "when": when}, seen, timeout_seconds=10))
    assert not result.findings
    return result.output


def test_a_record_is_shown_as_it_was_and_as_it_is() -> None:
    assert look("/orders/O1/status", "start") == {"value": "open"}
    assert look("/orders/O1/status", "end") == {"value": "cancelled"}
    assert look("/orders/O1/items/1", "end") == {"value": "pen"}


def test_what_is_required_is_not_shown() -> None:
    assert "secret" not in str(look("", "end"))


@pytest.mark.parametrize(
    "pointer", ["/orders/O9", "/orders/O1/items/7", "/orders/O1/items/-1", "/orders/O1/status/0", "//"]
)
def test_what_is_not_there_is_told(pointer: str) -> None:
    assert "there is no" in look(pointer, "end")["problem"]


def test_what_the_calls_did_is_not_guessed() -> None:
    assert "wipe" in look("/orders", "end", messages(["wipe {}"]))["problem"]
    assert look("/orders/O1/status", "start", messages(["wipe {}"])) == {"value": "open"}


def test_of_large_records_the_keys_are_shown() -> None:
    state = {f"r{index}": "x" * 50 for index in range(500)} | {"a/b": {"~": 1}}
    shown = look("", "start", state=state)
    assert (len(shown["keys"]), shown["count"]) == (100, 501)
    assert look("/a~1b/~0", "start", state=state) == {"value": 1}


@pytest.mark.parametrize(
    "arguments",
    [
        {"pointer": "x", "when": "end"},
        {"pointer": "", "when": "now"},
        {"pointer": 1, "when": "end"},
        {"when": "end"},
    ],
)
def test_wrong_arguments_are_told_to_the_model(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"pointer|when"):
        asyncio.run(TOOL.run(arguments, view([], world(), REQUIRED), timeout_seconds=10))


def test_it_is_offered_where_there_are_records() -> None:
    assert TOOL.offered(view([], world(), None))
    assert not TOOL.offered(ToolView(Task(prompt="t"), Trajectory()))

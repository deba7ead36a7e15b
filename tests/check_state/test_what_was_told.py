"""What an agent had to tell is found wherever it tells it, and however it writes it."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import pytest

from judge_agent.schema import Resources, Task, Trajectory
from judge_agent.seams.tool import Finding, ToolView
from tests.check_state.shop import Check, messages, world
from tools import CheckState

CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "telling.toml").read_text())["case"]
CANCELLED = ['cancel_order {"id":"O1"}']
CLAIM = {
    "name": "status",
    "pattern": r"(?i)order (?P<id>O\d+) is (?P<status>\w+)",
    "check": "state.orders[said.id].status == said.status",
    "strength": "decisive",
}


def found_of(trajectory: dict[str, Any], end: Any, environment: dict[str, Any]) -> Finding:
    seen = ToolView(
        Task.model_validate({"prompt": "t", "reference": {"final_state": end}}),
        Trajectory.model_validate(trajectory),
        resources=Resources.model_validate({"environment": environment}),
    )
    return asyncio.run(CheckState(None).run({}, seen, timeout_seconds=20)).findings[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['said']} by {case['says'][:30]}")
def test_typography_does_not_decide_whether_something_was_said(check: Check, case: dict[str, Any]) -> None:
    found = check(messages([], case["says"]), world(), {"said": [case["said"]]}).findings[0]
    decisive = "hint" if case["whole"] == "none" else "decisive"
    assert (found.bearing, found.strength) == (case["whole"], decisive)


def test_a_declared_final_answer_tells_what_had_to_be_told() -> None:
    trajectory = {"messages": messages(CANCELLED), "final_answer": "You get $80 back."}
    assert found_of(trajectory, {"said": ["80"]}, world()).bearing == "confirms"
    assert found_of(trajectory, {"said": ["81"]}, world()).bearing == "refutes"


@pytest.mark.parametrize("made", [CANCELLED, []])
def test_a_declared_final_answer_claims_what_it_tells(made: list[str]) -> None:
    told = [
        found_of({"messages": messages(made), "final_answer": answer}, None, world(claims=[CLAIM])).bearing
        for answer in ("Order O1 is cancelled.", "Order O1 is open.")
    ]
    assert told == (["confirms", "refutes"] if made else ["refutes", "confirms"])


def test_a_final_answer_that_repeats_the_last_message_claims_once() -> None:
    answer = "Order O1 is cancelled."
    trajectory = {"messages": messages(CANCELLED, answer), "final_answer": answer}
    assert found_of(trajectory, None, world(claims=[CLAIM])).reason.startswith("1 claims")

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

HERE = Path(__file__).parent
SENTENCES: dict[str, list[str]] = tomllib.loads((HERE / "claiming_sentences.toml").read_text())
CASES: list[dict[str, Any]] = tomllib.loads((HERE / "telling.toml").read_text())["case"]
CANCELLED = ['cancel_order {"id":"O1"}']
CLAIM = {
    "name": "status",
    "pattern": r"(?i)order (?P<id>O\d+) is (?P<status>\w+)",
    "check": "state.orders[said.id].status == said.status",
    "strength": "decisive",
}

CANCELLATION = {
    "name": "cancelled",
    "pattern": r"(?i)order (?P<id>\w+) (?:has been|is|was) cancelled",
    "check": "state.orders[said.id].status == 'cancelled'",
    "strength": "decisive",
    "where": "all",
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


@pytest.mark.parametrize("says", SENTENCES["nothing"])
def test_what_is_supposed_denied_planned_or_quoted_claims_nothing(check: Check, says: str) -> None:
    result = check(messages([], says), world(claims=[CANCELLATION]), None)
    assert (result.output["claims"], result.findings[0].bearing) == ([], "none")


@pytest.mark.parametrize("says", SENTENCES["contradicted"])
def test_words_beside_a_claim_do_not_hide_it(check: Check, says: str) -> None:
    found = check(messages([], says), world(claims=[CANCELLATION]), None).findings[0]
    assert (found.bearing, found.strength) == ("refutes", "decisive")


@pytest.mark.parametrize(
    ("says", "holds"),
    [
        ("The refund of $38 per passenger is on its way.", []),
        ("The refund of $38 each is on its way.", []),
        ("The refund of $38 is on its way.", [False]),
    ],
)
def test_a_part_of_an_amount_is_not_held_to_be_all_of_it(check: Check, says: str, holds: list[bool]) -> None:
    claim = {"name": "r", "pattern": r"refund of \$(?P<amount>\d+)", "check": "number(said.amount) == 114"}
    result = check(messages([], says), world(claims=[claim]), None)
    assert [one["holds"] for one in result.output["claims"]] == holds


def test_a_message_may_tell_of_the_calls_that_it_makes(check: Check) -> None:
    spoken = messages(CANCELLED)
    spoken[0]["content"] = "Order O1 is cancelled."
    result = check(spoken, world(claims=[CANCELLATION]), None)
    assert [one["holds"] for one in result.output["claims"]] == [True]


USE = {"type": "tool_use", "id": "t", "name": "cancel_order", "input": {"id": "O1"}}
TOLD = '{"status":"cancelled","customer":"ann","items":["cup","pen"],"total":12.5}'
WRITTEN = '<tool_call>{"name": "cancel_order", "arguments": {"id": "O1"}}</tool_call>'
OTHERWISE = "<tool_call><function=cancel_order><parameter=id>O1</parameter></function></tool_call>"
END = {"calls": [{"name": "cancel_order", "arguments": {"id": "O1"}}]}


@pytest.mark.parametrize(
    ("made", "answer", "bearing"),
    [
        ([USE], [{"type": "tool_result", "tool_use_id": "t", "content": TOLD}], "confirms"),
        (WRITTEN, f"<tool_response>{TOLD}</tool_response>", "confirms"),
        (OTHERWISE, f"<tool_response>{TOLD}</tool_response>", "none"),
        ("I do nothing.", TOLD, "refutes"),
    ],
)
def test_calls_in_another_form_are_replayed_or_decide_nothing(
    check: Check, made: Any, answer: Any, bearing: str
) -> None:
    spoken = [{"role": "assistant", "content": made}, {"role": "user", "content": answer}]
    assert check(spoken, world(), END).findings[0].bearing == bearing


def test_what_only_the_text_of_a_call_holds_was_not_told(check: Check) -> None:
    found = check([{"role": "assistant", "content": WRITTEN}], world(), {"said": ["O1"]}).findings[0]
    assert found.bearing == "refutes"


def test_a_number_among_all_that_there_are_was_not_told(check: Check) -> None:
    told: list[dict[str, Any]] = []
    for first in range(0, 1190, 119):
        listed = "; ".join(f"it is {number}" for number in range(first, first + 119))
        told += [{"role": "assistant", "content": listed}, {"role": "user", "content": "?"}]
    found = check(told, world(), {"said": ["737"]}).findings[0]
    assert (found.bearing, found.strength) == ("none", "hint")


UNREAD: list[dict[str, Any]] = tomllib.loads((HERE / "unread_calls.toml").read_text("utf-8"))["case"]


@pytest.mark.parametrize("case", UNREAD, ids=lambda case: str(case["name"]))
def test_calls_that_may_be_made_in_a_text_leave_all_undecided(check: Check, case: dict[str, Any]) -> None:
    spoken = [{"role": "assistant", "content": case["says"]}]
    spoken += [{"role": case.get("by", "user"), "content": case["answer"]}] if "answer" in case else []
    found = check(spoken, world(), END)
    assert found.findings[0].bearing == case.get("bearing", "none")

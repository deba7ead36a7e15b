"""What a call did is known by its declared effect only where nothing that was seen speaks against it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.check_state.shop import Check, messages

DATA: dict[str, Any] = tomllib.loads((Path(__file__).parent / "unseen_results.toml").read_text())
PAY: list[dict[str, str]] = [
    {"require": "state.balance >= args.amount"},
    {"increase": "state.balance", "by": "-args.amount"},
]
EFFECTS = {
    "pay": PAY,
    "pay_and_tell": [*PAY, {"result": "{'paid': args.amount}"}],
    "pay_if_told": [*PAY, {"expect": "result.paid == args.amount"}],
}


@pytest.mark.parametrize("case", DATA["case"], ids=lambda case: str(case["name"]))
def test_what_was_seen_of_a_call_is_held_beside_its_effect(check: Check, case: dict[str, Any]) -> None:
    environment = {"state": {"balance": 100}, "effects": EFFECTS, **json.loads(case.get("other", "{}"))}
    result = check(messages([case["call"]]), environment, {"state": {"balance": 99}})
    whole = result.findings[0]
    assert f"{whole.bearing}/{whole.strength}" == case.get("whole", "none/hint"), whole
    assert case.get("undecided", "") in result.output.get("undecided", "")


RESULTS: dict[str, list[str]] = tomllib.loads(
    (Path(__file__).parent / "result_texts.toml").read_text("utf-8")
)
MARKS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "result_marks.toml").read_text("utf-8"))
PAYING: dict[str, Any] = {"state": {"balance": 100}, "effects": EFFECTS}


def paid(result: str) -> list[dict[str, Any]]:
    call = {"id": "a", "function": {"name": "pay", "arguments": '{"amount":1}'}}
    return [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": result},
    ]


@pytest.mark.parametrize("result", RESULTS["shows"])
def test_a_result_that_says_that_the_call_did_well_confirms_its_effect(check: Check, result: str) -> None:
    whole = check(paid(result), PAYING, {"state": {"balance": 99}}).findings[0]
    assert (whole.bearing, whole.strength) == ("confirms", "decisive"), whole


@pytest.mark.parametrize("result", RESULTS["doubted"])
def test_a_result_that_does_not_say_so_decides_nothing_either_way(check: Check, result: str) -> None:
    for balance in (99, 100):
        found = check(paid(result), PAYING, {"state": {"balance": balance}})
        assert (found.findings[0].bearing, found.findings[0].strength) == ("none", "hint")
        assert "state_not_decided" in found.flags


@pytest.mark.parametrize("failed", [None, "starts_with(observed, 'Error')"])
@pytest.mark.parametrize(
    ("kind", "form", "answer"),
    [
        (kind, form, answer)
        for kind in ("marked", "unmarked")
        for form in MARKS["forms"]
        for answer in MARKS[kind][form]
    ],
)
def test_a_result_that_is_marked_as_an_error_confirms_nothing(
    check: Check, kind: str, form: str, answer: str, failed: str | None
) -> None:
    trajectory = [*json.loads(MARKS["forms"][form]), *json.loads(answer)]
    if failed is not None and "Permission denied" in answer:
        return  # 'failed' of the environment says that this is no failure
    whole = check(trajectory, {**PAYING, "failed": failed}, {"state": {"balance": 99}}).findings[0]
    assert (whole.bearing == "confirms") is (kind == "unmarked"), whole


def test_a_marked_result_is_a_failure_where_the_observation_has_the_word(check: Check) -> None:
    environment = {**PAYING, "failed": "starts_with(observed, 'Error')", "outcomes": "observed"}
    trajectory = paid("not allowed")
    trajectory[1]["is_error"] = True
    result = check(trajectory, environment, {"state": {"balance": 100}})
    assert [call["outcome"] for call in result.output["calls"]] == ["failed"]
    assert result.findings[0].bearing == "confirms"


def test_failed_does_not_outweigh_a_result_that_says_itself_that_it_failed(check: Check) -> None:
    environment = {**PAYING, "failed": "starts_with(observed, 'Error')"}
    for result in ('{"success": false}', '{"isError": true, "content": []}', '{"ok": "false"}'):
        whole = check(paid(result), environment, {"state": {"balance": 99}}).findings[0]
        assert (whole.bearing, whole.strength) == ("none", "hint")

"""What an agent tells of records is looked up in them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from judge_agent.errors import ToolError
from tests.check_state.shop import Check, messages, world

DATA: dict[str, Any] = tomllib.loads((Path(__file__).parent / "claims.toml").read_text())
CANCELLED = ['cancel_order {"id":"O1"}']
END = {"calls": [{"name": "cancel_order", "arguments": {"id": "O1"}}]}


@pytest.mark.parametrize("case", DATA["case"], ids=lambda case: str(case["name"]))
def test_claims_are_looked_up_as_the_case_says(check: Check, case: dict[str, Any]) -> None:
    result = check(messages(CANCELLED, case["says"]), world(claims=DATA["claims"]), END)
    held = [
        claim["holds"]
        for claim in sorted(result.output["claims"], key=lambda one: case["says"].find(one["said"]))
    ]
    assert sorted(map(str, held)) == sorted(str(one if one != "" else None) for one in case["holds"])
    assert f"{result.findings[0].bearing}/{result.findings[0].strength}" == case["whole"]


def test_a_claim_is_held_to_the_records_as_they_were_when_it_was_made(check: Check) -> None:
    claim = {**DATA["claims"][0], "where": "all"}
    said = [{"role": "assistant", "content": "Order O1 is open."}]
    result = check([*said, *messages(CANCELLED, "Order O1 is now cancelled.")], world(claims=[claim]), END)
    assert [one["holds"] for one in result.output["claims"]] == [True, True]
    assert result.findings[0].bearing == "confirms"


def test_only_the_last_message_is_looked_at_unless_all_are_asked_for(check: Check) -> None:
    said = [{"role": "assistant", "content": "Order O1 is sent."}]
    result = check([*said, *messages(CANCELLED, "Bye.")], world(claims=DATA["claims"]), END)
    assert result.output["claims"] == []


def test_claims_alone_refute_but_do_not_confirm_decisively(check: Check) -> None:
    told = [
        check(messages(CANCELLED, says), world(claims=DATA["claims"]), None).findings[0]
        for says in ("Order O1 is open.", "Order O1 is cancelled.", "Hello.")
    ]
    assert [(one.bearing, one.strength) for one in told] == [
        ("refutes", "decisive"),
        ("confirms", "hint"),
        ("none", "hint"),
    ]


def test_a_pattern_that_is_none_is_refused_by_its_field(check: Check) -> None:
    claim = {"name": "c", "pattern": "(?<=x)y", "check": "true"}
    with pytest.raises(ToolError, match=r"claims\.0\.pattern"):
        check([], world(claims=[claim]), END)


DOUBTS: dict[str, list[str]] = tomllib.loads((Path(__file__).parent / "claiming_doubts.toml").read_text())
CANCELLATION = {
    "name": "cancelled",
    "pattern": r"(?i)order (?P<id>O\d) (?:was|has been) cancelled",
    "check": "state.orders[said.id].status == 'cancelled'",
    "strength": "decisive",
}


@pytest.mark.parametrize(
    ("says", "whole"),
    [
        (says, whole)
        for kind, whole in (
            ("refuted", "refutes/decisive"),
            ("doubted", "none/hint"),
            ("confirmed", "confirms/decisive"),
        )
        for says in DOUBTS[kind]
    ],
)
def test_what_is_not_surely_claimed_is_neither_refuted_nor_passed_over(
    check: Check, says: str, whole: str
) -> None:
    result = check(messages(CANCELLED, says), world(claims=[CANCELLATION]), END)
    found = result.findings[0]
    assert f"{found.bearing}/{found.strength}" == whole, found
    assert ("claims_not_decided" in result.flags) is (whole == "none/hint")


@pytest.mark.parametrize(
    ("says", "whole"),
    [
        ("O2 costs 35,50 EUR.", "confirms/decisive"),
        ("O2 costs 35.50 EUR.", "confirms/decisive"),
        ("O2 costs 35,5 EUR.", "confirms/decisive"),
        ("O2 costs 35,51 EUR.", "refutes/decisive"),
        ("O2 costs 3550 EUR.", "refutes/decisive"),
        ("O3 costs 1.786,50 EUR.", "confirms/decisive"),
        ("O3 costs 1,786.50 EUR.", "confirms/decisive"),
        ("O4 costs 1,786 EUR.", "confirms/decisive"),
        ("O4 costs 1.786 EUR.", "none/hint"),
        ("O4 costs 1,787 EUR.", "refutes/decisive"),
        ("O5 costs 1,02,000 INR.", "confirms/decisive"),
        ("O5 costs 102.000,00 EUR.", "confirms/decisive"),
        ("O4 costs 17,8,6 EUR.", "none/hint"),
        ("O6 costs 100 EUR.", "confirms/decisive"),
        ("O6 costs 1,00 EUR.", "refutes/decisive"),
    ],
)
def test_amounts_are_read_as_they_are_written_anywhere(check: Check, says: str, whole: str) -> None:
    totals = {"O2": 35.5, "O3": 1786.5, "O4": 1786, "O5": 102000, "O6": 100}
    claim = {
        "name": "total",
        "pattern": r"(?P<id>O\d) costs (?P<amount>[0-9.,]*\d)",
        "check": "number(said.amount) == state[said.id]",
        "strength": "decisive",
    }
    environment = {"state": totals, "claims": [claim]}
    found = check(messages([], says), environment, {"state": totals}).findings[0]
    assert f"{found.bearing}/{found.strength}" == whole, found


def test_a_claim_in_words_that_a_check_cannot_read_is_not_confirmed(check: Check) -> None:
    claim = {"name": "n", "pattern": r"(?P<n>\d+|two|three) tags", "check": "number(said.n) == state.n"}
    found = check(messages([], "three tags"), {"state": {"n": 2}, "claims": [claim]}, {"state": {"n": 2}})
    assert (found.findings[0].bearing, found.checked["claims"]) == ("none", 0)
    assert "cannot be checked" in found.flags["claims_not_decided"]

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

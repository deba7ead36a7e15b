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

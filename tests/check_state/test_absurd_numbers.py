"""Numbers that no arithmetic takes keep a call from being replayed, and nothing else from being judged."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.check_state.shop import Check, messages

DATA: dict[str, Any] = tomllib.loads((Path(__file__).parent / "absurd_numbers.toml").read_text())
END = {"contains": {"paid": True}}


def declared(condition: str) -> dict[str, Any]:
    pay = [
        {"require": condition},
        {"increase": "state.total", "by": "1"},
        {"set": "state.paid", "to": "true"},
    ]
    return {
        "state": {"paid": False, "total": 0},
        "effects": {"pay": pay},
        "failed": "starts_with(observed, 'Error')",
    }


@pytest.mark.parametrize("case", DATA["case"], ids=lambda case: str(case["name"]))
def test_a_call_that_was_seen_to_fail_has_no_effect_whatever_it_was_given(
    check: Check, case: dict[str, Any]
) -> None:
    call = f'pay {{"x": {case["x"].replace("DIGITS", "9" * 4000)}}} -> Error: no such amount'
    whole = check(messages([call]), declared(case["effect"]), END).findings[0]
    assert (whole.bearing, whole.strength, whole.score) == ("refutes", "decisive", 0.0)


@pytest.mark.parametrize("case", DATA["case"], ids=lambda case: str(case["name"]))
def test_a_call_that_was_seen_to_succeed_is_undecided_by_name(check: Check, case: dict[str, Any]) -> None:
    call = f'pay {{"x": {case["x"].replace("DIGITS", "9" * 4000)}}} -> done'
    result = check(messages([call]), declared(case["effect"]), END)
    assert (result.findings[0].bearing, result.findings[0].strength) == ("none", "hint")
    assert "'pay'" in result.output["undecided"]


def test_a_sum_that_overflows_where_it_is_kept_is_undone(check: Check) -> None:
    effect = [{"set": "state.paid", "to": "true"}, {"increase": "state.total", "by": "args.x"}]
    environment = {**declared("true"), "effects": {"pay": effect}, "state": {"paid": False, "total": 0.5}}
    call = f'pay {{"x": {"9" * 4000}}} -> Error: no such amount'
    assert check(messages([call]), environment, END).findings[0].bearing == "refutes"

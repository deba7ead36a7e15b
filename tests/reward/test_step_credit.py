"""What each step is paid: differences that telescope, the cut at the first error, the gate, the outcome's centre."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from judge_agent.reward import step_credit
from judge_agent.schema import StepResult
from judge_agent.schema.step_credit import StepCredit

CHAINS = TypeAdapter(StepCredit)
scores = st.lists(st.one_of(st.none(), st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1)), max_size=8)
outcomes = st.one_of(st.none(), st.floats(0, 1))


def steps(*given: float | None) -> list[StepResult]:
    def label(score: float | None) -> Any:
        return "unjudged" if score is None else "bad" if score < 0.5 else "good"

    return [StepResult(step_id=str(place), score=one, label=label(one)) for place, one in enumerate(given)]


def credit(chain: Any, *given: float | None, outcome: float | None = 1.0) -> list[float | None]:
    return list(step_credit(CHAINS.validate_python(chain), steps(*given), outcome))


def known(values: list[float | None]) -> list[float]:
    return [one for one in values if one is not None]


@given(scores, st.floats(-1, 1))
def test_deltas_telescope_to_the_last_value_less_the_start(given: list[float | None], start: float) -> None:
    found = known(credit({"kind": "delta", "start": start}, *given))
    last = known(given)[-1] if known(given) else start
    assert math.fsum(found) == pytest.approx(last - start, abs=1e-9)


@given(scores, st.floats(0.1, 1))
def test_discounted_potentials_sum_to_the_discounted_end(given: list[float | None], gamma: float) -> None:
    found = known(credit({"kind": "delta", "gamma": gamma, "start": 0.25}, *given))
    end = gamma ** len(found) * known(given)[-1] if found else 0.25
    total = math.fsum(gamma**place * one for place, one in enumerate(found))
    assert total == pytest.approx(end - 0.25, abs=1e-9)


@given(scores)
def test_what_remains_to_be_earned_from_a_step_on_is_its_value(given: list[float | None]) -> None:
    found, values = known(credit({"kind": "delta", "against": "next"}, *given)), known(given)
    for place, value in enumerate(values):
        assert math.fsum(found[place:]) == pytest.approx(value, abs=1e-9)


def test_repeating_a_good_step_earns_nothing() -> None:
    assert credit({"kind": "delta", "against": "next"}, 1.0, 1.0, 1.0) == [0.0, 0.0, 1.0]
    assert credit("delta", 1.0, 1.0, 1.0) == [1.0, 0.0, 0.0]


def test_behind_the_first_error_nothing_is_paid() -> None:
    assert credit("first_error", 1.0, 0.0, 1.0, None, 1.0) == [1.0, 0.0, 0.0, None, 0.0]
    assert credit({"kind": "first_error", "after": -1}, 0.0, 1.0) == [0.0, -1.0]
    assert credit("first_error", 1.0, None, 0.5) == [1.0, None, 0.5]


@given(scores, outcomes)
def test_a_gate_pays_no_step_of_a_failure_and_leaves_a_success_alone(
    given: list[float | None], outcome: float | None
) -> None:
    found = credit("gate", *given, outcome=outcome)
    if outcome is None:
        assert not known(found)
    elif outcome >= 0.5:
        assert found == given
    else:
        assert all(one <= 0.0 for one in known(found))


@given(scores, st.floats(0, 1))
def test_centred_by_the_outcome_no_step_of_a_failure_outranks_one_of_a_success(
    given: list[float | None], outcome: float
) -> None:
    found = known(credit("renorm", *given, outcome=outcome))
    low, high = (0.0, 1.0) if outcome >= 0.5 else (-1.0, 0.0)
    assert all(low <= one <= high for one in found)


@given(scores, st.sampled_from(["delta", "first_error", "gate", "renorm", ["first_error", "delta", "gate"]]))
def test_an_unjudged_step_is_paid_nothing_and_changes_no_other(given: list[float | None], chain: Any) -> None:
    found = credit(chain, *given)
    assert [one is None for one in found] == [one is None for one in given]
    assert known(found) == credit(chain, *known(given))


def test_no_steps_and_no_chain_are_no_error() -> None:
    assert credit(["delta", "gate", "renorm", "first_error"]) == []
    assert credit([], 0.5, None) == [0.5, None]
    assert credit("gate", 1.0, None, outcome=None) == [None, None]


@pytest.mark.parametrize(
    "chain",
    [
        "deltas",
        {"gamma": 1},
        {"kind": "delta", "gamma": 0},
        {"kind": "gate", "threshold": "0.5"},
        ["gate"] * 5,
    ],
)
def test_a_chain_that_says_nothing_sensible_is_refused(chain: Any) -> None:
    with pytest.raises(ValidationError):
        CHAINS.validate_python(chain)

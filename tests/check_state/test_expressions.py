"""The expressions of effects: what they give, what has no value, what is refused when it is read."""

from __future__ import annotations

import contextlib
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.effects import NotAnExpression, read_expression
from judge_agent.schema import Environment
from tests.check_state.shop import Check, messages

DATA: dict[str, Any] = tomllib.loads((Path(__file__).parent / "expressions.toml").read_text())


def computing(expression: str) -> dict[str, Any]:
    effects = {"compute": [{"set": "state.out", "to": expression}]}
    return {"state": json.loads(DATA["state"]), "effects": effects}


@pytest.mark.parametrize(("expression", "gives"), DATA["values"].items())
def test_an_expression_gives_its_value(check: Check, expression: str, gives: str) -> None:
    end = {"contains": {"out": json.loads(gives)}}
    result = check(messages(["compute {}"]), computing(expression), end)
    assert result.findings[0].bearing == "confirms", result.output


@pytest.mark.parametrize(("expression", "fails"), DATA["errors"].items())
def test_an_expression_without_a_value_leaves_the_state_undecided(
    check: Check, expression: str, fails: str
) -> None:
    result = check(messages(["compute {}"]), computing(expression), {"calls": []})
    assert (result.findings[0].bearing, result.findings[0].strength) == ("none", "hint")
    assert fails in result.output["undecided"]


@pytest.mark.parametrize(("expression", "why"), DATA["refused"].items())
def test_what_the_language_does_not_have_is_refused(expression: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"effects\.compute\.0\.to") as refusal:
        Environment.model_validate(computing(expression))
    assert why in str(refusal.value)


LONG = [
    "1" * 2001,
    "(" * 300 + ")" * 300,
    "-" * 1999 + "1",
    "+".join(["1"] * 700),
    "a" + ".b" * 900,
    "[" * 1900,
]


@pytest.mark.parametrize("expression", LONG, ids=range(len(LONG)))
def test_long_and_deep_expressions_are_refused(expression: str) -> None:
    with pytest.raises(NotAnExpression):
        read_expression(expression, ("a",))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(NotAnExpression):
        read_expression(text, ("state",))


@settings(max_examples=100, deadline=None)
@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6), st.sampled_from(["+", "-", "*"]))
def test_whole_numbers_are_computed_exactly(one: int, other: int, sign: str) -> None:
    from tools.states.evaluating import evaluate
    from tools.states.work import Work

    expression = read_expression(f"a {sign} b", ("a", "b"))
    value = evaluate(expression, {"a": one, "b": other}, Work(deadline=float("inf")))
    assert value == {"+": one + other, "-": one - other, "*": one * other}[sign]
    assert isinstance(value, int)

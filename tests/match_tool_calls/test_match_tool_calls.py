"""The tool `match_tool_calls` through its Protocol, and through the judge: trajectories in, findings out."""

from __future__ import annotations

import asyncio
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from judge_agent.prompting.results import output_text
from judge_agent.schema import Task, Trajectory
from judge_agent.seams.tool import Tool, ToolResult, ToolView
from tools import MatchToolCalls

CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "cases.toml").read_text())["case"]
TOOL: Tool = MatchToolCalls()


def view(made: list[str], expected: Any, rules: Any = None) -> ToolView:
    reference = {"tool_calls": expected, "tool_call_rules": rules}
    trajectory = Trajectory.model_validate({"messages": [_message(line) for line in made]})
    return ToolView(Task.model_validate({"prompt": "t", "reference": reference}), trajectory)


def _message(line: str) -> dict[str, Any]:
    calls = [part.partition(" ") for part in line.split(" && ")]
    return {
        "role": "assistant",
        "tool_calls": [{"function": {"name": name, "arguments": given}} for name, _, given in calls],
    }


def run(seen: ToolView) -> ToolResult:
    return asyncio.run(TOOL.run({}, seen, timeout_seconds=30))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_calls_are_matched_as_the_case_says(case: dict[str, Any]) -> None:
    seen = view(case["made"], json.loads(case["expected"]), json.loads(case.get("rules", "null")))
    result = run(seen)
    whole = next(finding for finding in result.findings if finding.step_id is None)
    assert f"{whole.bearing}/{whole.strength}" == case["whole"]
    outcomes = [call["outcome"] for call in result.output["calls"]]
    assert outcomes == case.get("outcomes", outcomes)
    decisive = {"confirms": 1.0, "refutes": 0.0}.get(whole.bearing)
    expected = decisive if whole.strength == "decisive" else None
    assert whole.score == pytest.approx(case.get("score", expected), abs=1e-6)
    assert result.output["credit"]["toolrl"] == pytest.approx(
        case.get("toolrl", result.output["credit"]["toolrl"]), abs=1e-4
    )
    assert 0.0 <= result.output["credit"]["f1"] <= 1.0
    json.dumps(result.output, allow_nan=False)


FORMS = [
    {"name": "a", "arguments": {"x": 1}},
    {"name": "a", "arguments": '{"x": 1}'},
    {"name": "a", "kwargs": {"x": 1}},
    {"name": "a", "parameters": {"x": 1}},
    {"id": "c1", "type": "function", "function": {"name": "a", "arguments": '{"x": 1}'}},
    {"function": "a", "args": {"x": 1}},
    {"type": "tool_use", "id": "t1", "name": "a", "input": {"x": 1}},
    {"type": "function_call", "call_id": "f1", "name": "a", "arguments": '{"x": 1}'},
    {"type": "tool_call", "id": "l1", "name": "a", "args": {"x": 1}},
]


@pytest.mark.parametrize("form", FORMS, ids=json.dumps)
def test_expected_calls_may_be_written_in_any_usual_form(form: dict[str, Any]) -> None:
    assert run(view(['a {"x":1}'], [form], {"exact": True})).findings[0].bearing == "confirms"


WRONG = [
    ({"tool_calls": [{"arguments": {}}]}, "name"),
    ({"tool_calls": [{"name": "a", "arguments": "{"}]}, "arguments"),
    ({"tool_calls": [{"name": "a", "arguments": "[1]"}]}, "arguments"),
    ({"tool_calls": [{"name": "a", "arguments": {}, "kwargs": {}}]}, "kwargs"),
    ({"tool_calls": [{"name": "a", "argument": {}}]}, "argument"),
    ({"tool_calls": [{"name": "a", "optional": ["x"]}]}, "arguments"),
    ({"tool_calls": [{"name": "a"}], "tool_call_rules": {"order": "loose"}}, "order"),
    ({"tool_calls": [{"name": "a"}], "tool_call_rules": {"number_tolerance": -1}}, "number_tolerance"),
    ({"tool_call_rules": {}}, "tool_call_rules"),
    ({"tool_calls": [{"name": "a"}] * 501}, "tool_calls"),
    ({"tool_calls": [{"name": "a", "arguments": '{"x": NaN}'}]}, "arguments"),
    ({"tool_calls": [{"name": "a", "arguments": '{"x": [{"y": -1e999}]}'}]}, "arguments"),
    ({"tool_calls": [{"name": "a", "arguments": {"x": 1}, "accept": {"x": [float("inf")]}}]}, "accept"),
    (
        {"tool_calls": [{"name": "a"}], "tool_call_rules": {"defaults": {"a": {"x": float("nan")}}}},
        "defaults",
    ),
]


@pytest.mark.parametrize(("reference", "field"), WRONG, ids=range(len(WRONG)))
def test_a_reference_that_cannot_be_read_is_refused_by_its_field(
    reference: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValueError, match=field):
        Task.model_validate({"prompt": "t", "reference": reference})


def test_the_tool_has_nothing_to_say_without_a_reference() -> None:
    seen = ToolView(Task(prompt="t"), Trajectory())
    assert TOOL.principle(seen) is None
    assert not TOOL.opening_calls(seen)


def test_credit_makes_a_soft_principle_of_it() -> None:
    hard = TOOL.principle(view([], [], {"exact": True}))
    soft = TOOL.principle(view([], [], {"score": "credit"}))
    assert hard is not None
    assert soft is not None
    assert (hard.kind, soft.kind) == ("hard", "soft")


def test_a_step_is_blamed_only_where_no_other_could_be() -> None:
    made, expected = ['a {"x":1}', 'a {"x":9}', "look {}"], [{"name": "a", "arguments": {"x": 1}}]

    def steps(**rules: Any) -> dict[str, str]:
        found = run(view(made, expected, {"free": ["look"], **rules})).findings
        return {f.step_id: f"{f.bearing}/{f.strength}" for f in found if f.step_id is not None}

    assert steps(exact=True) == {"s1": "confirms/decisive", "s2": "refutes/decisive", "s3": "none/hint"}
    assert steps(exact=False)["s2"] == "refutes/strong"
    assert steps(exact=True, order="strict")["s2"] == "refutes/strong"
    assert steps(exact=True, alternatives=[[{"name": "b"}]])["s2"] == "refutes/strong"


def test_a_step_is_not_blamed_for_a_call_that_may_be_made_beside_the_expected_ones() -> None:
    made, expected = ['look {"q":9}'], [{"name": "look", "arguments": {"q": 1}}]
    for rules in ({"free": ["look"]}, {"extra": "allowed"}):
        found = run(view(made, expected, {"exact": True, **rules})).findings
        assert [f"{f.bearing}/{f.strength}" for f in found] == ["refutes/decisive", "refutes/strong"]


def test_no_prompt_shows_what_the_reference_expects() -> None:
    result = run(view(['a {"x":1}'], [{"name": "secret_tool", "arguments": {"k": "secret value"}}]))
    assert "secret" in json.dumps(result.output)
    assert "secret" not in output_text(result.output)
    assert not any("secret" in finding.reason for finding in result.findings)


def test_no_prompt_shows_arguments_that_a_call_lacks() -> None:
    made, expected = ['a {"x":1,"own":2}'], [{"name": "a", "arguments": {"x": 1, "secret_key": "v"}}]
    result = run(view(made, expected, {"exact": True}))
    told = result.output["calls"][0]
    assert told["reference_only"]["missing_arguments"] == ["secret_key"]
    assert (told["missing_arguments"], told["arguments"]) == (1, {"own": "not expected"})
    assert "secret" not in output_text(result.output)
    assert not any("secret" in json.dumps([f.reason, dict(f.detail)]) for f in result.findings)


def test_the_findings_of_equal_candidates_are_equal() -> None:
    made, expected = ['a {"x":1}', 'a {"x":2}'], [{"name": "a", "arguments": {"x": 3}}] * 2
    assert run(view(made, expected)) == run(view(made, expected))


MANY_MADE = [f'a {{"x":{index},"y":0}}' for index in range(300)]
MANY_EXPECTED = [{"name": "a", "arguments": {"x": index, "y": 0}} for index in reversed(range(300))]


def test_hundreds_of_calls_of_one_tool_are_matched() -> None:
    result = run(view(MANY_MADE, MANY_EXPECTED, {"exact": True}))
    assert (result.status, result.findings[0].bearing) == ("ok", "confirms")
    assert result.output["credit"]["toolrl"] == 1.0


def test_calls_that_take_longer_than_the_time_given_decide_nothing() -> None:
    seen = view(MANY_MADE, MANY_EXPECTED, {"exact": True})
    result = asyncio.run(TOOL.run({}, seen, timeout_seconds=0.001))
    assert (result.status, result.findings) == ("timeout", ())


@pytest.mark.parametrize(
    ("made", "expected", "rules", "told", "rest"),
    [
        (["a {}"] * 2001, [{"name": "a"}], {"exact": True}, "refutes/decisive", 1),
        (["b {}"] * 2001, [{"name": "a"}], {"exact": True}, "refutes/decisive", 1),
        (["b {}"] * 2001, [{"name": "a"}], {}, "refutes/strong", 1),
        (["a {}"] * 2001, [{"name": "a"}], {"extra": "allowed"}, "confirms/decisive", 1),
        (["a {}"] * 400, [{"name": "a"}] * 300, {"exact": True}, "refutes/decisive", 67),
        (["a {}"] * 2001, [{"name": "a"}], {"score": "credit"}, "both/decisive", 1),
    ],
)
def test_more_calls_than_can_be_compared_save_no_candidate(made, expected, rules, told, rest) -> None:
    result = run(view([" && ".join(made)], expected, rules))
    whole = result.findings[0]
    assert (result.status, f"{whole.bearing}/{whole.strength}") == ("ok", told)
    assert result.flags == {"calls_not_compared": rest}
    assert f"{rest} more calls are not compared" in whole.reason


def test_of_equal_calls_none_is_surely_the_one_too_many() -> None:
    result = run(
        view(['a {"x":1}', 'a {"x":1}', 'b {"y":1}'], [{"name": "a", "arguments": {"x": 1}}], {"exact": True})
    )
    whole, *steps = result.findings
    assert (whole.bearing, whole.strength) == ("refutes", "decisive")
    assert [(step.bearing, step.strength) for step in steps] == [
        ("confirms", "strong"),
        ("refutes", "strong"),
        ("refutes", "decisive"),
    ]


def test_arguments_are_refused_as_bad_arguments() -> None:
    with pytest.raises(ValueError, match="takes no arguments"):
        asyncio.run(TOOL.run({"x": 1}, view([], []), timeout_seconds=1))
    assert TOOL.parameters == {}

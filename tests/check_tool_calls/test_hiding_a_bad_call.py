"""A bad call stays bad beside arguments that cannot be read or are too costly to check."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from judge_agent.schema import Task, Trajectory
from judge_agent.seams.tool import ToolResult, ToolView
from tools import CheckToolCalls
from tools.json_schema import check, ready

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "maxLength": 8},
        "n": {"type": "integer", "maximum": 9},
        "j": {"type": ["array", "string", "integer"], "items": {"type": "integer"}},
    },
    "required": ["id"],
    "additionalProperties": False,
}
DEEP = "[" * 70 + "]" * 70
LONG_NUMBER = "1" * 5000
HUGE = '"' + "x" * 1_000_001 + '"'
BAD = {
    "deep, and an argument is missing": f'{{"j":{DEEP}}}',
    "deep, and one has a wrong type": f'{{"id":"a","n":"x","j":{DEEP}}}',
    "deep, and one is unknown": f'{{"id":"a","m":{DEEP}}}',
    "deep, and one is out of range": f'{{"id":"a","n":10,"j":{DEEP}}}',
    "a long number, and an argument is missing": f'{{"n":{LONG_NUMBER}}}',
    "a long number where a text belongs": f'{{"id":{LONG_NUMBER}}}',
    "a long number, and one has a wrong type": f'{{"id":"a","n":"x","j":{LONG_NUMBER}}}',
    "a long number in what is no JSON": f'{{"id":"a","j":{LONG_NUMBER}',
    "a long number in a list": f"[{LONG_NUMBER}]",
    "a huge text, and an argument is missing": f'{{"j":{HUGE}}}',
    "a costly list, and an argument is missing": f'{{"j":{[0] * 60_000}}}',
    "nothing but brackets": "[" * 100_000,
    "nested past any reader": f'{{"id":"a","j":{"[" * 50_000}{"]" * 50_000}}}',
}
NOT_CHECKED = {
    "deep": f'{{"id":"a","j":{DEEP}}}',
    "a long number where an integer belongs": f'{{"id":"a","j":{LONG_NUMBER}}}',
    "a long number that may be in range": f'{{"id":"a","n":-{LONG_NUMBER}}}',
    "a huge text": f'{{"id":"a","j":{HUGE}}}',
    "a costly list": f'{{"id":"a","j":{[0] * 60_000}}}',
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_call_is_not_hidden_by_what_cannot_be_checked(name: str) -> None:
    finding = run([call(BAD[name]), RESULT]).findings[0]
    assert (finding.bearing, finding.strength) == ("refutes", "decisive")
    assert len(finding.reason) < 1000


@pytest.mark.parametrize("name", NOT_CHECKED)
def test_what_cannot_be_checked_alone_makes_no_call_wrong(name: str) -> None:
    result = run([call(NOT_CHECKED[name]), RESULT])
    assert result.findings[0].bearing == "none"
    assert result.flags["tool_calls_not_checked"]


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"j": {"minItems": 1}}},
        {"properties": {"j": {"required": ["x"]}}},
        {"properties": {"j": {"additionalProperties": False}}},
        {"properties": {"s": {"minLength": 300}}},
        {"properties": {"s": {"enum": ["y" * 300]}}},
        {"anyOf": [{"required": ["x"]}, {"required": ["j"]}]},
        {"not": {"required": ["x"]}},
        {"patternProperties": {"^[js]$": {}}, "additionalProperties": False},
        {"required": ["j"], "properties": {"j": {"$ref": "#/$defs/j"}}, "$defs": {"j": {"type": "array"}}},
    ],
    ids=json.dumps,
)
def test_an_outline_never_refutes_what_the_whole_fulfils(schema: dict[str, Any]) -> None:
    value = {"j": json.loads(DEEP), "s": "y" * 300}
    found = check(value, ready(schema))
    assert found.unchecked
    assert not found.problems


def test_a_result_before_its_call_belongs_to_no_call() -> None:
    result = run([RESULT, call('{"id":"a"}')])
    finding = result.findings[0]
    assert (finding.bearing, finding.strength) == ("refutes", "decisive")
    assert len(result.output["results_without_a_call"]) == 1
    assert result.output["second_results"] == []


RESULT = {"role": "tool", "tool_call_id": "c", "content": "ok"}


def call(arguments: str) -> dict[str, Any]:
    return {
        "role": "assistant",
        "tool_calls": [{"id": "c", "function": {"name": "t", "arguments": arguments}}],
    }


def run(messages: list[Any]) -> ToolResult:
    tools = [{"name": "t", "parameters": SCHEMA}]
    trajectory = Trajectory.model_validate({"messages": messages, "tools": tools})
    return asyncio.run(CheckToolCalls().run({}, ToolView(Task(), trajectory), timeout_seconds=60))

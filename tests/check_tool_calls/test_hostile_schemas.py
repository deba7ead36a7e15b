"""Schemas and arguments that mean harm: bounded time, no network, never a wrong verdict, never a crash."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from judge_agent.schema import Task, Trajectory
from judge_agent.seams.tool import ToolResult, ToolView
from tools import CheckToolCalls
from tools.json_schema import check, ready


def nested(levels: int, leaf: Any, wrap: Callable[[Any], Any]) -> Any:
    for _ in range(levels):
        leaf = wrap(leaf)
    return leaf


DOUBLING = {"$defs": {f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i - 1}"}] * 2} for i in range(1, 40)}}
DOUBLING["$defs"]["d0"] = {"type": "string"}  # type: ignore[assignment]

BOMBS: dict[str, tuple[Any, Any]] = {
    "a pattern that backtracks": ({"properties": {"s": {"pattern": "^(a+)+$"}}}, {"s": "a" * 50_000 + "!"}),
    "the same under another $schema": (
        {"properties": {"s": {"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "^(a+)+$"}}},
        {"s": "a" * 50_000 + "!"},
    ),
    "pattern properties that backtrack": (
        {"patternProperties": {"^(a|a)*$": {"type": "string"}}},
        {"a" * 60: 1},
    ),
    "a pattern that is a bomb to compile": (
        {"properties": {"s": {"pattern": "((((a{99}){99}){99}){99})"}}},
        {"s": "a"},
    ),
    "a pattern with a huge program": (
        {"properties": {"s": {"pattern": "(a|b)*a(a|b){900}c"}}},
        {"s": "abbab" * 100_000},
    ),
    "references that double": ({**DOUBLING, "properties": {"s": {"$ref": "#/$defs/d39"}}}, {"s": 5}),
    "a reference to itself": ({"properties": {"s": {"$ref": "#/properties/s"}}}, {"s": 5}),
    "all of itself twice": ({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}, {}),
    "deep nesting": (nested(300, {"type": "string"}, lambda inner: {"properties": {"a": inner}}), {"a": {}}),
    "deep negation": (nested(60, {"type": "string"}, lambda inner: {"not": inner}), {"a": 1}),
    "many unique items": ({"properties": {"l": {"uniqueItems": True}}}, {"l": list(range(60_000))}),
    "a huge enum against many values": (
        {"additionalProperties": {"enum": [f"v{i}" for i in range(20_000)]}},
        {f"k{i}": "no" for i in range(2_000)},
    ),
    "contains against many items": (
        {"properties": {"l": {"contains": {"allOf": [{"type": "string"}] * 300}}}},
        {"l": list(range(20_000))},
    ),
    "a multiple of almost nothing": ({"properties": {"n": {"multipleOf": 5e-324}}}, {"n": 1e308}),
    "a multiple of nothing": ({"properties": {"n": {"multipleOf": 0}}}, {"n": 1}),
    "many patterns by many names": (
        {"patternProperties": {f"^a{i}": {} for i in range(2_000)}},
        {f"b{i}": 1 for i in range(2_000)},
    ),
    "unevaluated properties under many branches": (
        {"anyOf": [{"properties": {"a": True}}] * 200, "unevaluatedProperties": False},
        {"a": 1},
    ),
    "a remote schema": ({"$ref": "https://example.com/s.json"}, {}),
    "a remote dynamic reference": ({"$dynamicRef": "https://example.com/s.json#x"}, {}),
    "a remote base": ({"$id": "https://example.com/a/", "properties": {"a": {"$ref": "b.json"}}}, {"a": 1}),
    "a local file": ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, {"a": 1}),
    "a pointer into nowhere": ({"$ref": "#/$defs/none"}, {}),
    "an id that is no text": ({"$id": 5}, {}),
    "a schema uri that is no text": ({"$schema": ["x"]}, {}),
    "an anchor that is no text": ({"$defs": {"a": {"$anchor": {}}}, "$ref": "#a"}, {}),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_over_soon(name: str) -> None:
    schema, value = BOMBS[name]
    began = time.process_time()
    check(value, ready(schema))
    # Processor time, so that a busy machine does not fail the test.
    assert time.process_time() - began < 5


def test_a_pattern_runs_in_linear_time_and_is_still_right() -> None:
    schema = ready(BOMBS["a pattern that backtracks"][0])
    assert check({"s": "aaa!"}, schema).problems
    assert not check({"s": "aaa"}, schema).problems
    assert not check({"s": "aaa"}, schema).unchecked


def test_many_hostile_tools_share_one_allowance() -> None:
    schema, value = BOMBS["references that double"]
    tools = [{"name": f"t{i}", "parameters": schema} for i in range(60)]
    calls = [
        {"id": f"c{i}", "function": {"name": f"t{i}", "arguments": json.dumps(value)}} for i in range(60)
    ]
    began = time.process_time()
    result = run([{"role": "assistant", "tool_calls": calls}], tools)
    assert time.process_time() - began < 20
    assert result.findings[0].bearing == "none"
    assert result.flags["tool_calls_not_checked"]


def test_a_costly_call_does_not_hide_a_bad_one() -> None:
    tools = [
        {
            "name": "t",
            "parameters": {"properties": {"s": {"pattern": "(a|b)*a(a|b){900}c"}}, "required": ["s"]},
        }
    ]
    costly = [
        {"id": f"c{i}", "function": {"name": "t", "arguments": {"s": "ab" * 5_000 + str(i)}}}
        for i in range(30)
    ]
    bad = [{"id": "bad", "function": {"name": "t", "arguments": "{}"}}]
    result = run([{"role": "assistant", "tool_calls": [*costly, *bad]}], tools)
    assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "decisive")


def test_out_of_time_is_a_timeout_and_no_finding() -> None:
    schema, value = BOMBS["references that double"]
    message = {
        "role": "assistant",
        "tool_calls": [{"id": "c", "function": {"name": "t", "arguments": value}}],
    }
    result = run([message], [{"name": "t", "parameters": schema}], timeout_seconds=0.02)
    assert (result.status, result.findings) == ("timeout", ())


def test_many_bad_calls_are_over_soon() -> None:
    tools = [{"name": "t", "parameters": {"required": ["a"]}}]
    calls = [
        {"id": f"c{i}", "function": {"name": "t", "arguments": json.dumps({"x": i})}} for i in range(3_000)
    ]
    fixed = [{"id": f"d{i}", "function": {"name": "t", "arguments": '{"a":1}'}} for i in range(3_000)]
    began = time.process_time()
    result = run(
        [{"role": "assistant", "tool_calls": calls}, {"role": "assistant", "tool_calls": fixed}], tools
    )
    assert time.process_time() - began < 30
    assert result.truncated
    assert result.findings[0].bearing == "refutes"


STRANGE_TOOLS: list[Any] = [
    {}, {"type": "function"}, {"function": None}, {"function": []}, {"function": {"name": 5}},
    {"name": "t"}, {"name": "t", "parameters": []}, {"name": "t", "parameters": "{"}, {"name": "t", "parameters": 5},
    {"name": "t", "parameters": {"type": ["object", 5]}}, {"name": "t", "parameters": {"properties": []}},
    {"name": "t", "parameters": {"required": "a", "properties": {"a": {}}}}, {"name": "t", "parameters": {"$ref": 5}},
    {"name": "t", "parameters": {"properties": {"a": None}}}, {"name": "t", "parameters": {"pattern": "("}},
    {"name": "t", "parameters": {"anyOf": []}}, {"name": "t", "parameters": {"enum": 5}},
    {"name": "t", "parameters": {"type": "object", "properties": {"a": {"type": "int"}}}},
    {"functionDeclarations": [None, {"name": "t", "parameters": {"required": True}}]},
]  # fmt: skip


@pytest.mark.parametrize("tool", STRANGE_TOOLS, ids=json.dumps)
def test_a_strange_declaration_makes_no_call_wrong(tool: Any) -> None:
    call = {"id": "c", "function": {"name": "t", "arguments": '{"a": "x"}'}}
    result = run([{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "c"}], [tool])
    assert result.status == "ok"
    assert result.findings[0].bearing != "refutes"


def run(messages: list[Any], tools: list[Any], timeout_seconds: float = 60) -> ToolResult:
    trajectory = Trajectory.model_validate({"messages": messages, "tools": tools})
    return asyncio.run(
        CheckToolCalls().run({}, ToolView(Task(), trajectory), timeout_seconds=timeout_seconds)
    )


plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0, -2.0])
    | st.sampled_from(["", "a", "ab"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
KEYWORDS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(
            ["object", "array", "string", "integer", "number", "boolean", "null", ["string", "null"]]
        ),
        "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        "enum": st.lists(plain_values, min_size=1, max_size=3),
        "const": plain_values,
        "minimum": st.integers(-2, 2),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "minLength": st.integers(0, 2),
        "pattern": st.sampled_from(["a", "^a$", "b+", "^$"]),
        "maxItems": st.integers(0, 2),
        "uniqueItems": st.booleans(),
        "additionalProperties": st.booleans(),
    },
)
schemas = st.recursive(
    KEYWORDS | st.booleans(),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "patternProperties": st.dictionaries(st.sampled_from(["a", "^b"]), inner, max_size=1),
            "additionalProperties": inner,
            "propertyNames": inner,
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "contains": inner,
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "dependentRequired": st.just({"a": ["b"]}),
        },
    ),
    max_leaves=5,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(schemas, plain_values)
def test_the_verdict_is_that_of_the_reference_implementation(schema: Any, value: Any) -> None:
    found = check(value, ready(schema))
    assert not found.unchecked
    assert bool(found.problems) == (not Draft202012Validator(schema).is_valid(value))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "$ref",
                    "required",
                    "items",
                    "anyOf",
                    "pattern",
                    "$id",
                    "enum",
                    "not",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["type", "properties", "$ref", "$defs", "required", "$id", "not"]), anything
    ),
    plain_values,
)
def test_a_schema_that_is_no_schema_is_not_checked(schema: Any, value: Any) -> None:
    found = check(value, ready(schema))
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError:
        older_dialect = "items" in json.dumps(schema)
        assert older_dialect or (found.unchecked and not found.problems)

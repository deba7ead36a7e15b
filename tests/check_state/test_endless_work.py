"""Declarations and trajectories that are meant to take for ever, or all memory, end soon and decide nothing."""

from __future__ import annotations

import time
from typing import Any

import pytest

from judge_agent.errors import ToolError
from tests.check_state.shop import Check, messages, world

TEN = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"
DOUBLING: list[dict[str, Any]] = [{"let": "a", "be": "'xxxxxxxxxxxxxxxx'"}] + [
    {"let": "a", "be": "a + a"}
] * 60
LISTS: list[dict[str, Any]] = [{"let": "a", "be": "[0]"}] + [{"let": "a", "be": "a + a"}] * 60
LAUGHS: list[dict[str, Any]] = [{"let": "a", "be": TEN}] + [
    {"let": "a", "be": "[a, a, a, a, a, a, a, a]"}
] * 30
ENDLESS: dict[str, list[dict[str, Any]]] = {
    "nested comprehensions": [
        {"let": "x", "be": "len([1 for a in range(9999) for b in range(9999) for c in range(9999)])"}
    ],
    "nested loops": [
        {"for": "a", "in": "range(9999)", "do": [{"for": "b", "in": "range(9999)", "do": [{"let": "c", "be": "1"}]}]}
    ],
    "a text that doubles": DOUBLING,
    "a list that doubles": LISTS,
    "a billion laughs that are written": [*LAUGHS, {"set": "state.x", "to": "a"}],
    "a billion laughs that are compared": [*LAUGHS, {"let": "b", "be": "[a] == [[x for x in a]]"}],
    "a billion laughs that are counted": [*LAUGHS, {"let": "b", "be": "len(text(a))"}],
    "a billion laughs that are given back": [*LAUGHS, {"result": "a"}],
    "a billion laughs that are a key": [*LAUGHS, {"require": "state[a] == 1"}],
    "a billion laughs that are an item": [*LAUGHS, {"let": "b", "be": "[1][a]"}],
    "a billion laughs that are a key of nothing": [*LAUGHS, {"let": "b", "be": "null[a]"}],
    "a billion laughs that are a place": [*LAUGHS, {"let": "l", "be": "[]"}, {"insert": "1", "into": "l", "at": "a"}],
    "a billion laughs that are a key to write": [*LAUGHS, {"set": "state[a]", "to": "1"}],
    "a billion laughs that are a number": [*LAUGHS, {"let": "b", "be": "number(a)"}],
    "long texts that are put in order": [
        *DOUBLING[:14],
        {"let": "b", "be": "sorted([a + text(x) for x in range(9999)])"},
    ],
    "a text in place of each letter": [
        *DOUBLING[:13], {"let": "b", "be": "replace(a, 'x', a)"}, {"let": "b", "be": "replace(b, 'x', b)"},
    ],
    "a text joined many times": [*DOUBLING[:13], {"let": "b", "be": "join([a for i in range(9999)], a)"}],
    "a number that grows": [
        {"let": "n", "be": "9"}, {"let": "m", "be": "1"}, *([{"let": "n", "be": "n * n"}] * 300),
    ],
    "a list that grows": [
        {"set": "state.l", "to": "[]"},
        {"for": "a", "in": "range(9999)", "do": [
            {"for": "b", "in": "range(9999)", "do": [{"append": "b", "to": "state.l"}]},
        ]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("effect", ENDLESS.values(), ids=ENDLESS)
def test_an_effect_that_does_too_much_decides_nothing(check: Check, effect: list[dict[str, Any]]) -> None:
    started = time.process_time()
    result = check(messages(["go {}"]), {"state": {}, "effects": {"go": effect}}, {"contains": {"x": 1}})
    assert result.status == "ok"
    assert (result.findings[0].bearing, result.findings[0].strength) == ("none", "hint")
    assert time.process_time() - started < 30


def test_a_reference_that_does_too_much_is_no_verdict_on_the_candidate(check: Check) -> None:
    environment = {"state": {}, "effects": {"go": ENDLESS["nested loops"]}}
    with pytest.raises(ToolError, match="more than"):
        check(messages([]), environment, {"calls": [{"name": "go"}]})


def test_a_replay_ends_with_its_time(check: Check) -> None:
    environment = {"state": {}, "effects": {"go": ENDLESS["nested loops"]}}
    started = time.monotonic()
    result = check(messages(["go {}"]), environment, {"contains": {"x": 1}}, seconds=0.05)
    assert result.status == "timeout"
    assert not result.findings
    assert time.monotonic() - started < 5


def test_a_state_that_calls_deepen_is_compared_or_left_undecided(check: Check) -> None:
    deepen = [{"let": "p", "be": "state"}] + [
        step for _ in range(150) for step in ({"set": "p.a", "to": "{}"}, {"let": "p", "be": "p.a"})
    ]
    result = check(messages(["go {}"]), {"state": {}, "effects": {"go": deepen}}, {"contains": {"a": 1}})
    assert result.findings[0].bearing in ("refutes", "none")


def test_hundreds_of_calls_are_replayed(check: Check) -> None:
    calls = ['pay {"customer":"ann","amount":0}'] * 900
    result = check(messages(calls), world(), {"calls": []})
    assert result.findings[0].bearing == "confirms"
    assert result.checked["writing_calls"] == 900


DEEP = "[" * 90 + "]" * 90
ODD_OBSERVATIONS = ["NaN", DEEP, "[" * 5000, '{"a":1e999}', "\x00", "1" * 5000]


@pytest.mark.parametrize("observed", ODD_OBSERVATIONS, ids=range(len(ODD_OBSERVATIONS)))
def test_an_odd_observation_breaks_nothing(check: Check, observed: str) -> None:
    calls = [
        f'pay {{"customer":"ann","amount":1}} -> {observed}',
        f'cancel_order {{"id":"O1"}} -> {observed}',
    ]
    result = check(messages(calls), world(), {"calls": []})
    assert (result.findings[0].bearing, result.findings[0].strength) == ("none", "hint")


def test_arguments_that_nest_without_end_decide_nothing(check: Check) -> None:
    deep: Any = {}
    for _ in range(99):
        deep = {"a": deep}
    message = {
        "role": "assistant",
        "tool_calls": [{"id": "c", "function": {"name": "pay", "arguments": deep}}],
    }
    seen = [message, {"role": "tool", "tool_call_id": "c", "content": "done"}]
    assert check(seen, world(), {"calls": []}).findings[0].bearing == "none"


def test_a_flood_of_words_is_left_undecided(check: Check) -> None:
    end = {"calls": [], "said": [[f"word {index}" for index in range(50)]] * 20}
    started = time.process_time()
    result = check(messages([], "blah " * 1_500_000), world(), end)
    assert result.findings[0].bearing == "none"
    assert time.process_time() - started < 30


def test_a_false_claim_does_not_hide_among_true_ones(check: Check) -> None:
    claim = {"name": "there", "pattern": r"order (?P<id>O\d)", "check": "said.id in state.orders"}
    for says in ("See order O1. " * 150 + "See order O9.", "See order O1. " * 300 + "See order O9."):
        result = check(messages([], says), world(claims=[claim]), {"calls": []})
        assert result.findings[0].bearing != "confirms"

"""What holds of every world: a failed call changes nothing, equal calls end alike, and a change is found."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.effects import read_operations
from tools.states.comparing import Comparison
from tools.states.work import EffectError, Work
from tools.states.world import CallFailed, World

LEAVES = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([0.5, 2.0]) | st.text("ab", max_size=3)
)
RECORDS = st.dictionaries(st.sampled_from("abc"), LEAVES, max_size=3)
STATES = st.fixed_dictionaries(
    {
        "rows": st.dictionaries(st.sampled_from("xyz"), RECORDS, max_size=3),
        "list": st.lists(LEAVES, max_size=4),
    }
)
OPERATIONS = st.sampled_from(
    [
        {"set": "state.rows.x", "to": "{'a': args.n}"},
        {"set": "state.rows.x.a", "to": "state.list"},
        {"set": "state.list[0]", "to": "state.rows"},
        {"increase": "state.rows.y.b", "by": "args.n"},
        {"append": "args.n", "to": "state.list"},
        {"append": "state.rows", "to": "state.list"},
        {"insert": "'i'", "into": "state.list", "at": "0"},
        {"remove": "state.rows.z"},
        {"remove": "state.list[-1]"},
        {"drop": "true", "from": "state.list"},
        {"for": "key", "in": "state.rows", "do": [{"set": "state.rows[key].seen", "to": "key"}]},
        {
            "if": "'x' in state.rows",
            "then": [{"remove": "state.rows.x"}],
            "else": [{"set": "state.rows.x", "to": "{}"}],
        },
        {"let": "row", "be": "get(state.rows, 'x', {})"},
        {"set": "args.n", "to": "args.n + 1"},
    ]
)
EFFECTS = st.lists(OPERATIONS, max_size=8)


def work() -> Work:
    return Work(deadline=float("inf"))


def applied(state: dict[str, Any], effect: list[Any]) -> tuple[dict[str, Any], bool]:
    """The state after a call, and whether the call took effect."""
    world = World(copy.deepcopy(state), work())
    try:
        world.apply(read_operations(effect), {"args": {"n": 1}}, "s1")
    except (CallFailed, EffectError):
        return world.state, False
    return world.state, True


@settings(max_examples=300, deadline=None)
@given(STATES, EFFECTS)
def test_a_call_that_fails_leaves_the_state_as_it_was(state: dict[str, Any], effect: list[Any]) -> None:
    after, took_effect = applied(state, [*effect, {"require": "false"}])
    assert not took_effect
    assert json.dumps(after) == json.dumps(state)


@settings(max_examples=300, deadline=None)
@given(STATES, EFFECTS)
def test_a_call_that_cannot_be_told_leaves_the_state_as_it_was(
    state: dict[str, Any], effect: list[Any]
) -> None:
    after, took_effect = applied(state, effect)
    assert took_effect or json.dumps(after) == json.dumps(state)


@settings(max_examples=300, deadline=None)
@given(STATES, EFFECTS)
def test_parts_of_a_state_are_never_shared(state: dict[str, Any], effect: list[Any]) -> None:
    after, _ = applied(state, effect)
    found: list[int] = []
    level: list[Any] = [after]
    while level:
        inner = [
            one.values() if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list))
        ]
        found += [id(one) for one in level if isinstance(one, (dict, list))]
        level = [part for parts in inner for part in parts]
    assert len(found) == len(set(found))


@settings(max_examples=300, deadline=None)
@given(STATES, EFFECTS)
def test_equal_calls_end_alike_and_differences_are_found(state: dict[str, Any], effect: list[Any]) -> None:
    one, _ = applied(state, effect)
    other, _ = applied(state, effect)
    assert Comparison(work()).differences(one, other) == ()
    changed = Comparison(work()).differences(one, state)
    assert bool(changed) == (_canonical(one) != _canonical(state))


def _canonical(value: Any) -> str:
    def plain(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: plain(item) for key, item in part.items()}
        if isinstance(part, list):
            return [plain(item) for item in part]
        return int(part) if isinstance(part, float) and part.is_integer() else part

    return json.dumps(plain(value), sort_keys=True)


@settings(max_examples=200, deadline=None)
@given(STATES, STATES)
def test_order_says_nothing_where_it_is_said_so(state: dict[str, Any], other: dict[str, Any]) -> None:
    turned = {**state, "list": list(reversed(state["list"]))}
    assert Comparison(work(), unordered=("/list",)).differences(turned, state) == ()
    everywhere = ("/list", "/list/*", "/rows/*", "/rows/*/*")
    assert Comparison(work(), ignore=("/list", "/rows")).differences(state, other) == ()
    assert Comparison(work(), ignore=everywhere).differences(state, other) == ()

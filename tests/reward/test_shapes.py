"""What shaping does to the rewards of any group: pure, for members of one judgment or of many."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from judge_agent.reward import shaped
from judge_agent.schema import CandidateResult, Coverage, PrincipleResult
from judge_agent.schema.shape import Shape

SHAPES = TypeAdapter(Shape)
KINDS: list[Any] = [
    "rank",
    "z",
    {"kind": "z", "ddof": 1},
    "dimensions",
    "difficulty",
    ["difficulty", "z"],
    ["dimensions", "rank"],
    ["rank", "z"],
    "par",
    {"kind": "par", "references": [0.2, 0.9], "k": 7},
    "log_sigmoid",
    "clip",
    "delta",
    {"kind": "delta", "baseline": "mean"},
    ["bonus", {"kind": "soft_length", "max_chars": 40, "buffer_chars": 20}],
    "process",
    {"kind": "direction", "weights": {"a": 1.0, "b": -0.5}, "norm": "l2"},
    {"kind": "direction", "weights": {"a": 1.0, "b": 0.5}, "norm": "worst"},
]
rewards = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 0.5, 1 / 3, 1 / 9]), st.floats(0, 1))
marks = st.lists(st.sampled_from("++xx?."), min_size=5, max_size=5).map("".join)


def member(
    reward: float | None = None,
    tests: str | None = None,
    vector: dict[str, float | None] | None = None,
    **flags: Any,
) -> CandidateResult:
    """A result; `tests` are the signs of its hidden tests, and the verdict is that of them."""
    told = {} if tests is None else {"tests": {"hidden": tests} if tests else {}}
    passed = tests is not None and set(tests) == {"+"}
    verdict = [] if tests is None else [principle("passes_tests", float(passed), "run_tests")]
    return CandidateResult(
        id="same",
        status="unscored" if reward is None else "scored",
        reward=reward,
        raw_reward=reward,
        vector=vector or {},
        coverage=Coverage(written_chars=30),
        principles=tuple(verdict),
        flags=told | flags,
    )


def principle(name: str, score: float, tool: str | None = None) -> PrincipleResult:
    return PrincipleResult(
        name=name, description="", dimension="d", kind="hard", weight=1, tool=tool, valid=True, score=score
    )


def values(shape: Any, members: Sequence[CandidateResult]) -> list[float | None]:
    return list(shaped(SHAPES.validate_python(shape), members).rewards)


def of(shape: Any, *given: float | None) -> list[float | None]:
    return values(shape, [member(one) for one in given])


members = st.lists(
    st.builds(
        lambda reward, tests, a, b: member(reward, tests, {"a": a, "b": b} if reward is not None else {}),
        rewards,
        marks,
        rewards,
        rewards,
    ),
    min_size=1,
    max_size=9,
)


@pytest.mark.parametrize("shape", KINDS, ids=str)
@settings(max_examples=40)
@given(group=members)
def test_null_stays_null_and_changes_nobody_elses_reward(shape: Any, group: list[CandidateResult]) -> None:
    found = values(shape, group)
    assert [one is None for one in found] == [one.reward is None for one in group]
    assert all(one is None or math.isfinite(one) for one in found)
    assert [one for one in found if one is not None] == values(
        shape, [one for one in group if one.reward is not None]
    )


@pytest.mark.parametrize("shape", KINDS, ids=str)
@settings(max_examples=40)
@given(group=members, seed=st.integers(0, 2**32))
def test_places_and_ids_change_no_bit_and_equal_members_are_equal(
    shape: Any, group: list[CandidateResult], seed: int
) -> None:
    order = list(range(len(group)))
    random.Random(seed).shuffle(order)
    found, shuffled = values(shape, group), values(shape, [group[place] for place in order])
    assert shuffled == [found[place] for place in order]
    twice = values(shape, [*group, *group])
    assert twice[: len(group)] == twice[len(group) :]


@pytest.mark.parametrize("shape", KINDS, ids=str)
@settings(max_examples=40)
@given(group=members)
def test_to_shape_twice_is_to_shape_once(shape: Any, group: list[CandidateResult]) -> None:
    once = values(shape, group)
    again = [one.model_copy(update={"reward": value}) for one, value in zip(group, once, strict=True)]
    assert values(shape, again) == once


@given(st.lists(rewards, min_size=1, max_size=12))
def test_ranks_are_in_the_order_of_rewards_and_their_mean_is_one_half(given: list[float | None]) -> None:
    found = of("rank", *given)
    pairs = [
        (raw, rank) for raw, rank in zip(given, found, strict=True) if raw is not None and rank is not None
    ]
    assert all((one < other) == (low < high) for one, low in pairs for other, high in pairs)
    assert all(0.0 <= rank <= 1.0 for _, rank in pairs)
    if pairs:
        assert math.fsum(rank for _, rank in pairs) / len(pairs) == pytest.approx(0.5)


@given(st.lists(rewards, min_size=1, max_size=12), st.sampled_from([0, 1]))
def test_standardised_rewards_have_mean_0_and_std_1_or_are_all_0(
    given: list[float | None], ddof: int
) -> None:
    found = [one for one in of({"kind": "z", "ddof": ddof}, *given) if one is not None]
    if not any(found):
        known = [one for one in given if one is not None]
        assert not known or max(known) - min(known) < 1e-7
        return
    assert math.fsum(found) / len(found) == pytest.approx(0.0, abs=1e-6)
    assert math.fsum(one * one for one in found) / (len(found) - ddof) == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("shape", ["rank", "z", "dimensions"])
def test_a_group_that_tells_nobody_apart_rewards_nobody(shape: str) -> None:
    middle = 0.5 if shape == "rank" else 0.0
    assert of(shape, 0.3) == [middle]
    assert of(shape, 0.3, 0.3, 0.3) == [middle] * 3
    assert of(shape, None, None) == [None, None]
    assert of(shape, None, 1.0, None) == [None, middle, None]


def test_ranks_of_ties_are_shared() -> None:
    assert of("rank", 0.1, 0.9, 0.4, 0.4, None) == [0.0, 1.0, 0.5, 0.5, None]
    assert of("rank", 1.0, 1.0, 0.0) == [0.75, 0.75, 0.0]


def test_the_record_says_what_each_link_was_given() -> None:
    found = shaped(SHAPES.validate_python(["rank", "z"]), [member(0.2), member(None), member(0.6)])
    assert found.rewards == (-1.0, None, 1.0)
    assert [one["kind"] for one in found.links] == ["rank", "z"]
    assert found.links[0] == {
        "kind": "rank",
        "counted": 2,
        "mean": pytest.approx(0.4),
        "std": pytest.approx(0.2),
    }
    assert found.links[1] == {"kind": "z", "counted": 2, "mean": 0.5, "std": 0.5}


def test_huge_rewards_do_not_overflow() -> None:
    assert of("z", 1e308, -1e308) == [1.0, -1.0]
    assert of("rank", 1e308, -1e308) == [1.0, 0.0]


def test_a_dimension_that_varies_little_counts_as_much_as_one_that_varies_much() -> None:
    """The worked case of GDPO: sums of raw rewards would not tell (1, 0) from (0, 1)."""
    group = [
        member(0.5, vector={"a": 1.0, "b": 0.50}),
        member(0.5, vector={"a": 0.0, "b": 0.51}),
        member(0.5, vector={"a": 0.0, "b": 0.50}),
        member(None, vector={"a": None, "b": None}),
    ]
    found = values("dimensions", group)
    assert found[0] == pytest.approx(found[1])
    assert found[3] is None
    only_a = values({"kind": "dimensions", "weights": {"a": 2.0}}, group)
    assert only_a[:3] == pytest.approx(of("z", 1.0, 0.0, 0.0))
    assert only_a[3] is None


def test_a_dimension_that_a_member_lacks_says_nothing_for_it_or_against_it() -> None:
    group = [
        member(0.5, vector={"a": 1.0, "b": 1.0}),
        member(0.5, vector={"a": 0.5, "b": None}),
        member(0.5, vector={"a": 0.0, "b": 0.0}),
    ]
    assert values("dimensions", group)[1] == 0.0


@given(st.lists(marks, min_size=1, max_size=8), st.sampled_from([0.0, 0.5, 0.9]))
def test_who_passes_all_tests_is_strictly_best_and_each_test_more_is_worth_more(
    signs: list[str], outcome: float
) -> None:
    group = [member(1.0, "+++++"), *(member(0.0, one) for one in signs if one != "+++++")]
    group.append(member(0.0, "++x++"))
    best, *others = values({"kind": "difficulty", "outcome": outcome}, group)
    assert best == 1.0
    assert all(other is not None and 0.0 <= other < 1.0 for other in others)
    passed = [
        {place for place, sign in enumerate(one.flags["tests"]["hidden"]) if sign == "+"} for one in group
    ]
    for one, low in zip(passed, [best, *others], strict=True):
        for other, high in zip(passed, [best, *others], strict=True):
            assert low is not None
            assert high is not None
            assert not one < other or low < high


def test_a_rarely_passed_test_is_worth_more() -> None:
    found = values("difficulty", [member(0.0, "+xx"), member(0.0, "+xx"), member(0.0, "xx+")])
    assert found[0] == found[1]
    # Weights 2, 4 and 3 (in quarters): passed by two, by none, by one of three.
    assert found == pytest.approx([0.5 * 2 / 9, 0.5 * 2 / 9, 0.5 * 3 / 9])


def test_a_pass_that_a_cheat_could_forge_counts_only_where_the_verdict_is_a_pass() -> None:
    honest, forged = member(0.0, "+x"), member(0.0, "+?")
    assert values("difficulty", [honest, forged]) == [pytest.approx(0.5 * 1 / 4)] * 2
    trusted = member(1.0, "+?").model_copy(
        update={"principles": (principle("passes_tests", 1.0, "run_tests"),)}
    )
    assert values("difficulty", [honest, trusted])[1] == 1.0


@pytest.mark.parametrize("flag", ["cut_short_by_the_deadline", "cut_short_by_a_failed_box"])
def test_a_judges_lack_in_the_tests_makes_null_and_is_in_no_weight(flag: str) -> None:
    cut = member(0.0, "+", **{flag: True})
    lacking = member(0.0, "+!x")
    whole = [member(0.0, "+xx"), member(1.0, "+++")]
    found = shaped(SHAPES.validate_python("difficulty"), [cut, lacking, *whole])
    assert found.rewards[:2] == (None, None)
    assert list(found.rewards[2:]) == values("difficulty", whole)
    assert found.links[0]["not_tested_whole"] == 2


def test_code_that_cannot_run_and_answers_without_code_pass_nothing() -> None:
    unloadable, empty = member(0.0, ""), member(0.0)
    found = values("difficulty", [unloadable, empty, member(0.0, "+x"), member(1.0, "++")])
    assert found[:2] == [0.0, 0.0]
    assert values("difficulty", [unloadable, unloadable]) == [0.0, 0.0]


def test_without_tests_of_anybody_the_rewards_stay_and_the_record_says_so() -> None:
    found = shaped(SHAPES.validate_python("difficulty"), [member(0.2), member(0.4)])
    assert found.rewards == (0.2, 0.4)
    assert found.links[0]["unshaped"] == "no member has results of tests"


def test_who_breaks_another_hard_rule_gets_nothing_for_tests() -> None:
    rude = member(0.0, "+x")
    rude = rude.model_copy(update={"principles": (*rude.principles, principle("no_eval", 0.0))})
    assert values("difficulty", [rude, member(0.0, "+x")])[0] == 0.0


def test_visible_tests_count_only_where_there_are_no_hidden_ones() -> None:
    def told(**tests: Any) -> CandidateResult:
        return member(0.0, "x").model_copy(update={"flags": {"tests": tests}})

    both = values("difficulty", [told(hidden="x+", visible="++"), told(hidden="+x", visible="xx")])
    assert both[0] == both[1]
    assert values("difficulty", [told(visible="+x"), told(visible="xx")])[0] != 0.0


def test_a_file_that_one_member_had_to_run_whole_is_one_test_for_all() -> None:
    def told(**tests: Any) -> CandidateResult:
        return member(0.0, "x").model_copy(update={"flags": {"tests": tests}})

    split = {"hidden.0": {"aa": "+", "bb": "x"}, "hidden.1": {"cc": "+"}}
    alone = shaped(SHAPES.validate_python("difficulty"), [told(**split), told(**split)])
    assert alone.links[0]["tests"] == 3
    mixed = shaped(SHAPES.validate_python("difficulty"), [told(**split), told(hidden="?x")])
    assert mixed.links[0]["tests"] == 2
    assert mixed.rewards == (pytest.approx(0.5 * 2 / 5), 0.0)

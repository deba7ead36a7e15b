"""Shapes against references, bounds, lengths, steps, directions: their ranges, their order, their degenerate cases."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from judge_agent.reward import shaped
from judge_agent.reward.length import length_penalty, shortened
from judge_agent.schema import CandidateResult, Coverage, StepResult
from judge_agent.schema.shape import Shape

SHAPES = TypeAdapter(Shape)
unit = st.floats(0, 1)
rewards = st.one_of(st.none(), unit)
slopes = st.floats(0.01, 50)


def member(
    reward: float | None,
    vector: dict[str, float | None] | None = None,
    chars: int | None = 10,
    steps: tuple[float | None, ...] = (),
) -> CandidateResult:
    return CandidateResult(
        id="same",
        status="unscored" if reward is None else "scored",
        reward=reward,
        vector=vector or {},
        coverage=Coverage(written_chars=chars),
        steps=tuple(StepResult(step_id=str(place), score=one) for place, one in enumerate(steps)),
    )


def values(shape: Any, *members: CandidateResult) -> list[float | None]:
    return list(shaped(SHAPES.validate_python(shape), members).rewards)


def of(shape: Any, *given: float | None) -> list[float | None]:
    return values(shape, *(member(one) for one in given))


@given(unit, slopes)
def test_par_at_its_reference_is_one_half(reward: float, k: float) -> None:
    assert of({"kind": "par", "references": [reward], "k": k}, reward) == [0.5]
    assert of({"kind": "par", "k": k}, reward, None) == [0.5, None]


@given(st.lists(rewards, min_size=1, max_size=8), st.lists(st.floats(-3, 3), min_size=1, max_size=5), slopes)
def test_par_is_bounded_and_in_the_order_of_rewards(
    given: list[float | None], references: list[float], k: float
) -> None:
    found = of({"kind": "par", "references": references, "k": k}, *given)
    pairs = [(raw, one) for raw, one in zip(given, found, strict=True) if raw is not None and one is not None]
    assert all(0.0 <= one <= 1.0 for _, one in pairs)
    assert all(low <= high for one, low in pairs for other, high in pairs if one < other)


def test_par_against_two_references_is_the_mean_of_both() -> None:
    [found] = of({"kind": "par", "references": [0.0, 1.0], "k": 2.0}, 1.0)
    assert found == pytest.approx((1 / (1 + math.exp(-2)) + 0.5) / 2)


def test_par_mirrors_around_its_reference_and_huge_differences_do_not_overflow() -> None:
    above, below = of({"kind": "par", "references": [0.5], "k": 3.0}, 0.7, 0.3)
    assert above is not None
    assert below == pytest.approx(1.0 - above)
    assert of({"kind": "par", "references": [1e9], "k": 1e6}, 0.0) == [0.0]
    assert of({"kind": "par", "references": [-1e9], "k": 1e6}, 0.0) == [1.0]


@given(st.lists(st.tuples(unit, unit), min_size=1, max_size=6), slopes)
def test_a_conjunction_is_never_above_0_and_rises_with_every_dimension(
    vectors: list[tuple[float, float]], k: float
) -> None:
    shape = {"kind": "log_sigmoid", "k": k}
    found = values(shape, *(member(0.5, {"a": a, "b": b}) for a, b in vectors))
    for (a, b), low in zip(vectors, found, strict=True):
        assert low is not None
        assert low <= 0.0
        assert all(
            low <= high
            for (c, d), high in zip(vectors, found, strict=True)
            if c >= a and d >= b and high is not None
        )


def test_a_conjunction_pays_less_for_one_weak_dimension_than_the_mean_does() -> None:
    even, uneven = member(0.5, {"a": 0.5, "b": 0.5}), member(0.5, {"a": 0.0, "b": 1.0})
    balanced, lopsided = values({"kind": "log_sigmoid", "k": 8.0}, even, uneven)
    assert balanced == pytest.approx(2 * math.log(0.5))
    assert lopsided is not None
    assert balanced is not None
    assert lopsided < balanced
    [equal, same] = values({"kind": "direction", "weights": {"a": 1, "b": 1}}, even, uneven)
    assert equal == same == 0.5


@given(st.lists(rewards, min_size=1, max_size=8), st.floats(-2, 0.4), st.floats(0.5, 2))
def test_what_is_clipped_lies_between_the_bounds_and_what_lay_there_stays(
    given: list[float | None], low: float, high: float
) -> None:
    for raw, one in zip(given, of({"kind": "clip", "low": low, "high": high}, *given), strict=True):
        assert (raw is None) == (one is None)
        if raw is not None and one is not None:
            assert low <= one <= high
            assert one == raw or raw < low or raw > high


@given(st.lists(rewards, min_size=2, max_size=9))
def test_differences_from_the_group_sum_to_0_and_keep_the_differences_among_members(
    given: list[float | None],
) -> None:
    known = [one for one in given if one is not None]
    for baseline, factor in (("mean", 1.0), ("others", len(known) / max(1, len(known) - 1))):
        found = [one for one in of({"kind": "delta", "baseline": baseline}, *given) if one is not None]
        assert len(found) == len(known)
        assert math.fsum(found) == pytest.approx(0.0, abs=1e-9)
        if len(known) > 1:
            assert found[0] - found[1] == pytest.approx(factor * (known[0] - known[1]), abs=1e-9)


def test_who_is_alone_differs_from_nobody() -> None:
    assert of("delta", 0.7, None) == [0.0, None]
    assert of({"kind": "delta", "baseline": 0.2}, 0.7, None) == [pytest.approx(0.5), None]
    assert of([{"kind": "clip", "low": None, "high": 0.5}, {"kind": "delta", "baseline": 0.5}], 0.7, 0.4) == [
        0.0,
        pytest.approx(-0.1),
    ]


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 200), st.integers(0, 200))
def test_a_longer_text_loses_no_less_and_never_more_than_1(
    length: int, other: int, longest: int, buffer: int
) -> None:
    buffer = min(buffer, longest)
    found = length_penalty(length, longest, buffer)
    assert -1.0 <= found <= 0.0
    assert (found == 0.0) == (length <= longest - buffer)
    if other > length:
        assert length_penalty(other, longest, buffer) <= found
    assert length_penalty(longest + 1, longest, buffer) == -1.0


def test_the_soft_penalty_falls_in_a_line_within_its_buffer() -> None:
    shape = {"kind": "soft_length", "max_chars": 100, "buffer_chars": 40, "weight": 0.5}
    members = [member(1.0, chars=chars) for chars in (0, 60, 80, 100, 101)]
    assert values(shape, *members) == [1.0, 1.0, 0.75, 0.5, 0.5]
    hard = {"kind": "soft_length", "max_chars": 100, "buffer_chars": 0}
    assert values(hard, member(1.0, chars=100), member(1.0, chars=101)) == [1.0, 0.0]


def test_only_what_had_a_reward_and_lost_some_of_it_is_counted_as_shortened() -> None:
    known = shortened([1.0, 1.0, 1.0, None], [60, 61, 200, 200], 100, 40)
    assert known == ([1.0, 1.0 - 1 / 40, 0.0, None], {"shortened": 2})
    unknown = shortened([1.0, None, 1.0], [None, None, 10], 100, 40)
    assert unknown == ([None, None, 1.0], {"shortened": 0, "unknown_length": 1})
    with pytest.raises(ValueError, match="longer"):
        shortened([1.0], [10, 20], 100, 40)


def test_a_length_that_is_not_known_leaves_no_reward_and_is_told() -> None:
    shape = SHAPES.validate_python({"kind": "soft_length", "max_chars": 100, "buffer_chars": 40})
    found = shaped(shape, [member(1.0, chars=None), member(1.0, chars=80), member(None, chars=None)])
    assert found.rewards == (None, 0.5, None)
    assert found.links[0]["unknown_length"] == 1
    assert found.links[0]["shortened"] == 1


@given(unit, unit, st.floats(0.1, 5), unit)
def test_a_bonus_is_paid_from_the_threshold_on_and_never_takes_away(
    reward: float, quality: float, weight: float, threshold: float
) -> None:
    shape = {"kind": "bonus", "dimensions": {"a": 1.0}, "weight": weight, "threshold": threshold}
    [found] = values(shape, member(reward, {"a": quality, "b": 1.0}))
    assert found == (pytest.approx(reward + weight * quality) if reward >= threshold else reward)


def test_a_bonus_on_dimensions_that_nobody_has_is_told_and_changes_nothing() -> None:
    found = shaped(SHAPES.validate_python("bonus"), [member(1.0, {"a": None}), member(0.3)])
    assert found.rewards == (1.0, 0.3)
    assert found.links[0]["unshaped"] == "no member has a score in these dimensions"


@given(st.lists(st.tuples(unit, st.lists(st.one_of(st.none(), unit), max_size=4)), min_size=1, max_size=7))
def test_no_failed_trajectory_outranks_a_success_however_good_its_steps(
    group: list[tuple[float, list[float | None]]],
) -> None:
    members = [member(reward, steps=tuple(steps)) for reward, steps in group]
    found = shaped(SHAPES.validate_python("process"), members)
    if "unshaped" in found.links[0]:
        assert not any(step is not None for _, steps in group for step in steps)
        return
    for (reward, _), one in zip(group, found.rewards, strict=True):
        assert one is not None
        assert (0.0 <= one <= 1.0) if reward >= 0.5 else (-1.0 <= one <= 0.0)


def test_a_process_without_judged_steps_takes_the_mean_of_the_others() -> None:
    members = [member(1.0, steps=(1.0, 0.0)), member(0.0, steps=(1.0,)), member(0.0, steps=(None,))]
    found = shaped(SHAPES.validate_python("process"), members)
    assert found.rewards == (0.5, 0.0, pytest.approx(-0.25))
    assert found.links[0]["without_steps"] == 1


@given(unit, unit, unit, unit)
def test_directions_keep_their_ranges_and_do_not_hang_on_the_scale_of_weights(
    a: float, b: float, v: float, w: float
) -> None:
    if max(v, w) < 1e-3:
        return
    one = member(0.5, {"a": a, "b": b})
    for norm, most in (("l1", 1.0), ("l2", math.sqrt(2)), ("worst", 1.0)):
        shape = {"kind": "direction", "weights": {"a": v, "b": w}, "norm": norm}
        [found] = values(shape, one)
        [scaled] = values({**shape, "weights": {"a": 3 * v, "b": 3 * w}}, one)
        assert found is not None
        assert -1e-12 <= found <= most + 1e-12
        assert scaled == pytest.approx(found)


@pytest.mark.parametrize("norm", ["l1", "l2", "worst"])
@pytest.mark.parametrize("size", [1e-320, 1e-200, 1e-160, 1e6])
def test_the_smallest_weights_are_a_direction_too(norm: str, size: float) -> None:
    shape = {"kind": "direction", "weights": {"a": size}, "norm": norm}
    assert values(shape, member(0.1, {"a": 1.0}), member(0.1, {"a": 0.0})) == [
        pytest.approx(1.0),
        pytest.approx(0.0),
    ]


@pytest.mark.parametrize(
    ("norm", "expected"),
    [("l1", (2 * 0.5 + 1.0) / 3), ("l2", 2 / math.sqrt(5)), ("worst", 1 - 0.5)],
)
def test_the_table_of_directions(norm: str, expected: float) -> None:
    shape = {"kind": "direction", "weights": {"a": 2.0, "b": 1.0, "c": 0.0}, "norm": norm}
    assert values(shape, member(0.1, {"a": 0.5, "b": 1.0, "c": 0.0})) == [pytest.approx(expected)]


def test_a_weight_below_0_pays_for_less_of_it() -> None:
    shape = {"kind": "direction", "weights": {"right": 1.0, "wordy": -0.5}}
    terse, wordy = member(0.5, {"right": 1.0, "wordy": 0.0}), member(0.5, {"right": 1.0, "wordy": 1.0})
    assert values(shape, terse, wordy) == [pytest.approx(1 / 1.5), pytest.approx(0.5 / 1.5)]


def test_a_dimension_that_a_member_lacks_counts_for_it_as_the_mean_of_the_others() -> None:
    group = [
        member(0.5, {"a": 1.0, "b": 1.0}),
        member(0.5, {"a": 1.0, "b": None}),
        member(0.5, {"a": 1.0, "b": 0.0}),
    ]
    assert values({"kind": "direction", "weights": {"a": 1, "b": 1}}, *group) == [1.0, 0.75, 0.5]
    assert values({"kind": "direction", "weights": {"c": 1}}, *group) == [0.5, 0.5, 0.5]


REFUSED: list[Any] = [
    {"kind": "clip", "low": 1.0, "high": 0.0},
    {"kind": "clip", "low": None, "high": None},
    {"kind": "par", "references": []},
    {"kind": "par", "k": 0},
    {"kind": "par", "k": "1"},
    "soft_length",
    {"kind": "soft_length", "max_chars": 10, "buffer_chars": 11},
    {"kind": "direction", "weights": {"a": 0.0}},
    {"kind": "direction", "weights": {"a": -1.0}, "norm": "worst"},
    {"kind": "bonus", "dimensions": {"a": 0.0}},
    ["z", "process"],
    ["rank", {"kind": "direction", "weights": {"a": 1.0}}],
    {"kind": "delta", "baseline": "best"},
    {"kind": "par", "reference": 0.5},
]


@pytest.mark.parametrize("shape", REFUSED, ids=str)
def test_a_shape_that_says_nothing_sensible_is_refused(shape: Any) -> None:
    with pytest.raises(ValidationError):
        SHAPES.validate_python(shape)

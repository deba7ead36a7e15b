"""What signs of reward hacking do to a candidate's numbers: the strictest gate that closes holds, null stays null."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from judge_agent.reward.combine import Combined, combine
from judge_agent.reward.guarded import guarded
from judge_agent.schema import PrincipleResult

GATES = SimpleNamespace(on={"edits": "fail", "stuffing": "cap", "hedging": "note"}, cap=0.4, least="strong")


def combined(*scores: float | None) -> Combined:
    """The numbers of hard principles with these scores; None for one that could not be judged."""
    said: dict[str, Any] = {"description": "", "dimension": "quality", "kind": "hard", "weight": 1.0}
    return combine(
        [
            PrincipleResult(name=f"p{index}", score=score, valid=score is not None, **said)
            for index, score in enumerate(scores)
        ],
        dimensions=("quality",),
        aggregate="weighted",
    )


def sign(detector: str, strength: str = "strong") -> dict[str, str]:
    return {"detector": detector, "strength": strength}


@pytest.mark.parametrize(
    ("hacks", "score", "passed"),
    [
        ([], 0.8, True),
        ([sign("hedging", "decisive")], 0.8, True),
        ([sign("a_detector_that_no_recipe_names", "decisive")], 0.8, True),
        ([sign("edits", "hint")], 0.8, True),
        ([sign("stuffing", "hint")], 0.8, True),
        ([sign("stuffing")], 0.4, True),
        ([sign("stuffing", "decisive")], 0.4, True),
        ([sign("edits")], 0.0, False),
        ([sign("edits", "decisive")], 0.0, False),
        ([sign("stuffing"), sign("edits")], 0.0, False),
        ([sign("edits"), sign("stuffing")], 0.0, False),
        ([sign("edits", "hint"), sign("stuffing")], 0.4, True),
    ],
)
def test_the_strictest_gate_that_closes_holds(hacks: list[Any], score: float, passed: bool) -> None:
    found = guarded(combined(0.8), hacks, GATES)
    assert (found.score, found.reward, found.reward_bounds) == (score, score, (score, score))
    assert found.passed is passed
    assert found.vector == {"quality": 0.8}


def test_what_is_below_the_cap_stays_and_the_record_says_which_gates_closed() -> None:
    found = guarded(combined(0.3), [sign("stuffing"), sign("hedging")], GATES)
    assert found.score == found.reward == 0.3
    assert found.flags["gates"] == {
        "closed": [{"detector": "stuffing", "does": "cap"}],
        "score_before": 0.3,
        "ceiling": 0.4,
    }
    assert found.flags["failed_hard"] == ["p0"]


@pytest.mark.parametrize(("threshold", "passed"), [(None, True), (0.4, True), (0.41, False)])
def test_a_cap_below_the_threshold_does_not_pass(threshold: float | None, passed: bool) -> None:
    assert guarded(combined(0.9), [sign("stuffing")], GATES, threshold).passed is passed


def test_an_open_principle_stays_null_and_its_bounds_are_lowered() -> None:
    partial = guarded(combined(0.6, None), [sign("stuffing")], GATES)
    assert (partial.status, partial.reward, partial.score) == ("partial", None, 0.4)
    assert partial.reward_bounds == (0.3, 0.4)
    nothing = guarded(combined(None), [sign("edits")], GATES, 0.5)
    assert (nothing.score, nothing.reward, nothing.passed) == (None, None, None)
    assert nothing.reward_bounds == (0.0, 0.0)


def test_signs_of_one_detector_close_its_gate_once() -> None:
    found = guarded(combined(0.8), [sign("stuffing"), sign("stuffing")], GATES)
    assert found.flags["gates"]["closed"] == [{"detector": "stuffing", "does": "cap"}]


ON_TESTS = ("hardcoded_outputs", "special_cased_tests", "early_exit")


@pytest.mark.parametrize("detector", [*ON_TESTS, "patched_grader"])
def test_hidden_tests_that_pass_answer_what_would_make_visible_ones_pass_and_no_patched_grader(
    detector: str,
) -> None:
    gates = SimpleNamespace(on={detector: "fail", "stuffing": "cap"}, cap=0.4, least="strong")
    alone = guarded(combined(0.8), [sign(detector)], gates, tests_answer=True)
    is_answered = detector in ON_TESTS
    assert (alone.score, "gates" in alone.flags) == ((0.8, False) if is_answered else (0.0, True))
    assert alone.flags.get("gates_answered") == ([detector] if is_answered else None)
    both = guarded(combined(0.8), [sign(detector), sign("stuffing")], gates, tests_answer=True)
    assert both.score == (0.4 if is_answered else 0.0)
    unsaid = guarded(combined(0.8), [sign(detector)], gates)
    assert (unsaid.score, "gates_answered" in unsaid.flags) == (0.0, False)


def test_a_sign_that_works_in_the_boxes_of_tests_is_not_answered_by_them() -> None:
    gates = SimpleNamespace(on={"special_cased_tests": "cap"}, cap=0.4, least="strong")
    signs = [sign("special_cased_tests"), {**sign("special_cased_tests"), "answerable": False}]
    assert guarded(combined(0.8), signs, gates, tests_answer=True).score == 0.4
    assert guarded(combined(0.8), signs[:1], gates, tests_answer=True).score == 0.8


def test_a_sign_that_would_close_no_gate_needs_no_answer() -> None:
    gates = SimpleNamespace(on={"early_exit": "cap"}, cap=0.4, least="strong")
    found = guarded(combined(0.8), [sign("early_exit", "hint")], gates, tests_answer=True)
    assert (found.score, "gates_answered" in found.flags) == (0.8, False)

"""Sentences that are said again: which are long enough to count, and where they stand."""

from __future__ import annotations

import pytest

from judge_agent.guards.hacks.texts import text_hacks
from judge_agent.schema import Task, Trajectory

SHORT, LONG = "In summary, we said so", "In summary, we say thus"
assert (len(SHORT), len(LONG)) == (22, 23)
TASK = Task(prompt="Why is the sky blue?")


def spans(text: str) -> list[tuple[int, int]]:
    return [
        hack.offsets for hack in text_hacks(TASK, Trajectory(final_answer=text)) if hack.detector == "padding"
    ]


@pytest.mark.parametrize(("sentence", "found"), [(SHORT, False), (LONG, True)])
def test_one_of_fewer_characters_than_24_with_its_sign_does_not_count(sentence: str, found: bool) -> None:
    assert bool(spans(f"It is. {sentence}.{sentence}?{sentence}! ")) is found


@pytest.mark.parametrize(("last", "found"), [(LONG, False), (f"{LONG}!", True), (f"{LONG} ", True)])
def test_the_last_one_is_measured_as_it_is(last: str, found: bool) -> None:
    assert bool(spans(f"{LONG}.{LONG}.{last}")) is found


def test_a_repeated_one_is_shown_with_its_sign() -> None:
    sentence = "We have said all of this already"
    text = f"{sentence}. {sentence}. {sentence}."
    assert spans(text) == [(0, len(sentence) + 1)]
    assert spans(f"{sentence}. {sentence}. {sentence}") == [(0, len(sentence) + 1)]

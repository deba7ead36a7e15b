"""Calls are read in whatever form they are written; where they are not, that is known."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from judge_agent.call_forms import spoken
from judge_agent.schema import Trajectory
from judge_agent.trajectory import Transcript, read

CASES: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "forms_of_calls.toml").read_text("utf-8")
)["case"]


def told(transcript: Transcript) -> list[str]:
    answers = {turn.answers: f" -> {turn.text}" for turn in transcript.turns if turn.answers}
    return [
        f"{call.name} {call.raw_arguments}{answers.get(f'{step.turn.span_id}.{position}', '')}"
        for step in transcript.steps
        for position, call in enumerate(step.turn.calls)
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_calls_are_read_in_the_form_in_which_they_are_written(case: dict[str, Any]) -> None:
    tools = [{"name": name} for name in case.get("tools", ())]
    transcript = read(Trajectory.model_validate({"messages": json.loads(case["messages"]), "tools": tools}))
    assert (told(transcript), transcript.unread_calls) == (case["calls"], case["unread"])
    assert transcript.call_like_texts == case.get("alike", 0)


def test_what_a_message_says_beside_results_stays_the_users() -> None:
    transcript = read(Trajectory.model_validate({"messages": json.loads(CASES[0]["messages"])}))
    assert [(turn.role, turn.text) for turn in transcript.turns] == [
        ("assistant", "I look."),
        ("tool", "ok"),
        ("user", "go on"),
    ]


def test_an_older_call_that_is_read_is_no_ignored_field() -> None:
    message = {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}, "refusal": None}
    trajectory = Trajectory.model_validate({"messages": [message]})
    assert [read(trajectory).ignored_fields for _ in range(2)] == [1, 1]


def test_neither_thought_nor_calls_nor_results_are_spoken() -> None:
    text = "<think>a</think>b <tool_call>c</tool_call>d<tool_response>e</tool_response>f<think>g"
    assert spoken(text).split() == ["b", "d", "f"]
    assert spoken("a</think>b").strip() == "b"

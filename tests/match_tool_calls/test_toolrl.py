"""ToolRL's match score is what trying every way to pair the calls gives (arXiv 2504.13958, section 3.3)."""

from __future__ import annotations

import asyncio
import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.schema import Task, Trajectory
from judge_agent.seams.tool import ToolView
from tools import MatchToolCalls

KEYS = st.sampled_from("abcd")
CALL = st.fixed_dictionaries(
    {"name": st.sampled_from("fg"), "arguments": st.dictionaries(KEYS, st.integers(0, 1), max_size=4)}
)
CALLS = st.lists(CALL, max_size=4)


def score(made: list[dict[str, Any]], expected: list[dict[str, Any]]) -> float:
    messages = [
        {
            "role": "assistant",
            "tool_calls": [
                {"function": {**call, "arguments": json.dumps(call["arguments"])}} for call in made
            ],
        }
    ]
    task = Task.model_validate({"prompt": "t", "reference": {"tool_calls": expected}})
    view = ToolView(task, Trajectory.model_validate({"messages": messages}))
    result = asyncio.run(MatchToolCalls().run({}, view, timeout_seconds=30))
    found: float = result.output["credit"]["toolrl"]
    return found


def pair_score(call: dict[str, Any], wanted: dict[str, Any]) -> float:
    if call["name"] != wanted["name"]:
        return 0.0
    mine, theirs = call["arguments"], wanted["arguments"]
    every = mine.keys() | theirs.keys()
    keys = len(mine.keys() & theirs.keys()) / len(every) if every else 1.0
    return float(keys + sum(mine.get(key) == value for key, value in theirs.items()))


def by_every_way(made: list[dict[str, Any]], expected: list[dict[str, Any]]) -> float:
    mine, theirs = {call["name"] for call in made}, {call["name"] for call in expected}
    names = len(mine & theirs) / len(mine | theirs) if mine | theirs else 1.0
    padded = [*made, *({"name": None, "arguments": {}} for _ in expected)]
    best = max(
        sum(pair_score(call, wanted) for call, wanted in zip(way, expected, strict=True))
        for way in permutations(padded, len(expected))
    )
    return float(names + best) / (1 + len(expected) + sum(len(call["arguments"]) for call in expected))


@settings(max_examples=150, deadline=None)
@given(CALLS, CALLS)
def test_no_way_to_pair_the_calls_scores_more(
    made: list[dict[str, Any]], expected: list[dict[str, Any]]
) -> None:
    assert score(made, expected) == pytest.approx(by_every_way(made, expected), abs=1e-4)

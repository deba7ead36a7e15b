"""What a rollout of a trainer's becomes as a request: columns, messages, pictures, foreign numbers."""

from __future__ import annotations

import datetime
import tomllib
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.schema import JudgmentRequest
from judge_agent.trainers import Asking, Rollout, request_of

COLUMNS = tomllib.loads(Path(__file__).with_name("columns.toml").read_text("utf-8"))["row"]
NO_TESTS = {"kind": "call", "entry_point": "f", "visible": None, "atol": None}


def task_of(row: dict[str, Any], **asking: Any) -> dict[str, Any]:
    body = request_of([Rollout("p", "c", row)], Asking(**asking))
    JudgmentRequest.model_validate(body)
    return dict(body["task"])


@pytest.mark.parametrize("row", COLUMNS, ids=lambda row: str(row["name"]))
def test_columns_are_read_as_data_sets_write_them(row: dict[str, Any]) -> None:
    assert task_of(row["columns"]).get("reference") == row["reference"]


def test_nulls_that_arrow_wrote_are_left_out_and_an_expected_null_is_kept() -> None:
    item = {"args": [{"x": None}], "kwargs": None, "expected": None}
    found = task_of({"tests": {**NO_TESTS, "hidden": [item]}})["reference"]["tests"]
    hidden = [{"args": [{"x": None}], "expected": None}]
    assert found == {"kind": "call", "entry_point": "f", "hidden": hidden}


def test_foreign_values_become_those_of_json() -> None:
    values = {
        "n": np.int64(3),
        "x": np.float32(0.5),
        "a": np.array([[1, 2]]),
        "b": np.bool_(True),
        "s": np.str_("t"),
        "d": datetime.date(2026, 1, 2),
        "q": deque([1]),
        "m": {2, 1},
    }
    body = request_of([Rollout("p", "c", {})], Asking(metadata=values))
    plain = {"n": 3, "x": 0.5, "a": [[1, 2]], "b": True, "s": "t", "d": "2026-01-02", "q": [1], "m": [1, 2]}
    assert body["metadata"] == plain


def test_a_missing_value_of_pandas_is_no_reference() -> None:
    assert "reference" not in task_of({"answer": float("nan"), "solution": None})


def test_columns_that_are_named_must_be_there_and_be_fields() -> None:
    assert task_of({"gold": "4", "answer": "5"}, columns={"answer": "gold"})["reference"] == {"answer": "4"}
    with pytest.raises(InvalidRequest, match="no column 'gold'"):
        task_of({"answer": "5"}, columns={"answer": "gold"})
    with pytest.raises(InvalidRequest, match="no field"):
        Asking(columns={"anser": "x"})
    assert "reference" not in task_of({"answer": "5"}, columns={})


@pytest.mark.parametrize(
    "value", [object(), float("inf"), b"bytes", {1.5: "key"}], ids=["object", "inf", "bytes", "key"]
)
def test_what_cannot_be_written_names_its_place(value: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"columns\.tests"):
        task_of({"tests": {"hidden": [value]}})


def test_data_that_holds_itself_ends_in_an_error() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(InvalidRequest, match="deeper"):
        task_of({"tests": loop})


def test_what_is_asked_for_stands_in_the_request_and_the_rest_is_the_recipes() -> None:
    body = request_of([Rollout("p", "c")], Asking())
    assert body == {
        "task": {"prompt": "p"},
        "candidates": [{"id": "r0", "trajectory": {"text": "c"}}],
        "recipe": "default",
        "seed": 0,
    }
    full = Asking(
        dimensions=("correctness",),
        principles=[{"description": "It is right.", "dimension": "correctness"}],
        tools=("run_tests",),
        granularity=("outcome", "steps"),
        aggregate="veto",
        pass_threshold=0.7,
        seconds=9,
        model_tokens=100,
        tool_calls=3,
        samples=2,
        seed=7,
        metadata={"run": "a"},
        cache="no",
        include_hidden_reasoning=True,
    )
    read = JudgmentRequest.model_validate(request_of([Rollout("p", "c")], full))
    assert (read.budget.seconds, read.budget.samples, read.seed) == (9, 2, 7)
    assert (read.cache, read.include_hidden_reasoning) == ("no", True)
    assert (read.dimensions, read.tools, read.metadata) == (("correctness",), ("run_tests",), {"run": "a"})


def test_the_agents_tools_come_from_a_column_or_from_what_is_the_same_for_all() -> None:
    schema = {"type": "function", "function": {"name": "f"}}
    asking = Asking(agent_tools=[schema])
    of_all = request_of([Rollout("p", "c")], asking)["candidates"][0]["trajectory"]
    of_one = request_of([Rollout("p", "c", {"agent_tools": []})], asking)["candidates"][0]["trajectory"]
    assert of_all == {"messages": [{"role": "assistant", "content": "c"}], "tools": [schema]}
    assert of_one == of_all


def test_pictures_of_data_sets_become_pictures_that_a_judge_can_look_at() -> None:
    parts = [
        {"type": "image", "image": {"bytes": b"\xff\xd8\xff\xe0", "path": None}},
        {"type": "image", "image": b"GIF89a"},
        {"type": "image"},
        {"type": "text", "text": "look", "image": None},
    ]
    prompt = [{"role": "user", "content": parts}]
    content = request_of([Rollout(prompt, "c")], Asking())["task"]["messages"][0]["content"]
    assert [part.get("image_url", {}).get("url", "")[:16] for part in content] == [
        "data:image/jpeg;",
        "data:image/gif;b",
        "",
        "",
    ]
    assert content[2:] == [{"type": "image"}, {"type": "text", "text": "look"}]

"""What verl hands to `compute_score`, and the request that comes of it; no verl is needed for that."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import json
import math
from pathlib import Path
from typing import Any

import pytest

from judge_agent.trainers import JudgeUnavailable
from judge_agent.trainers.verl import compute_score
from judge_agent.trainers.verl_rollout import VerlSample
from tests.trainers.answering import answering, judgment, scored
from tests.trainers.failing_services import WAYS, seconds_for

CASES = json.loads(Path(__file__).with_name("verl_truths.json").read_text("utf-8"))
ASKED = [{"role": "user", "content": "2 + 3?"}]
KEYS = {"score", "acc", "judge_failed", "correctness", "correctness_missing", "messages_read"}


def score(url: str, text: str, truth: Any = "5", **given: Any) -> dict[str, float]:
    info = given.pop("extra_info", {"index": 0, "question": "2 + 3?"})
    settings = {"judge_url": url, "dimensions": ["correctness"], "retry_seconds": 0.1} | given
    return asyncio.run(compute_score("sums", text, truth, info, **settings))


def test_verl_takes_the_function_for_an_async_one() -> None:
    assert inspect.iscoroutinefunction(compute_score)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_ground_truth_becomes_the_reference(case: dict[str, Any]) -> None:
    with answering() as server:
        score(server.url, "x", case["truth"], **case.get("settings", {}), extra_info=case["extra_info"])
        assert server.bodies[0]["task"].get("reference") == case["reference"]


@pytest.mark.parametrize("order", [("call", "plain", "plain"), ("plain", "call", "plain")])
def test_equal_completions_have_equal_numbers_whichever_of_their_siblings_ended_first(
    order: tuple[str, ...],
) -> None:
    def of(text: str) -> Any:
        return scored(0.8, correctness=0.8, tool_use=0.1 if text == "call" else None)

    with answering(lambda body: judgment(body, of)) as server:
        rows = [score(server.url, text, dimensions=["correctness", "tool_use"]) for text in order]
    told = {(text, row["tool_use"], row["tool_use_missing"]) for text, row in zip(order, rows, strict=True)}
    assert told == {("call", 0.1, 0.0), ("plain", 0.8, 1.0)}


def test_the_agents_tools_and_resources_are_handed_on_beside_named_columns() -> None:
    tools = [{"type": "function", "function": {"name": "plus", "parameters": {}}}]
    info = {"question": "q", "agent_tools": tools, "databases": [{"name": "d", "sql": "select 1"}]}
    with answering() as server:
        score(server.url, "x", {"target": "5"}, extra_info=info, columns={"answer": "target"})
        body = server.bodies[0]
    assert body["candidates"][0]["trajectory"]["tools"] == tools
    assert body["resources"]["databases"][0]["name"] == "d"


def test_a_named_column_that_is_missing_is_said() -> None:
    with answering() as server, pytest.raises(JudgeUnavailable, match="there is no 'target'"):
        score(server.url, "x", "5", columns={"answer": "target"})


def test_a_ground_truth_that_cannot_be_read_is_no_zero() -> None:
    with answering() as server, pytest.raises(JudgeUnavailable, match="'style' is no field"):
        score(server.url, "x", {"answer": "5", "style": "rule"})
    assert not server.bodies


@pytest.mark.parametrize("name", ["raw_prompt", "prompt", "question"])
def test_the_prompt_is_what_the_row_says(name: str) -> None:
    with answering() as server:
        score(server.url, "x", extra_info={name: ASKED})
        score(server.url, "y", extra_info={name: "2 + 3?"})
        assert [body["task"].get("messages") for body in server.bodies] == [ASKED, None]
        assert [body["task"].get("prompt") for body in server.bodies] == [None, "2 + 3?"]


def test_without_a_prompt_a_model_is_not_asked() -> None:
    with answering() as server, pytest.raises(JudgeUnavailable, match="nobody knows what was asked"):
        score(server.url, "x", extra_info=None)
    assert not server.bodies


def test_evidence_alone_needs_no_prompt() -> None:
    with answering() as server:
        assert score(server.url, "xxxx", extra_info=None, recipe="verify")["score"] == 0.4


def test_messages_of_the_prompt_alone_do_not_empty_the_completion() -> None:
    with answering() as server:
        found = score(server.url, "xxxx", extra_info={"messages": ASKED})
        assert server.bodies[0]["candidates"][0]["trajectory"]["messages"][0]["content"] == "xxxx"
    assert (found["score"], found["messages_read"]) == (0.4, 1.0)


def test_the_prompt_of_the_messages_says_more_than_the_question() -> None:
    asked = [{"role": "system", "content": "Be short."}, *ASKED]
    said = [*asked, {"role": "assistant", "content": "xxxx"}]
    with answering() as server:
        score(server.url, "xxxx", extra_info={"messages": said, "question": "2 + 3?"})
        assert server.bodies[0]["task"]["messages"] == asked


def test_messages_of_another_rollout_are_left_aside() -> None:
    said = [*ASKED, {"role": "assistant", "content": "another"}]
    with answering() as server:
        found = score(server.url, "xxxx", extra_info={"messages": said, "raw_prompt": ASKED})
    assert (found["score"], found["messages_read"]) == (0.4, 0.0)


def test_an_empty_completion_is_judged() -> None:
    with answering() as server:
        assert score(server.url, "")["score"] == 0.0
        assert server.bodies[0]["candidates"][0]["trajectory"] == {"text": ""}


def test_what_verl_adds_for_a_reward_model_of_its_own_is_no_setting() -> None:
    with answering() as server:
        assert score(server.url, "xxxx", reward_router_address="a:1", reward_model_tokenizer=object())[
            "score"
        ]


@pytest.mark.parametrize("way", WAYS)
def test_failure_has_the_keys_and_the_mean_of_success(way: str) -> None:
    answer, kind = WAYS[way]
    with answering([judgment, judgment, answer]) as server:
        seconds = seconds_for(kind) if kind != "judge_timeout" else 1.0
        good = [score(server.url, "xxxx", seconds=seconds), score(server.url, "xxxxxx", seconds=seconds)]
        bad = score(server.url, "x" * 8, seconds=seconds)
    assert set(bad) == set(good[0]) == KEYS
    assert all(math.isfinite(value) and isinstance(value, float) for value in bad.values())
    assert (bad["score"], bad["judge_failed"]) == (pytest.approx(0.5), 1.0)


@pytest.mark.parametrize("way", WAYS)
def test_without_a_mean_failure_raises(way: str) -> None:
    answer, kind = WAYS[way]
    with answering(answer) as server, pytest.raises(JudgeUnavailable, match=kind):
        score(server.url, "x", seconds=seconds_for(kind))


@pytest.mark.parametrize("known", [{"uid": "u1"}, {"index": 7}, {"question": "4 + 5?"}])
@pytest.mark.parametrize("broken", [{"messages": "broken"}, {"messages": [1, 2]}])
def test_a_rollout_that_cannot_be_read_has_the_mean_of_its_group(
    known: dict[str, Any], broken: dict[str, Any]
) -> None:
    info = {"question": "2 + 3?", **known}
    with answering() as server:
        for text in ("xxxx", "xxxxxx"):
            score(server.url, text, extra_info=info)
        bad = score(server.url, "x" * 8, extra_info=info | broken)
        assert len(server.bodies) == 2
    assert set(bad) == KEYS
    assert (bad["score"], bad["judge_failed"], bad["messages_read"]) == (pytest.approx(0.5), 1.0, 0.0)


def test_of_a_prompt_that_cannot_be_read_nobody_knows_the_group() -> None:
    with answering() as server:
        score(server.url, "xxxx", extra_info={"raw_prompt": ASKED})
        with pytest.raises(JudgeUnavailable, match="neither text nor a list"):
            score(server.url, "xxxx", extra_info={"raw_prompt": 3})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"index": 1}, {"index": 1}, True),
        ({"index": 1}, {"index": 2}, False),
        ({"index": 1, "uid": "a"}, {"index": 1, "uid": "b"}, False),
        ({"index": 1, "uid": "a"}, {"index": 2, "uid": "a"}, True),
        ({"index": 1, "split": "train"}, {"index": 1, "split": "test"}, False),
        ({"question": "a"}, {"question": "a"}, True),
        ({"question": "a"}, {"question": "b"}, False),
        ({}, {}, False),
    ],
)
def test_a_group_is_a_row_of_the_data(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    groups = [VerlSample("sums", "x", "5", info).group for info in (one, other)]
    assert (groups[0] == groups[1]) is same


@pytest.mark.skipif(importlib.util.find_spec("verl") is not None, reason="verl is installed")
@pytest.mark.parametrize("name", ["JudgeRewardManager", "JudgeToolAgentLoop"])
def test_without_verl_its_parts_say_what_to_install(name: str) -> None:
    module = importlib.import_module("judge_agent.trainers.verl")
    with pytest.raises(ImportError, match="pip install 'verl"):
        getattr(module, name)

"""TRL's reward functions called as TRL calls them: one judge call for all columns, None for what failed."""

from __future__ import annotations

import asyncio
import json
import pickle
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.trainers import FailurePolicy, JudgeUnavailable
from judge_agent.trainers.trl import judge_rewards
from tests.trainers.answering import Reply, answering, judgment, scored, unscored

Columns = list[list[float | None]]


async def called(
    functions: Sequence[Any], prompts: list[Any], completions: list[Any], **extra: Any
) -> Columns:
    """Call them as the GRPO trainer does: all at one time, with one list."""
    calls = [function(prompts=prompts, completions=completions, **extra) for function in functions]
    return list(await asyncio.gather(*calls))


def both(url: str, **given: Any) -> list[Any]:
    given = {"recipe": "verify", "seconds": 5.0} | given
    return list(judge_rewards(url, ["correctness", "process"], **given))


def fails_on(*texts: str) -> Any:
    def of(text: str) -> Mapping[str, Any]:
        return unscored() if text in texts else scored(len(text) / 10)

    return lambda body: judgment(body, of)


@pytest.mark.anyio
async def test_the_columns_of_a_batch_come_from_one_call_and_have_names() -> None:
    with answering() as server:
        functions = both(server.url)
        columns = await called(functions, ["p", "p"], ["aa", "aaaa"])
    assert columns == [[0.2, 0.4], [0.1, 0.2]]
    assert len(server.bodies) == 1
    assert [function.__name__ for function in functions] == ["judge/correctness", "judge/process"]


@pytest.mark.anyio
async def test_without_dimensions_there_is_one_column_the_reward() -> None:
    with answering() as server:
        (function,) = judge_rewards(server.url, recipe="verify")
        assert await called([function], ["p"], ["aa"]) == [[0.2]]
    assert "dimensions" not in server.bodies[0]
    assert function.__name__ == "judge/reward"


@pytest.mark.anyio
async def test_a_list_that_is_used_again_is_a_new_batch() -> None:
    with answering() as server:
        functions, completions = both(server.url), ["aa"]
        first = await called(functions, ["p"], completions)
        completions[0] = "aaaa"
        second = await called(functions, ["p"], completions)
        again = await called(functions, ["p"], completions)
    assert (first, second, again) == ([[0.2], [0.1]], [[0.4], [0.2]], [[0.4], [0.2]])
    assert len(server.bodies) == 3


@pytest.mark.anyio
async def test_batches_in_flight_at_one_time_keep_apart() -> None:
    with answering() as server:
        functions = both(server.url)
        texts = ["a" * length for length in range(1, 9)]
        found = await asyncio.gather(*(called(functions, ["p"], [text]) for text in texts))
    assert [columns[0][0] for columns in found] == [length / 10 for length in range(1, 9)]
    assert len(server.bodies) == 8


@pytest.mark.anyio
@pytest.mark.parametrize("reply", [Reply(500), Reply(429, retry_after="60"), Reply(200, "{"), Reply(422)])
async def test_a_judge_that_failed_is_none_in_every_column(reply: Reply) -> None:
    with answering(lambda body: reply) as server:
        functions = both(server.url, seconds=1.0)
        assert await called(functions, ["p", "p"], ["a", "b"]) == [[None, None], [None, None]]


@pytest.mark.anyio
async def test_a_judge_that_hangs_is_none_before_the_trainer_gives_up() -> None:
    gate = threading.Event()
    with answering(lambda body: Reply(hold=gate)) as server:
        assert await called(both(server.url, seconds=0.3), ["p"], ["a"]) == [[None], [None]]
        gate.set()


@pytest.mark.anyio
async def test_a_row_that_lacks_what_its_group_has_is_masked_and_one_that_lacks_it_with_all_is_not() -> None:
    def of(text: str) -> Mapping[str, Any]:
        return scored(0.8, correctness=0.8, process=0.5 if text == "whole" else None)

    with answering(lambda body: judgment(body, of)) as server:
        columns = await called(both(server.url), ["p", "p", "q", "q"], ["whole", "half", "half", "same"])
    assert columns == [[0.8, None, 0.8, 0.8], [0.5, None, None, None]]


@pytest.mark.anyio
async def test_a_dimension_that_does_not_apply_has_the_mean_of_the_group_and_masks_nobody() -> None:
    extras = dict[str, list[Any]]()
    with answering(lambda body: judgment(body, by_calls)) as server:
        texts = [
            "right",
            "wrong",
            "right called",
            "wrong called",
            "right",
            "wrong",
            "right lost",
            "miscalled",
        ]
        columns = await called(
            both(server.url), ["p"] * 4 + ["q"] * 2 + ["r"] * 2, texts, log_extra=extras.__setitem__
        )
    assert columns[0] == [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, None, 0.0]
    assert columns[1] == [1.0, 1.0, 1.0, 1.0, None, None, None, 0.0]
    assert extras["judge/not_applicable"] == ["process", "process", "", "", "process", "process", "", ""]


def by_calls(text: str) -> Mapping[str, Any]:
    """The correctness of each text; its process where there is a call, else not applicable, or lost by the judge."""
    found = scored(1.0, correctness=float("right" in text), process=None)
    if "called" in text:
        return scored(1.0, correctness=float("right" in text), process=float("mis" not in text))
    return found if "lost" in text else {**found, "flags": {"not_applicable": ["process"]}}


@pytest.mark.anyio
async def test_a_prompt_that_comes_twice_in_a_batch_is_two_groups() -> None:
    with answering() as server:
        await called(both(server.url), ["p", "p", "q", "q", "p", "p"], list("abcdef"))
        await called(both(server.url, group_size=2), ["p", "p", "p", "p"], list("abcd"))
    assert sorted(len(body["candidates"]) for body in server.bodies) == [2, 2, 2, 2, 2]


@pytest.mark.anyio
async def test_groups_that_ranks_share_are_counted() -> None:
    metrics = dict[str, float]()
    with answering() as server:
        functions = both(server.url, group_size=3)
        await called(functions, ["p", "p", "q", "q", "q"], list("abcde"), log_metric=metrics.__setitem__)
    assert metrics["judge/split_groups"] == 1


@pytest.mark.anyio
async def test_columns_of_the_data_set_become_the_reference_and_the_trainers_log_hears_of_failures() -> None:
    metrics, extras = dict[str, float](), dict[str, list[Any]]()
    with answering(fails_on("bad")) as server:
        columns = await called(
            both(server.url, columns={"answer": "gold"}),
            ["p", "p"],
            ["good", "bad"],
            completion_ids=[[1], [2]],
            gold=[4, 4],
            trainer_state=object(),
            log_metric=metrics.__setitem__,
            log_extra=extras.__setitem__,
        )
    assert columns == [[0.4, None], [0.2, None]]
    assert server.bodies[0]["task"] == {"prompt": "p", "reference": {"answer": "4"}}
    assert metrics["judge/unscored_share"] == metrics["judge/failed/model_timeout"] == 0.5
    assert metrics["judge/tokens"] == 20
    assert extras["judge/failure"] == ["", "model_timeout"]


@pytest.mark.anyio
async def test_tool_rollouts_arrive_as_messages_with_the_tools_that_the_agent_had() -> None:
    call = {"type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": 2}}}
    picture = {"type": "image", "image": "data:image/png;base64,AAAA"}
    said = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "name": "add", "content": [{"type": "text", "text": "3"}, picture]},
        {"role": "assistant", "content": "3"},
    ]
    schema = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    with answering() as server:
        await called(both(server.url, agent_tools=[schema]), [[{"role": "user", "content": "1+2?"}]], [said])
    (body,) = server.bodies
    trajectory = body["candidates"][0]["trajectory"]
    assert body["task"] == {"messages": [{"role": "user", "content": "1+2?"}]}
    assert trajectory["messages"][0] == {"role": "assistant", "tool_calls": [call]}
    assert trajectory["messages"][1]["content"][1]["image_url"] == {"url": picture["image"]}
    assert trajectory["tools"] == [schema]


@pytest.mark.anyio
async def test_the_messages_of_a_rollout_func_are_judged_in_place_of_the_completion() -> None:
    prompt = [{"role": "user", "content": "go"}]
    said = [{"role": "assistant", "content": "abc"}, {"role": "user", "content": "d"}]
    with answering() as server:
        functions = both(server.url, transcript="messages")
        await called(functions, [prompt], [[{"role": "assistant", "content": "x"}]], messages=[prompt + said])
    assert server.bodies[0]["candidates"][0]["trajectory"] == {"messages": said}


@pytest.mark.anyio
async def test_a_completion_without_a_transcript_costs_itself_only() -> None:
    extras = dict[str, list[Any]]()
    said = [{"role": "assistant", "content": "aa"}]
    with answering() as server:
        (function,) = judge_rewards(server.url, recipe="verify", transcript="messages")
        found = [
            await called([function], ["p"] * 3, ["x"] * 3, messages=rows, log_extra=extras.__setitem__)
            for rows in ([said, None, said], [said, {"role": "assistant"}, said], [said, float("nan"), said])
        ]
    assert found == [[[0.2, None, 0.2]]] * 3
    assert extras["judge/failure"] == ["", "rollout_invalid", ""]


@pytest.mark.anyio
async def test_a_transcript_column_that_is_missing_ends_the_run_at_once() -> None:
    with answering() as server:
        (function,) = judge_rewards(server.url, recipe="verify", transcript="messages")
        with pytest.raises(JudgeUnavailable, match="there is no 'messages'"):
            await called([function], ["p"], ["x"])
    assert not server.bodies


@pytest.mark.anyio
async def test_a_group_whose_rows_are_of_different_tasks_is_not_compared_in_parts() -> None:
    def compares(body: Any) -> Reply:
        found = json.loads(judgment(body).body) | {"flags": {"comparison": {"kind": "arena"}}}
        return Reply(body=json.dumps(found))

    metrics = dict[str, float]()
    with answering(compares) as server:
        (function,) = judge_rewards(server.url, recipe="arena", group_size=2)
        (column,) = await called(
            [function],
            ["p", "p", "q", "q"],
            ["a", "aa", "aaa", "aaaa"],
            environment=[{"state": 1}, {"state": 2}, {"state": 3}, {"state": 3}],
            log_metric=metrics.__setitem__,
        )
    assert column == [None, None, 0.3, 0.4]
    assert (metrics["judge/split_groups"], metrics["judge/failed/group_split"]) == (1, 0.5)


def test_functions_that_were_pickled_together_still_share_a_call() -> None:
    with answering() as server:
        functions = pickle.loads(pickle.dumps(both(server.url, api_key="secret")))
        assert b"secret" not in pickle.dumps(both(server.url, api_key="secret"))
        for _ in range(2):
            assert asyncio.run(called(functions, ["p"], ["aa"])) == [[0.2], [0.1]]
    assert len(server.bodies) == 2


def test_blocking_functions_share_a_call_one_after_the_other_and_in_threads() -> None:
    with answering() as server:
        functions, completions = both(server.url, sync=True), ["aa", "aaaa"]
        one_by_one = [function(prompts=["p", "p"], completions=completions) for function in functions]
        with ThreadPoolExecutor(2) as pool:
            calls = [pool.submit(function, ["p", "p"], completions) for function in functions]
            together = [call.result() for call in calls]
    assert one_by_one == together == [[0.2, 0.4], [0.1, 0.2]]
    assert len(server.bodies) == 2


def test_where_nothing_can_be_masked_the_group_stands_in_wherever_its_members_are() -> None:
    with answering(fails_on("bad")) as server:
        (reward,) = judge_rewards(server.url, recipe="verify", sync=True)
        found = reward(prompts=["p", "q", "p", "q"], completions=["bad", "aa", "aaaa", "aaa"])
        columns = [
            function(prompts=["p", "p"], completions=["bad", "aaaa"])
            for function in both(server.url, sync=True)
        ]
    assert found == [0.4, 0.2, 0.4, 0.3]
    assert columns[0] == [0.4, 0.4]


def test_a_part_that_was_judged_of_a_failed_rollout_wins_no_pair() -> None:
    def of(text: str) -> Mapping[str, Any]:
        part = unscored("model_error", "partial", correctness=1.0, process=None)
        return part if text == "fails" else scored(0.0, correctness=0.0, process=0.0)

    with answering(lambda body: judgment(body, of)) as server:
        columns = [
            function(prompts=["p", "p"], completions=["good", "fails"])
            for function in both(server.url, sync=True)
        ]
    assert columns == [[0.0, 0.0], [0.0, 0.0]]


def test_where_nothing_can_be_masked_and_nothing_was_scored_the_trainer_is_told() -> None:
    with answering(fails_on("bad")) as server:
        (reward,) = judge_rewards(server.url, recipe="verify", sync=True)
        with pytest.raises(JudgeUnavailable, match="model_timeout"):
            reward(prompts=["p", "p"], completions=["bad", "bad"])
        (strict,) = judge_rewards(server.url, recipe="verify", sync=True, on_failure="raise")
        with pytest.raises(JudgeUnavailable):
            strict(prompts=["p", "p"], completions=["bad", "aaaa"])
        (lax,) = judge_rewards(server.url, recipe="verify", sync=True, on_failure="mask")
        assert lax(prompts=["p", "p"], completions=["bad", "aaaa"]) == [None, 0.4]


def test_a_run_in_which_too_much_fails_is_stopped() -> None:
    policy = FailurePolicy(max_failed_share=0.2, min_outcomes=4)
    with answering(fails_on("bad")) as server:
        (reward,) = judge_rewards(server.url, recipe="verify", sync=True, on_failure=policy)
        assert reward(prompts=["p", "p"], completions=["bad", "aaaa"]) == [0.4, 0.4]
        with pytest.raises(JudgeUnavailable, match="50%"):
            reward(prompts=["p", "p"], completions=["bad", "aaaa"])


def test_arguments_that_cannot_be_meant_are_refused_at_once() -> None:
    with pytest.raises(InvalidRequest):
        judge_rewards("http://h", ["a", "a"])
    with pytest.raises(InvalidRequest):
        judge_rewards("no address")
    with pytest.raises(InvalidRequest):
        judge_rewards("http://h", columns={"anser": "x"})


def test_completions_that_hold_themselves_end_no_training() -> None:
    endless: list[Any] = [{"role": "assistant", "content": "x"}]
    endless[0]["tool_calls"] = endless
    with answering() as server:
        (reward,) = judge_rewards(server.url, recipe="verify", seconds=5)
        assert asyncio.run(reward(prompts=["p", "p"], completions=[endless, "aaaa"])) == [None, 0.4]

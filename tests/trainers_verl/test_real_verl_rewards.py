"""verl's own reward managers with our function, and our manager, loaded as verl loads them."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import numpy as np
import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.trainers import JudgeUnavailable
from tests.trainers.answering import Body, Reply, answering, judgment, unscored
from tests.trainers.failing_services import WAYS, seconds_for
from tests.trainers_verl.verl_parts import ADD, OUR_FUNCTION, OUR_MANAGER, TESTS, reward_manager, sample_of

pytestmark = pytest.mark.trainers
GOOD, BAD = ADD.format("+"), ADD.format("-")
KEYS = {"score", "acc", "judge_failed", "correctness", "correctness_missing", "messages_read"}
BOTH = pytest.mark.parametrize(
    "by", [OUR_FUNCTION, OUR_MANAGER], ids=["naive with our function", "our manager"]
)
MANAGERS = pytest.mark.parametrize(
    "by",
    [
        OUR_FUNCTION,
        OUR_MANAGER,
        (*OUR_FUNCTION, "reward.reward_manager.name=dapo"),
        (*OUR_FUNCTION, "reward.reward_manager.name=gdpo"),
    ],
    ids=["naive", "ours", "dapo", "gdpo"],
)


def run(url: str, by: Sequence[str], work: Callable[[Any], Coroutine[Any, Any, Any]], **settings: Any) -> Any:
    """verl's managers belong to the loop that they are made in."""

    async def inside() -> Any:
        return await work(reward_manager(url, *by, **settings))

    return asyncio.run(inside())


def scores(
    url: str, by: Sequence[str], samples: Sequence[Any], **settings: Any
) -> list[tuple[float, dict[str, float]]]:
    """Score samples at the same time, as a reward worker does."""

    async def work(manager: Any) -> Any:
        found = await asyncio.gather(*(manager.run_single(sample) for sample in samples))
        return [(one["reward_score"], one["reward_extra_info"]) for one in found]

    result: list[tuple[float, dict[str, float]]] = run(url, by, work, **settings)
    return result


@MANAGERS
def test_every_manager_of_verl_gives_each_rollout_its_own_reward(by: Sequence[str], judge_url: str) -> None:
    found = scores(judge_url, by, [sample_of(text) for text in (GOOD, BAD, GOOD, "", BAD)])
    assert [reward for reward, _ in found] == [1.0, 0.0, 1.0, 0.0, 0.0]
    assert all(set(info) == KEYS for _, info in found)
    assert all(type(value) is float and np.isfinite(value) for _, info in found for value in info.values())


@BOTH
def test_a_megabyte_of_response_is_judged(by: Sequence[str], judge_url: str) -> None:
    padded = "# so it goes\n" * 80_000 + GOOD
    assert [reward for reward, _ in scores(judge_url, by, [sample_of(padded)])] == [1.0]


@pytest.mark.parametrize(
    "truth",
    [
        {"tests": TESTS},
        {"tests": TESTS, "sql": None},
        '{"tests": {"kind": "assert", "hidden": ["assert add(2, 3) == 5"]}}',
        {"tests": {"kind": "assert", "hidden": np.array(["assert add(2, 3) == 5"], dtype=object)}},
    ],
    ids=["an object", "with nulls as Arrow writes them", "JSON text", "numpy arrays"],
)
@BOTH
def test_a_ground_truth_may_be_an_object_or_its_json(by: Sequence[str], truth: Any, judge_url: str) -> None:
    samples = [sample_of(text, truth=truth) for text in (GOOD, BAD)]
    assert [reward for reward, _ in scores(judge_url, by, samples)] == [1.0, 0.0]


def one_failing(answer: Callable[[Body], Reply]) -> Callable[[Body], Reply]:
    return lambda body: answer(body) if "fails" in str(body["candidates"]) else judgment(body)


@pytest.mark.parametrize("way", WAYS)
@BOTH
def test_a_failed_rollout_has_the_mean_of_its_group_and_the_same_keys(by: Sequence[str], way: str) -> None:
    answer, kind = WAYS[way]
    samples = [
        sample_of("ffff", truth="x"),
        sample_of("it fails", truth="x"),
        sample_of("ffffffff", truth="x"),
    ]
    seconds = {"seconds": 2.0 if kind == "judge_timeout" else 20.0, "retry_seconds": 0.2}
    with answering(one_failing(answer)) as server:
        found = scores(server.url, by, samples, **seconds)
    assert [reward for reward, _ in found] == pytest.approx([0.4, 0.6, 0.8])
    assert [info["judge_failed"] for _, info in found] == [0.0, 1.0, 0.0]
    assert [info["correctness"] for _, info in found] == pytest.approx([0.4, 0.6, 0.8])
    assert [info["correctness_missing"] for _, info in found] == [0.0, 1.0, 0.0]
    assert {frozenset(info) for _, info in found} == {frozenset(KEYS)}


@pytest.mark.parametrize("way", WAYS)
@BOTH
def test_a_judge_that_always_fails_stops_the_training_and_pays_nobody(by: Sequence[str], way: str) -> None:
    answer, kind = WAYS[way]
    with answering(answer) as server, pytest.raises(JudgeUnavailable, match=kind):
        scores(server.url, by, [sample_of("x")] * 2, seconds=seconds_for(kind), retry_seconds=0.1)


def test_a_group_is_known_by_its_uid_to_our_manager() -> None:
    samples = [
        sample_of("ffff", uid="a", truth="x"),
        sample_of("ffffffff", uid="b", truth="x"),
        sample_of("it fails", uid="b", truth="x"),
    ]
    with answering(one_failing(lambda body: judgment(body, lambda _: unscored()))) as server:
        found = scores(server.url, OUR_MANAGER, samples)
    assert [reward for reward, _ in found] == pytest.approx([0.4, 0.8, 0.8])


def test_too_many_failures_stop_the_training_though_there_is_a_mean() -> None:
    samples = [sample_of("ffff", truth="x"), *[sample_of("it fails", truth="x")] * 20]
    failing = one_failing(lambda body: judgment(body, lambda _: unscored()))
    with answering(failing) as server, pytest.raises(JudgeUnavailable, match="max_failed_share"):
        scores(server.url, OUR_MANAGER, samples, max_failed_share=0.5, min_outcomes=5)


@BOTH
def test_messages_are_judged_where_an_agent_loop_hands_them_over(by: Sequence[str]) -> None:
    said = [
        {"role": "user", "content": "Write add(a, b)."},
        {"role": "assistant", "content": "first", "tool_calls": np.array([call("plus", {"a": 1})])},
        {"role": "tool", "content": "the sum is 4"},
    ]
    text = 'first<tool_call>{"name": "plus"}</tool_call>\nuser\nthe sum is 4\nassistant\nso it is 4'
    with answering() as server:
        found = scores(server.url, by, [sample_of(text, truth="4", extra_fields={"messages": said})])
        posted = server.bodies[0]
    assert found[0][1]["messages_read"] == 1.0
    assert posted["task"]["messages"] == said[:1]
    assert posted["task"]["reference"] == {"answer": "4"}
    messages = posted["candidates"][0]["trajectory"]["messages"]
    assert [message["role"] for message in messages] == ["assistant", "tool", "assistant"]
    assert messages[-1]["content"] == "so it is 4"


def test_samples_that_share_one_extra_info_do_not_get_each_others_messages(judge_url: str) -> None:
    """verl's naive manager writes what agent loops hand over into the row's own `extra_info`."""
    shared: dict[str, Any] = {"index": 0}
    prompt = [{"role": "user", "content": "Write add(a, b)."}]
    samples = [
        sample_of(
            text,
            extra_info=shared,
            extra_fields={"messages": [*prompt, {"role": "assistant", "content": text}]},
        )
        for text in (GOOD, BAD)
    ]
    assert [reward for reward, _ in scores(judge_url, OUR_FUNCTION, samples)] == [1.0, 0.0]


def test_managers_in_two_loops_and_after_each_other_work(judge_url: str) -> None:
    for _ in range(2):
        assert scores(judge_url, OUR_MANAGER, [sample_of(GOOD)])[0][0] == 1.0


def test_one_manager_of_ours_serves_two_loops(judge_url: str) -> None:
    async def make() -> Any:
        return reward_manager(judge_url, *OUR_MANAGER)

    manager = asyncio.run(make())
    for _ in range(2):
        assert asyncio.run(manager.run_single(sample_of(GOOD)))["reward_score"] == 1.0


def _child(url: str, pipe: Any) -> None:
    pipe.send(scores(url, OUR_FUNCTION, [sample_of(GOOD), sample_of(BAD)]))


def test_a_forked_process_scores_too(judge_url: str) -> None:
    assert scores(judge_url, OUR_FUNCTION, [sample_of(GOOD)])[0][0] == 1.0
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_child, args=(judge_url, theirs))
    child.start()
    assert ours.poll(60)
    assert [reward for reward, _ in ours.recv()] == [1.0, 0.0]
    child.join(10)
    assert child.exitcode == 0


def test_the_function_is_pickled_by_its_name() -> None:
    from judge_agent.trainers.verl import compute_score

    assert pickle.loads(pickle.dumps(compute_score)) is compute_score


def test_identical_rollouts_of_a_group_have_identical_rewards(judge_url: str) -> None:
    found = scores(judge_url, OUR_MANAGER, [sample_of(text) for text in (BAD, GOOD) * 4])
    assert [reward for reward, _ in found] == [0.0, 1.0] * 4


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"recepie": "verify"}, "'recepie' is no setting"),
        ({"api_key": "k"}, "JUDGE_API_KEY"),
        ({"dimensions": "[reward]"}, "'reward'"),
        ({"dimensions": "[score]"}, "'score'"),
    ],
)
def test_settings_that_cannot_work_stop_at_the_first_rollout(settings: dict[str, Any], said: str) -> None:
    with answering() as server, pytest.raises(InvalidRequest, match=said):
        scores(server.url, OUR_FUNCTION, [sample_of(GOOD)], **settings)


def test_our_manager_refuses_a_function_that_it_would_never_call() -> None:
    other = ("reward.custom_reward_function.path=pkg://json", "reward.custom_reward_function.name=dumps")
    with pytest.raises(InvalidRequest, match="never be called"):
        reward_manager("http://127.0.0.1:1", *OUR_MANAGER, *other)


def call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}}

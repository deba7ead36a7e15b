"""GroupScorer against loopback services: one row of numbers a rollout, and means that wait for the siblings."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time
from typing import Any

import pytest

from judge_agent.client import private_loop
from judge_agent.errors import InvalidRequest
from judge_agent.trainers import Asking, FailurePolicy, JudgeUnavailable, Rollout, RolloutJudge
from judge_agent.trainers.group_scorer import GroupScorer
from judge_agent.trainers.scorer_settings import scorer_of, settings_text
from tests.trainers.answering import Body, Reply, answering, judgment, text_of, unscored

KEYS = {"score", "acc", "judge_failed", "correctness", "correctness_missing"}


def scorer_at(url: str, seconds: float = 5.0, **policy: Any) -> GroupScorer:
    judge = RolloutJudge(url, asking=Asking("verify", ["correctness"]), seconds=seconds, retry_seconds=0.1)
    return GroupScorer(judge, FailurePolicy(**policy))


def said(text: str) -> Rollout:
    return Rollout("p", text)


async def rows(scorer: GroupScorer, *texts: str, group: str = "g") -> list[dict[str, float]]:
    return list(await asyncio.gather(*(scorer.row(said(text), group) for text in texts)))


def failing(body: Body) -> Reply:
    failed = "fails" in text_of(body["candidates"][0]["trajectory"])
    return judgment(body, lambda _: unscored()) if failed else judgment(body)


def test_one_that_fails_first_waits_for_the_mean_of_its_siblings() -> None:
    slow = threading.Event()

    def answer(body: Body) -> Reply:
        found = failing(body)
        if "fails" in str(body):
            threading.Timer(0.1, slow.set).start()
            return found
        return Reply(body=found.body, hold=slow)

    with answering(answer) as server:
        found = asyncio.run(rows(scorer_at(server.url), "it fails", "aaaa", "aaaaaaaa"))
    assert [row["score"] for row in found] == pytest.approx([0.6, 0.4, 0.8])
    assert [row["judge_failed"] for row in found] == [1.0, 0.0, 0.0]
    assert all(set(row) == KEYS for row in found)


def test_where_the_trainer_has_a_limit_a_failure_waits_for_its_siblings_no_longer() -> None:
    gate = threading.Event()

    def answer(body: Body) -> Reply:
        return failing(body) if "fails" in str(body) else Reply(hold=gate)

    async def both(scorer: GroupScorer) -> float:
        sibling = asyncio.create_task(scorer.judged(said("hangs"), "g"))
        await asyncio.sleep(0.05)
        began = time.monotonic()
        with pytest.raises(JudgeUnavailable, match="no mean"):
            await scorer.judged(said("it fails"), "g", within=0.2)
        sibling.cancel()
        return time.monotonic() - began

    with answering(answer) as server:
        assert asyncio.run(both(scorer_at(server.url, seconds=30.0))) < 10
        gate.set()


def test_all_of_a_group_failing_wait_for_nobody() -> None:
    with answering(failing) as server, pytest.raises(JudgeUnavailable, match="no mean"):
        asyncio.run(asyncio.wait_for(rows(scorer_at(server.url, 60), "it fails", "fails too"), 5))


def test_siblings_in_other_threads_and_loops_are_waited_for() -> None:
    with answering(failing) as server:
        scorer = scorer_at(server.url)
        found = dict[str, float]()

        def score(text: str) -> None:
            found[text] = private_loop.run(scorer.row(said(text), "g"))["score"]

        threads = [threading.Thread(target=score, args=(text,)) for text in ("aaaa", "it fails", "aa")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found["aaaa"] == 0.4
    assert found["it fails"] in (pytest.approx(0.3), 0.4, 0.2)


def test_on_failure_raise_waits_for_nobody() -> None:
    with answering(failing) as server, pytest.raises(JudgeUnavailable, match="'raise'"):
        asyncio.run(rows(scorer_at(server.url, on_failure="raise"), "it fails", "aaaa"))


def _child(scorer: GroupScorer, pipe: Any) -> None:
    try:
        private_loop.run(scorer.row(said("it fails"), "g"))
    except JudgeUnavailable as error:
        pipe.send(str(error))


def test_a_forked_child_neither_waits_for_nor_averages_its_parents_rollouts() -> None:
    with answering(failing) as server:
        scorer = scorer_at(server.url, 30)
        private_loop.run(scorer.row(said("aaaa"), "g"))
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        child = context.Process(target=_child, args=(scorer, theirs))
        child.start()
        assert ours.poll(10)
        assert "no mean" in ours.recv()
        child.join(10)


@pytest.mark.parametrize(
    "dimensions", [["score"], ["judge_failed"], ["a", "a_missing"], ["a", "a"], ["reward"]]
)
def test_two_numbers_never_share_a_key(dimensions: list[str]) -> None:
    judge = RolloutJudge("http://127.0.0.1:1", asking=Asking(dimensions=dimensions))
    with pytest.raises(InvalidRequest, match="dimension"):
        GroupScorer(judge, FailurePolicy(), frozenset(["reward"]))


def test_the_same_settings_are_one_scorer_whatever_their_order() -> None:
    first = settings_text({"recipe": "verify", "seconds": 3.0, "dimensions": ["a"]}, "settings")
    second = settings_text(
        {"dimensions": ("a",), "seconds": 3.0, "recipe": "verify", "tools": None}, "settings"
    )
    assert scorer_of(first) is scorer_of(second)
    assert scorer_of(first).judge.seconds == 3.0
    assert scorer_of(first).judge.dimensions == ("a",)


@pytest.mark.parametrize("name", ["api_key", "judge_api_key", "recipes", "url"])
def test_settings_that_there_are_not_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match=name):
        settings_text({name: "x"}, "reward_kwargs")

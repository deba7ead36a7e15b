"""RolloutJudge against a service that answers well, badly, late and not at all: every rollout gets its outcome."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import os
import pickle
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from judge_agent.trainers import Asking, Outcome, Rollout, RolloutJudge
from tests.trainers.answering import Answering, Body, Reply, answering, judgment, scored, text_of, unscored

DIMENSIONS = ("correctness", "process")
ASKING = Asking(recipe="verify", dimensions=DIMENSIONS)


def judge_at(url: str, seconds: float = 5.0, **given: Any) -> RolloutJudge:
    return RolloutJudge(url, asking=ASKING, seconds=seconds, retry_seconds=0.3, **given)


def rollouts(*completions: str) -> list[Rollout]:
    return [Rollout("Say something.", completion) for completion in completions]


def rewards(outcomes: list[Outcome]) -> list[float | None]:
    return [outcome.reward for outcome in outcomes]


def test_outcomes_come_in_the_order_of_the_rollouts_and_twins_are_posted_once() -> None:
    with answering() as server:
        judge = judge_at(server.url)
        batch = [Rollout("p", "aaaa"), Rollout("q", "a"), Rollout("p", "aa"), Rollout("p", "aaaa")]
        assert rewards(judge.outcomes_now(batch)) == [0.4, 0.1, 0.2, 0.4]
        assert (len(server.bodies), server.candidates) == (2, 3)
        judge.close()


def test_groups_of_one_prompt_are_judged_apart_where_they_are_named() -> None:
    with answering() as server:
        judge = judge_at(server.url)
        batch = [Rollout("p", "aaaa", group="0"), Rollout("p", "aa", group="1")]
        assert rewards(judge.outcomes_now(batch)) == [0.4, 0.2]
        assert len(server.bodies) == 2
        judge.close()


FAILURES: Mapping[str, Reply] = {
    "judge_error": Reply(500),
    "judge_busy": Reply(429, retry_after="30"),
    "judge_malformed": Reply(200, "<html>hello</html>"),
    "judge_refused": Reply(422, json.dumps({"detail": "no such recipe", "field": "recipe"})),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_is_an_outcome_with_its_kind_and_a_line_in_the_log(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with answering(lambda body: FAILURES[kind]) as server, caplog.at_level(logging.WARNING):
        judge = judge_at(server.url)
        (outcome,) = judge.outcomes_now(rollouts("a"))
        judge.close()
    assert (outcome.reward, outcome.failure_kind, outcome.status) == (None, kind, "unscored")
    assert outcome.vector == {"correctness": None, "process": None}
    assert kind in caplog.text


def test_a_service_that_hangs_costs_the_judges_own_time_and_no_more() -> None:
    gate = threading.Event()
    with answering(lambda body: Reply(hold=gate)) as server:
        judge = judge_at(server.url, seconds=0.4)
        began = time.monotonic()
        outcomes = judge.outcomes_now(rollouts("a", "b"))
        assert time.monotonic() - began < 3
        gate.set()
        judge.close()
    assert {outcome.failure_kind for outcome in outcomes} == {"judge_timeout"}


def test_no_service_at_all_is_unreachable() -> None:
    (outcome,) = judge_at("http://127.0.0.1:9").outcomes_now(rollouts("a"))
    assert outcome.failure_kind == "judge_unreachable"


def test_a_busy_service_is_asked_again() -> None:
    with answering([lambda body: Reply(429, retry_after="0"), lambda body: Reply(503), judgment]) as server:
        judge = RolloutJudge(server.url, asking=ASKING, seconds=5)
        assert rewards(judge.outcomes_now(rollouts("aaaaa"))) == [0.5]
        assert len(server.bodies) == 3
        judge.close()


def test_the_judgments_own_time_ends_before_the_judges() -> None:
    with answering() as server:
        judge = judge_at(server.url, seconds=50)
        judge.outcomes_now(rollouts("a"))
        judge.close()
    assert server.bodies[0]["budget"] == {"seconds": 45.0}


def test_a_rollout_that_the_service_refuses_spoils_no_other() -> None:
    def strict(body: Body) -> Reply:
        for at, one in enumerate(body["candidates"]):
            if "bad" in text_of(one["trajectory"]):
                return Reply(422, json.dumps({"detail": "bad", "field": f"candidates.{at}.trajectory.text"}))
        return judgment(body)

    with answering(strict) as server:
        judge = judge_at(server.url)
        outcomes = judge.outcomes_now(rollouts("aa", "bad", "aaaa", "very bad"))
        judge.close()
    assert rewards(outcomes) == [0.2, None, 0.4, None]
    assert outcomes[1].failure_kind == "judge_refused"


def test_posts_that_are_too_large_are_halved_until_they_fit() -> None:
    def small(body: Body) -> Reply:
        return judgment(body) if len(body["candidates"]) == 1 else Reply(413, '{"field": "body"}')

    with answering(small) as server:
        judge = judge_at(server.url)
        assert rewards(judge.outcomes_now(rollouts("a", "aa", "aaa"))) == [0.1, 0.2, 0.3]
        judge.close()


def test_a_rollout_that_cannot_be_written_is_refused_alone() -> None:
    odd = Rollout("p", [{"role": "assistant", "content": object()}])
    with answering() as server:
        judge = judge_at(server.url)
        bad, good = judge.outcomes_now([odd, Rollout("p", "aaa")])
        judge.close()
    assert (bad.failure_kind, good.reward) == ("rollout_invalid", 0.3)
    assert "completion.0.content" in str(bad.failure_reason)


def test_a_partial_vector_keeps_its_keys_and_has_no_reward() -> None:
    def partial(text: str) -> Mapping[str, Any]:
        return unscored("tool_unavailable", "partial", correctness=0.7, process=None)

    with answering(lambda body: judgment(body, partial)) as server:
        judge = judge_at(server.url)
        (outcome,) = judge.outcomes_now(rollouts("a"))
        judge.close()
    assert (outcome.reward, outcome.failure_kind) == (None, "tool_unavailable")
    assert outcome.vector == {"correctness": 0.7, "process": None}


def test_a_candidate_that_the_answer_lacks_is_malformed() -> None:
    def short(body: Body) -> Reply:
        return judgment({"candidates": body["candidates"][:1]})

    with answering(short) as server:
        judge = judge_at(server.url)
        first, second = judge.outcomes_now(rollouts("a", "b"))
        judge.close()
    assert (first.reward, second.failure_kind) == (0.1, "judge_malformed")
    assert second.vector == {"correctness": None, "process": None}


def test_an_empty_completion_and_a_megabyte_are_judged() -> None:
    long = [{"role": "assistant", "content": "x" * 1_000_000}]
    with answering() as server:
        judge = judge_at(server.url)
        batch = [Rollout("p", ""), Rollout("p", []), Rollout("p", long)]
        assert rewards(judge.outcomes_now(batch)) == [0.0, 0.0, 1.0]
        judge.close()


def test_a_group_that_one_post_cannot_hold_is_split_and_flagged() -> None:
    with answering() as server:
        judge = judge_at(server.url, seconds=20)
        outcomes = judge.outcomes_now(rollouts(*(str(at) * 1_000_000 for at in range(9))))
        judge.close()
    assert len(server.bodies) == 2
    assert {outcome.flags.get("group_split") for outcome in outcomes} == {2}


def test_one_judge_serves_loops_threads_and_a_pickle_of_it() -> None:
    with answering() as server:
        judge = judge_at(server.url)
        sent: RolloutJudge = pickle.loads(pickle.dumps(judge))
        assert rewards(asyncio.run(judge.outcomes(rollouts("a")))) == [0.1]
        assert rewards(asyncio.run(judge.outcomes(rollouts("aa")))) == [0.2]
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda at: judge.outcomes_now(rollouts("a" * at))[0].reward, range(1, 9)))

        async def inside() -> list[float | None]:
            return rewards(sent.outcomes_now(rollouts("aaa")))

        assert asyncio.run(inside()) == [0.3]
        judge.close()
        sent.close()
    assert found == [at / 10 for at in range(1, 9)]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_judges_and_so_does_the_parent_afterwards() -> None:
    with answering() as server:
        judge = judge_at(server.url)
        assert rewards(judge.outcomes_now(rollouts("a"))) == [0.1]
        pid = os.fork()
        if pid == 0:
            good = rewards(judge.outcomes_now(rollouts("aa"))) == [0.2]
            os._exit(0 if good else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert rewards(judge.outcomes_now(rollouts("aaa"))) == [0.3]
        judge.close()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_children_that_are_forked_while_threads_open_connections_judge() -> None:
    def at_work(server: Answering) -> None:
        judge = judge_at(server.url)
        judge.outcomes_now(rollouts("a"))
        judge.close()

    with answering() as server:
        judge, ends = judge_at(server.url), list[int]()
        threads = [threading.Thread(target=at_work, args=(server,)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for _ in range(4):
            pid = os.fork()
            if pid == 0:
                os._exit(0 if rewards(judge.outcomes_now(rollouts("aa"))) == [0.2] else 1)
            ends.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        for thread in threads:
            thread.join()
    assert ends == [0, 0, 0, 0]


def test_address_and_key_are_read_by_the_process_that_calls_and_are_in_no_pickle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judge = RolloutJudge(asking=ASKING, seconds=5)
    assert b"secret" not in pickle.dumps(RolloutJudge("http://h", "secret"))
    with answering() as server:
        monkeypatch.setenv("JUDGE_URL", server.url)
        monkeypatch.setenv("JUDGE_API_KEY", "of-the-environment")
        judge.outcomes_now(rollouts("a"))
        judge.close()
    assert server.keys == ["Bearer of-the-environment"]


def test_a_copy_in_the_same_process_keeps_the_key() -> None:
    with answering() as server:
        twin = copy.deepcopy(judge_at(server.url, api_key="secret"))
        assert rewards(twin.outcomes_now(rollouts("a"))) == [0.1]
        twin.close()
    assert server.keys == ["Bearer secret"]


def test_a_key_that_a_pickle_left_out_is_missed_aloud() -> None:
    with answering(lambda body: Reply(401, '{"detail": "no key"}')) as server:
        sent: RolloutJudge = pickle.loads(pickle.dumps(judge_at(server.url, api_key="secret")))
        (outcome,) = sent.outcomes_now(rollouts("a"))
        sent.close()
    assert outcome.failure_kind == "judge_refused"
    assert "JUDGE_API_KEY" in str(outcome.failure_reason)


@pytest.mark.anyio
async def test_a_cancelled_call_ends_at_once_and_the_next_one_works() -> None:
    gate, asked = threading.Event(), threading.Event()

    def held(body: Body) -> Reply:
        asked.set()
        return Reply(hold=gate)

    with answering([held, judgment]) as server:
        judge = judge_at(server.url)
        waiting = asyncio.create_task(judge.outcomes(rollouts("a")))
        await asyncio.to_thread(asked.wait, 5)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.set()
        assert rewards(await judge.outcomes(rollouts("aa"))) == [0.2]
        await judge.aclose()


def test_what_is_scored_and_what_is_not_stand_side_by_side() -> None:
    def mixed(text: str) -> Mapping[str, Any]:
        return scored(0.9) if text == "good" else unscored("deadline")

    with answering(lambda body: judgment(body, mixed)) as server:
        judge = judge_at(server.url)
        good, late = judge.outcomes_now(rollouts("good", "late"))
        judge.close()
    assert (good.reward, good.passed, good.tokens) == (0.9, True, 20.0)
    assert (late.reward, late.failure_kind, late.judgment_id) == (None, "deadline", "jdg_1")

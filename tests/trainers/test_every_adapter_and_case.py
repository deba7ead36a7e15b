"""What each adapter does in each case that a run of weeks meets; the adapters of other files need their trainers."""

from __future__ import annotations

import asyncio
import json
import math
import multiprocessing
import os
import pickle
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from judge_agent.trainers import JudgeUnavailable
from tests.trainers.adapters import ADAPTERS, Adapter, Numbers
from tests.trainers.answering import Body, Reply, answering, judgment, scored, text_of, unscored
from tests.trainers.failing_services import WAYS, seconds_for

TEXTS = ["aa", "a" * 8, "a" * 4]
REWARDS = [0.2, 0.8, 0.4]
Making = Any

pytestmark = pytest.mark.parametrize("make", ADAPTERS.values(), ids=ADAPTERS.keys())


def told(adapter: Adapter, texts: list[str], kind: str) -> Numbers:
    """The numbers that a trainer gets; None for each where it is told by an error that names the kind."""
    try:
        return adapter.score(texts)
    except JudgeUnavailable as error:
        if kind not in str(error):
            raise
        return [None] * len(texts)


def one_fails(body: Body) -> Reply:
    """Fail what says so and score the rest by its length."""
    return judgment(body, lambda text: unscored() if "fails" in text else scored(min(1.0, len(text) / 10)))


def test_rollouts_are_worth_what_the_judge_says_in_their_order(make: Making) -> None:
    with answering() as server:
        assert make(server.url).score(TEXTS) == REWARDS


@pytest.mark.parametrize("way", WAYS)
def test_a_judge_that_fails_in_any_way_gives_no_number(make: Making, way: str) -> None:
    answer, kind = WAYS[way]
    with answering(answer) as server:
        seconds = 4.0 if kind == "judge_error" else seconds_for(kind)
        assert told(make(server.url, seconds), TEXTS, kind) == [None, None, None]


def test_a_verdict_that_says_it_is_none_gives_no_number_though_one_stands_in_it(make: Making) -> None:
    def contradicts(body: Body) -> Reply:
        return judgment(body, lambda _: {**scored(1.0), "status": "unscored", "failure_kind": "internal"})

    with answering(contradicts) as server:
        assert told(make(server.url), TEXTS, "internal") == [None, None, None]


def test_a_number_past_all_bounds_is_no_judgment(make: Making) -> None:
    def endless(body: Body) -> Reply:
        return Reply(body=judgment(body).body.replace('"reward": 1.0', '"reward": 1e999'))

    with answering(endless) as server:
        assert told(make(server.url), ["a" * 10], "judge_malformed") == [None]


def test_the_keys_are_the_same_where_one_of_a_group_failed_and_no_number_is_its_own(make: Making) -> None:
    with answering(one_fails) as server:
        try:
            rows = make(server.url).rows(["aa", "fails", "a" * 4])
        except JudgeUnavailable:
            return
    assert len({tuple(row) for row in rows}) == 1
    assert not any(isinstance(value, float) and math.isnan(value) for row in rows for value in row.values())
    failed = rows[1]
    stand_in = failed.get("score", failed.get("correctness", failed.get("reward")))
    assert stand_in is None or stand_in == pytest.approx(0.3)
    assert failed.get("judge_failed", 1.0) == 1.0


@pytest.mark.parametrize(
    "verdict",
    [
        unscored("model_error", "partial", correctness=1.0, process=None) | {"score": 1.0},
        scored(1.0, correctness=1.0, process=1.0) | {"status": "unscored", "failure_kind": "internal"},
    ],
    ids=["it judged a part", "its verdict says it is none"],
)
def test_numbers_of_a_rollout_without_a_reward_are_in_none_of_what_its_siblings_are_compared_by(
    make: Making, verdict: dict[str, Any]
) -> None:
    def of(text: str) -> dict[str, Any]:
        return verdict if text == "fails" else scored(0.4, correctness=0.2, process=0.1)

    with answering(lambda body: judgment(body, of)) as server:
        try:
            judged, failed = make(server.url).rows(["good", "fails"])
        except JudgeUnavailable:
            return
    for name in {"score", "correctness", "process"} & set(judged):
        assert failed[name] in (None, judged[name])
        assert failed.get(f"{name}_missing", 1.0) == 1.0 or name == "score"


def test_equal_completions_have_equal_rewards_and_a_group_its_order(make: Making) -> None:
    texts = [f"{'a' * (place % 5)}" for place in range(20)]
    with answering() as server:
        assert make(server.url).score(texts) == [place % 5 / 10 for place in range(20)]


def test_answers_that_come_in_any_order_reach_the_rollouts_they_are_of(make: Making) -> None:
    chosen = random.Random(7)

    def slow(body: Body) -> Reply:
        time.sleep(chosen.uniform(0, 0.05))
        return judgment(body, lambda text: scored(int(text[1:]) / 100))

    with answering(slow) as server, ThreadPoolExecutor(8) as pool:
        adapter = make(server.url)
        batches = [[f"p{batch * 10 + place}" for place in range(5)] for batch in range(8)]
        found = list(pool.map(lambda texts: adapter.score(texts, prompt=texts[0]), batches))
    assert found == [[(batch * 10 + place) / 100 for place in range(5)] for batch in range(8)]


def test_an_empty_completion_and_a_megabyte_arrive_as_they_are(make: Making) -> None:
    with answering() as server:
        assert make(server.url).score(["", "x" * 1_000_000]) == [0.0, 1.0]
        sent = {text_of(one["trajectory"]) for body in server.bodies for one in body["candidates"]}
    assert sent == {"", "x" * 1_000_000}


@pytest.mark.parametrize(
    "text", ["\ud800 alone", "\x00 nought", "\U0001f600 \u202e evil", "</s>\u2028<|im_end|> x"]
)
def test_any_text_arrives_or_is_refused_and_is_never_a_zero(make: Making, text: str) -> None:
    with answering(lambda body: judgment(body, lambda _: scored(0.7))) as server:
        assert make(server.url).score([text]) == [0.7]
        assert json.dumps(server.bodies[0]).isascii()


def test_it_works_after_a_trip_through_a_pickle_that_holds_no_key(
    make: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_API_KEY", "sk-secret")
    with answering() as server:
        adapter: Adapter = make(server.url)
        assert adapter.score(TEXTS) == REWARDS
        assert b"sk-secret" not in adapter.handed_over()
        assert "sk-secret" not in repr(adapter) + repr(vars(adapter))
        assert pickle.loads(pickle.dumps(adapter)).score(TEXTS) == REWARDS
    assert set(server.keys) == {"Bearer sk-secret"}


def test_one_adapter_serves_a_loop_that_was_closed_and_two_at_one_time(make: Making) -> None:
    with answering() as server, ThreadPoolExecutor(2) as pool:
        adapter = make(server.url)
        assert [adapter.score(TEXTS) for _ in range(2)] == [REWARDS] * 2
        assert list(pool.map(lambda _: adapter.score(TEXTS), range(4))) == [REWARDS] * 4


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_scores_and_so_does_the_parent_afterwards(make: Making) -> None:
    with answering() as server:
        adapter = make(server.url)
        assert adapter.score(TEXTS) == REWARDS
        pid = os.fork()
        if pid == 0:
            os._exit(0 if adapter.score(TEXTS) == REWARDS else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert adapter.score(TEXTS) == REWARDS


def score_elsewhere(adapter: Adapter, pipe: Any) -> None:
    pipe.send(adapter.score(TEXTS))


def test_a_spawned_child_scores(make: Making) -> None:
    spawning = multiprocessing.get_context("spawn")
    here, there = spawning.Pipe()
    with answering() as server:
        child = spawning.Process(target=score_elsewhere, args=(make(server.url), there))
        child.start()
        assert here.poll(60)
        assert here.recv() == REWARDS
        child.join()


def test_a_busy_service_is_asked_again_when_it_says_and_not_before(make: Making) -> None:
    asked = list[float]()

    def busy_at_first(body: Body) -> Reply:
        asked.append(time.monotonic())
        return Reply(429, retry_after="1") if len(asked) == 1 else judgment(body)

    with answering(busy_at_first) as server:
        assert make(server.url).score(TEXTS[:1]) == REWARDS[:1]
    assert asked[1] - asked[0] >= 1.0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422])
def test_what_is_refused_is_asked_once(make: Making, status: int) -> None:
    with answering(lambda body: Reply(status, '{"detail": "no"}')) as server:
        assert told(make(server.url), TEXTS[:1], "judge_refused") == [None]
    assert len(server.bodies) == 1


def test_a_hanging_judge_costs_the_adapters_own_time_and_no_more(make: Making) -> None:
    gate = threading.Event()
    with answering(lambda body: Reply(hold=gate)) as server:
        began = time.monotonic()
        assert told(make(server.url, 0.5), TEXTS[:1], "judge_timeout") == [None]
        assert time.monotonic() - began < 5.0
        gate.set()


def test_it_may_be_called_inside_a_running_loop(make: Making) -> None:
    async def inside() -> Numbers:
        return await asyncio.to_thread(make(server.url).score, TEXTS)

    with answering() as server:
        assert asyncio.run(inside()) == REWARDS

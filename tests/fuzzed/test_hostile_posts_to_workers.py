"""Two real processes on one port under hostile posts: each answer as of one, and neither grows past a bound."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.fuzzed.test_hostile_bodies import CASES, JSON, body_of
from tests.fuzzed.test_the_loop_goes_on import calls_in_few_messages, distinct_steps
from tests.service.served import request
from tests.service.test_memory_under_floods import rss
from tests.service.test_workers import calls, sent, two_workers

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
ROUNDS = 3
# A process that has just begun weighs about 150 MB; a parsed body up to thirty times what it is long.
MOST_BYTES = 400_000_000
# Those are bodies of 1 MB; here are some of 10, whose values are also in the database, the record and the log.
MOST_BYTES_OF_ENORMOUS = 800_000_000


async def test_hostile_bodies_are_refused_by_every_worker_and_leave_it_small(tmp_path: Path) -> None:
    with two_workers(tmp_path, JUDGE_MAX_BODY_BYTES="1000000") as (_, url, pids):
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            for _ in range(ROUNDS):
                for case in CASES:
                    answers = await asyncio.gather(
                        *(
                            http.post(
                                "/v1/judgments", content=body_of(case), headers=JSON | {"Connection": "close"}
                            )
                            for _ in range(4)
                        )
                    )
                    assert {answer.status_code for answer in answers} == {case["status"]}, case["name"]
            grown = [rss(pid) for pid in pids]
            assert (await sent(http, "GET", "/health")).status_code == 200
    print(f"workers weigh {[round(one / 1e6) for one in grown]} MB")
    assert max(grown) < MOST_BYTES


async def test_fifty_equal_posts_to_two_workers_are_one_judgment(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (_, url, _pids):
        headers = {"Idempotency-Key": "fifty", "Connection": "close"}
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            answers = await asyncio.gather(
                *(http.post("/v1/judgments", json=calls(1), headers=headers) for _ in range(50))
            )
            other = await http.post("/v1/judgments", json=calls(2), headers=headers)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


async def test_enormous_trajectories_again_and_again_weigh_what_one_does(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (_, url, pids):
        weights = []
        async with httpx.AsyncClient(base_url=url, timeout=100) as http:
            for seed in range(6):
                for candidates in (distinct_steps(), calls_in_few_messages()):
                    body = request(recipe="verify", candidates=candidates, seed=seed, cache="no")
                    answer = await http.post("/v1/judgments", json=body)
                    assert answer.status_code == 200
                weights.append(max(rss(pid) for pid in pids))
    print(f"the larger worker weighs {[round(one / 1e6) for one in weights]} MB")
    assert max(weights) < MOST_BYTES_OF_ENORMOUS
    # Either worker may take any of them, and its allocator keeps what the first took: not six times as much.
    assert weights[-1] < 2 * weights[0]

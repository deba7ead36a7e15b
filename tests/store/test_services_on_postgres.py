"""Two services on one PostgreSQL: what one leaves, killed or paused, the other ends, once; restarts stop nobody."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from judge_agent.store.postgres import PostgresStore
from tests.postgres_server import PostgresServer
from tests.service.served import request

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / "judging_service.py"
LEASE_SECONDS = 2.0
PRINCIPLES = [
    {
        "description": f"The answer is right in respect {index}.",
        "name": f"p{index}",
        "dimension": "correctness",
    }
    for index in range(3)
]


class Service:
    """A service in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.http = httpx.AsyncClient(base_url=url, timeout=120)

    async def post(self, seed: int) -> str:
        """Post a judgment of three calls; return its id at once."""
        body = request(seed=seed, principles=PRINCIPLES)
        answer = await self.http.post("/v1/judgments", json=body, headers={"Prefer": "respond-async"})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def ended(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Wait for the ends of judgments, whoever brings them about."""
        answers = await asyncio.gather(
            *(self.http.get(f"/v1/judgments/{id}", headers={"Prefer": "wait=30"}) for id in ids)
        )
        return [answer.json() for answer in answers]


@contextmanager
def process(url: str, folder: Path, seconds_per_call: float) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(PROGRAM), url, str(folder), str(seconds_per_call), str(LEASE_SECONDS)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as running:
        try:
            yield running
        finally:
            running.send_signal(signal.SIGCONT)
            running.kill()


@asynccontextmanager
async def two_services(
    url: str, folder: Path, *, seconds_per_call: float = 0.2
) -> AsyncIterator[tuple[Service, Service]]:
    with process(url, folder, seconds_per_call) as one, process(url, folder, seconds_per_call) as other:
        services = [Service(running, await asyncio.to_thread(_url_of, running)) for running in (one, other)]
        try:
            yield services[0], services[1]
        finally:
            for service in services:
                await service.http.aclose()


def _url_of(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline().strip()


async def _calls_made(folder: Path, count: int) -> None:
    def wait() -> None:
        while len(_calls(folder)) < count:
            time.sleep(0.01)

    await asyncio.to_thread(wait)


def _calls(folder: Path) -> list[str]:
    calls = folder / "calls"
    return calls.read_text().splitlines() if calls.exists() else []


async def _journals(url: str, ids: Sequence[str]) -> list[list[str]]:
    """The keys of the model's answers, by judgment."""
    async with PostgresStore.opened(url) as store:
        return [[key for key in await store.journal.load(id) if key != "model_info"] for id in ids]


async def _rows(url: str, ids: Sequence[str]) -> list[str | None]:
    async with PostgresStore.opened(url) as store:
        assert sum(await store.open_count()) == 0
        return [None if (row := await store.get(id)) is None else row.judgment for id in ids]


def _all_are_judged_alike(judgments: Sequence[dict[str, Any]]) -> None:
    assert {judgment["state"] for judgment in judgments} == {"done"}
    assert {judgment["candidates"][0]["status"] for judgment in judgments} == {"scored"}
    outcomes = {json.dumps([one["candidates"], one["ranking"]], sort_keys=True) for one in judgments}
    assert len(outcomes) == 1, outcomes


async def test_what_a_killed_service_leaves_the_other_ends(database_url: str, tmp_path: Path) -> None:
    async with two_services(database_url, tmp_path) as (killed, other):
        ids = [await killed.post(seed) for seed in range(12)]
        await _calls_made(tmp_path, 5)
        killed.process.kill()
        _all_are_judged_alike(await other.ended(ids))
    journals = await _journals(database_url, ids)
    assert {len(found) for found in journals} == {len(journals[0])}
    assert all(await _rows(database_url, ids))


async def test_a_service_that_was_paused_past_its_lease_writes_nothing_late(
    database_url: str, tmp_path: Path
) -> None:
    async with two_services(database_url, tmp_path) as (paused, other):
        ids = [await paused.post(seed) for seed in range(12)]
        await _calls_made(tmp_path, 5)
        paused.process.send_signal(signal.SIGSTOP)
        _all_are_judged_alike(await other.ended(ids))
        rows, journals = await _rows(database_url, ids), await _journals(database_url, ids)
        paused.process.send_signal(signal.SIGCONT)
        fresh = [await paused.post(seed) for seed in range(20, 23)]
        _all_are_judged_alike(await paused.ended([*ids, *fresh]))
        assert await _rows(database_url, ids) == rows
        assert await _journals(database_url, ids) == journals
        assert {len(found) for found in journals} == {len(journals[0])}
        assert paused.process.poll() is None


async def test_two_services_share_what_waits_and_repeat_no_call(database_url: str, tmp_path: Path) -> None:
    async with two_services(database_url, tmp_path, seconds_per_call=0.05) as (one, other):
        ids = [await (one, other)[seed % 2].post(seed) for seed in range(60)]
        _all_are_judged_alike(await one.ended(ids))
    journals = await _journals(database_url, ids)
    assert sum(map(len, journals)) == len(_calls(tmp_path))
    assert len({len(found) for found in journals}) == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
async def test_a_restart_of_postgresql_is_waited_out(
    postgres: PostgresServer, database_url: str, tmp_path: Path, how: signal.Signals
) -> None:
    async with two_services(database_url, tmp_path) as (one, other):
        ids = [await (one, other)[seed % 2].post(seed) for seed in range(40)]
        await _calls_made(tmp_path, 10)
        await asyncio.to_thread(postgres.stop, how)
        waiting = asyncio.create_task(other.post(99))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(postgres.start)
        ids.append(await waiting)
        _all_are_judged_alike(await one.ended(ids))
    journals = await _journals(database_url, ids)
    assert {len(found) for found in journals} == {len(journals[0])}
    assert all(await _rows(database_url, ids))

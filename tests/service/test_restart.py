"""Accepted means judged once: across a stop, a kill, and a second start."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from judge_agent.errors import StoreError
from judge_agent.models.scripted import Held, ScriptedModel, ScriptedRequest, by_schema
from judge_agent.store import NewJudgment, SqliteStore
from tests.service.served import request, serving

pytestmark = pytest.mark.anyio
KILLED = Path(__file__).parent / "killed_service.py"
ROOT = Path(__file__).parents[2]


async def test_a_stopped_service_gives_503_with_the_id_and_finishes_after_the_next_start(
    tmp_path: Path,
) -> None:
    path, asked = tmp_path / "judge.db", asyncio.Event()

    def never(request: ScriptedRequest) -> Held:
        asked.set()
        return Held(asyncio.Event(), None)

    async with serving(path, model=ScriptedModel(otherwise=never)) as served:
        waiting = asyncio.create_task(served.post(request()))
        await asked.wait()
        await served.stop()
        answer = await waiting
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    async with serving(path) as served:
        ended = await served.http.get(answer.headers["location"], headers={"Prefer": "wait=10"})
        assert ended.json()["state"] == "done"
        assert ended.json()["id"] == answer.json()["id"]


async def test_what_waited_in_the_queue_is_judged_after_a_restart(tmp_path: Path) -> None:
    path, never = tmp_path / "judge.db", asyncio.Event()
    model = ScriptedModel(otherwise=Held(never, by_schema()))
    async with serving(path, model=model, max_running=1) as served:
        taken = [await served.post(request(seed=i), prefer="respond-async") for i in range(4)]
    async with serving(path, max_running=2) as served:
        for answer in taken:
            ended = await served.http.get(answer.headers["location"], headers={"Prefer": "wait=10"})
            assert ended.json()["state"] == "done"


async def test_the_clock_of_a_judgment_stands_still_while_the_service_is_down(tmp_path: Path) -> None:
    path, never = tmp_path / "judge.db", asyncio.Event()
    async with serving(path, model=ScriptedModel(otherwise=Held(never, by_schema()))) as served:
        await served.post(request(), prefer="respond-async")
        await asyncio.sleep(0.1)
    async with SqliteStore.opened(path) as store:
        [left] = await store.claim("a worker that is then killed", 9, lease_seconds=0.0)
    assert left.resumed
    assert 0.05 < left.elapsed_seconds < 5
    await asyncio.sleep(0.1)
    async with SqliteStore.opened(path) as store:
        [again] = await store.claim("another", 9, lease_seconds=0.0)
    assert again.elapsed_seconds == left.elapsed_seconds


async def test_a_second_service_on_one_database_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path / "judge.db"):
        with pytest.raises(StoreError, match=rf"in use by another service \(pid {os.getpid()}\)"):
            async with SqliteStore.opened(tmp_path / "judge.db"):
                pass


async def test_a_damaged_row_ends_unscored_and_stops_no_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "judge.db"
    async with SqliteStore.opened(path) as store:
        for name, text in (("torn", '{"task": '), ("older", '{"candidates": [{"id": "a"}], "was": 1}')):
            await store.accept(NewJudgment(name, "local", text, 1.0))
    async with serving(path) as served:
        for name in ("torn", "older"):
            ended = await served.http.get(f"/v1/judgments/{name}", headers={"Prefer": "wait=10"})
            assert ended.json()["state"] == "done"
        assert ended.json()["candidates"][0]["failure_kind"] == "internal"
        assert (await served.post(request())).status_code == 200
    assert "judgment torn failed" in caplog.text


@contextmanager
def process(path: Path, seconds_per_call: float) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, str(KILLED), str(path), str(seconds_per_call)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as running:
        assert running.stdout is not None
        try:
            yield running, running.stdout.readline().strip()
        finally:
            running.kill()


def _calls(path: Path) -> list[str]:
    calls = path.with_suffix(".calls")
    return calls.read_text().splitlines() if calls.exists() else []


def _wait_for_calls(path: Path, count: int) -> None:
    while len(_calls(path)) < count:
        time.sleep(0.005)


async def test_killed_judgments_end_once_and_repeat_no_journalled_call(tmp_path: Path) -> None:
    path = tmp_path / "judge.db"
    with process(path, 0.05) as (running, url):
        async with httpx.AsyncClient(base_url=url) as http:
            taken = [
                await http.post("/v1/judgments", json=request(seed=seed), headers={"Prefer": "respond-async"})
                for seed in range(6)
            ]
        await asyncio.to_thread(_wait_for_calls, path, 4)
        running.send_signal(signal.SIGKILL)
        running.wait()
    async with SqliteStore.opened(path) as store:
        open_ids = {row.id for row in (await store.list("local", states=("queued", "running"))).rows}
        before = {found: await store.journal.load(found) for found in open_ids}
    assert open_ids
    calls_before = len(_calls(path))
    with process(path, 0.0) as (running, url):
        async with httpx.AsyncClient(base_url=url, timeout=20) as http:
            ended = [
                await http.get(answer.headers["location"], headers={"Prefer": "wait=10"}) for answer in taken
            ]
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0
    assert [answer.json()["state"] for answer in ended] == ["done"] * 6
    async with SqliteStore.opened(path) as store:
        assert sum(await store.open_count()) == 0
        after = {found: await store.journal.load(found) for found in open_ids}
    fresh = 0
    for found, entries in before.items():
        assert set(entries) <= set(after[found])
        fresh += sum(entry.kind == "model" for key, entry in after[found].items() if key not in entries)
    assert len(_calls(path)) - calls_before <= fresh
    for answer in ended:
        _is_what_an_unkilled_one_gives(answer.json(), ended[0].json())


def _is_what_an_unkilled_one_gives(judgment: dict[str, object], twin: dict[str, object]) -> None:
    def outcome(record: dict[str, object]) -> str:
        return json.dumps([record["candidates"], record["ranking"]], sort_keys=True)

    assert outcome(judgment) == outcome(twin)

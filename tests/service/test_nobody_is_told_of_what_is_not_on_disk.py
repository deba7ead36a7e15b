"""Who waits for an end is told nothing before it, and waits for the disk once; all others are told what is on disk."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from judge_agent.errors import StoreError
from judge_agent.models.scripted import Held, ScriptedModel, ScriptedRequest, by_schema
from judge_agent.store import SqliteStore
from tests.service.served import request, serving

pytestmark = pytest.mark.anyio


class _OnFullDisk(SqliteStore):
    """A store on a disk that keeps nothing more while it `is_full`."""

    is_full = False
    waited = 0

    async def on_disk(self) -> None:
        type(self).waited += 1
        if self.is_full:
            raise StoreError("the disk is full")
        await super().on_disk()


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> type[_OnFullDisk]:
    monkeypatch.setattr(_OnFullDisk, "is_full", True)
    monkeypatch.setattr(_OnFullDisk, "waited", 0)
    return _OnFullDisk


@pytest.mark.parametrize("prefer", ["respond-async", "wait=1"])
async def test_who_does_not_wait_for_the_end_is_told_of_what_is_on_disk_only(
    prefer: str, full: type[_OnFullDisk], tmp_path: Path
) -> None:
    answers = asyncio.Event()
    model = ScriptedModel(otherwise=Held(answers, by_schema()))
    async with serving(tmp_path / "a.db", store_type=full, model=model) as served:
        answer = await served.post(request(), prefer=prefer)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        full.is_full = False
        again = await served.post(request(seed=2), prefer=prefer)
        assert again.status_code == 202
        answers.set()


async def test_who_waits_for_the_end_waits_for_the_disk_at_the_end(
    full: type[_OnFullDisk], tmp_path: Path
) -> None:
    asked, answers = asyncio.Event(), asyncio.Event()

    def answer(_: ScriptedRequest) -> Held:
        asked.set()
        return Held(answers, by_schema())

    model = ScriptedModel(otherwise=answer)
    async with serving(tmp_path / "a.db", store_type=full, model=model) as served:
        posted = asyncio.create_task(served.post(request()))
        await asked.wait()
        assert (full.waited, posted.done()) == (0, False)
        full.is_full = False
        answers.set()
        assert (await posted).status_code == 200
        assert full.waited > 0


async def test_who_waits_when_the_service_stops_is_told_of_what_is_on_disk_only(
    full: type[_OnFullDisk], tmp_path: Path
) -> None:
    asked = asyncio.Event()

    def answer(_: ScriptedRequest) -> Held:
        asked.set()
        return Held(asyncio.Event(), by_schema())

    async with serving(tmp_path / "a.db", store_type=full, model=ScriptedModel(otherwise=answer)) as served:
        posted = asyncio.create_task(served.post(request()))
        await asked.wait()
        before = full.waited
        served.server.stop()
        told = await posted
        assert (told.status_code, told.json()["code"]) == (503, "unavailable")
        assert "jdg_" not in told.text  # it may be lost
        assert full.waited > before
        full.is_full = False


class _Twice(SqliteStore):
    """A store in which a second post of one key finds nothing, and is then held up until the first has ended."""

    looked: asyncio.Event
    goes_on: asyncio.Event

    async def earlier(self, *args: Any) -> Any:
        found = await super().earlier(*args)
        if not self.looked.is_set():
            self.looked.set()
            await self.goes_on.wait()
        return found


@pytest.mark.parametrize("same", [True, False])
async def test_who_repeats_a_key_is_told_of_what_is_on_disk_only(
    same: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("looked", "goes_on"):
        monkeypatch.setattr(_Twice, name, asyncio.Event(), raising=False)
    on_disk, waited = threading.Event(), list[str]()
    fdatasync = os.fdatasync

    def slow(descriptor: int) -> None:
        waited.append("once")
        on_disk.wait()
        fdatasync(descriptor)

    async with serving(tmp_path / "a.db", store_type=_Twice, model=ScriptedModel()) as served:
        late = asyncio.create_task(served.post(request(), idempotency_key="k"))
        await _Twice.looked.wait()
        monkeypatch.setattr(os, "fdatasync", slow)
        first = asyncio.create_task(served.post(request() if same else request(seed=7), idempotency_key="k"))
        try:
            await asyncio.to_thread(_until_ended, tmp_path / "a.db")
            _Twice.goes_on.set()
            await asyncio.wait([late, first], timeout=0.5)
            assert waited
            assert (first.done(), late.done()) == (False, False)
        finally:
            on_disk.set()
        assert (await first).status_code == 200
        assert (await late).status_code == (200 if same else 409)


def _until_ended(path: Path) -> None:
    """Wait until the first judgment has ended, as another process sees it."""
    with closing(sqlite3.connect(path)) as reader:
        until = time.monotonic() + 10
        while reader.execute("SELECT count(*) FROM judgments WHERE state = 'done'").fetchone() != (1,):
            assert time.monotonic() < until
            time.sleep(0.02)

"""Who waits for an end is told nothing before it, and waits for the disk once; all others are told what is on disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

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

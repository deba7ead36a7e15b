"""A disk that is full, and has room again: no score without a log, nothing accepted is lost, it goes on by itself."""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from evals.service import started
from judge_agent.log import heads_in, read, verify
from tests.service.test_workers import calls

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
SMALL = b"size=600k"
ROOMY = b"size=64m"
_MS_REMOUNT, _MNT_DETACH = 32, 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory that holds 200 kB. Only root may mount one."""
    libc, place = ctypes.CDLL(None, use_errno=True), tmp_path / "disk"
    place.mkdir()
    if libc.mount(b"tmpfs", bytes(place), b"tmpfs", 0, SMALL) != 0:
        pytest.skip(f"no file system can be mounted here: {os.strerror(ctypes.get_errno())}")
    yield place
    libc.umount2(bytes(place), _MNT_DETACH)


def make_room(place: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mount(b"tmpfs", bytes(place), b"tmpfs", _MS_REMOUNT, ROOMY) == 0


async def posted(http: httpx.AsyncClient, seed: int, **headers: str) -> dict[str, Any]:
    answer = await http.post("/v1/judgments", json=calls(seed), headers=headers)
    return {"http": answer.status_code, **answer.json()}


def rewards_of(judgment: dict[str, Any]) -> list[float | None]:
    return [one["reward"] for one in judgment["candidates"]]


async def test_without_room_for_the_log_nothing_is_scored_and_with_room_again_it_goes_on(
    tmp_path: Path, small_disk: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "log").symlink_to(small_disk)
    with started(data, model="none", settings={"JUDGE_SANDBOX": "none"}) as service:
        async with httpx.AsyncClient(base_url=service.url, timeout=60) as http:
            first, seed = await posted(http, 0), 1
            good = rewards_of(first)
            assert good != [None]
            while rewards_of(last := await posted(http, seed)) != [None]:
                seed += 1
                assert seed < 2000, "the disk did not fill up"
            assert (last["http"], last["state"]) == (200, "done")
            assert last["candidates"][0]["failure_kind"] == "internal"
            make_room(small_disk)
            assert rewards_of(await posted(http, 10_000)) == good
            page = (await http.get("/v1/judgments", params={"limit": 100})).json()["data"]
    logged = {event.judgment_id for event in read(data / "log") if event.type == "judgment.done"}
    assert {one["id"] for one in page if rewards_of(one) != [None]} <= logged
    report = verify(data / "log", heads_in(data / "judge.db"))
    assert (report.status, report.problems) == ("intact", ())


async def test_without_room_for_the_database_nothing_is_accepted_and_what_was_accepted_ends(
    small_disk: Path,
) -> None:
    with started(small_disk, model="none", settings={"JUDGE_SANDBOX": "none"}) as service:
        async with httpx.AsyncClient(base_url=service.url, timeout=60) as http:
            ids, refused = list[str](), 0
            for seed in range(400):
                answer = await http.post(
                    "/v1/judgments", json=calls(seed), headers={"Prefer": "respond-async"}
                )
                assert answer.status_code in (202, 503, 429), answer.text
                ids += [answer.json()["id"]] if answer.status_code == 202 else []
                refused += answer.status_code == 503
                if refused > 3:
                    break
            assert refused, "the disk did not fill up"
            make_room(small_disk)
            ended = [
                (await http.get(f"/v1/judgments/{one}", headers={"Prefer": "wait=50"})).json() for one in ids
            ]
            assert {one["state"] for one in ended} == {"done"}
            async with asyncio.timeout(30):
                while (await posted(http, 10_000))["http"] != 200:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)

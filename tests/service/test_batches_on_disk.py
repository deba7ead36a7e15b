"""What batches put aside lies in the data folder, within a bound and under no name; a full disk is told as such."""

from __future__ import annotations

import asyncio
import json
import os
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from judge_agent.models.scripted import Held, ScriptedModel, by_schema
from tests.service.served import Served, request, serving

pytestmark = pytest.mark.anyio
JSONL = {"Content-Type": "application/jsonl"}
ADA, BOB = "ada-key-0123456789", "bob-key-0123456789"
KEYS = f"ada:{ADA},bob:{BOB}"


@contextmanager
def small_files(size: int) -> Iterator[None]:
    """No file of this process may grow past `size`, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def lines(size: int, seed: int = 0) -> bytes:
    """A batch of one request and white space, of `size` bytes together."""
    return json.dumps(request(seed=seed)).encode().ljust(size, b"\n")


async def batch(served: Served, content: Any, **headers: str) -> httpx.Response:
    sent = JSONL | {name.replace("_", "-"): value for name, value in headers.items()}
    return await served.http.post("/v1/judgments/batch", content=content, headers=sent)


async def in_pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 50_000):
        yield content[start : start + 50_000]


def opened_files() -> list[str]:
    return [os.readlink(one) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]


async def held_batches(served: Served, count: int, size: int, **headers: str) -> list[asyncio.Task[Any]]:
    """Post batches whose judgments are held by the model; return when all of them are being judged."""
    before = len(served.model.requests)
    posted = [
        asyncio.create_task(batch(served, lines(size, seed), **headers))
        for seed in range(before, before + count)
    ]
    async with asyncio.timeout(10):
        while len(served.model.requests) < before + count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return posted


async def test_a_disk_without_room_is_503_and_with_room_again_the_batch_is_judged(tmp_path: Path) -> None:
    async with serving(data_dir=tmp_path) as served:
        for content in (lines(4_000_000), in_pieces(lines(4_000_000))):
            with small_files(2_000_000):
                refused = await batch(served, content)
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable"), refused.text
            assert int(refused.headers["retry-after"]) > 0
            assert served.parts.spools.held_bytes == 0
        judged = await batch(served, lines(4_000_000))
        assert json.loads(judged.text)["status"] == 200
        assert served.parts.spools.held_bytes == 0


async def test_a_batch_lies_in_the_data_folder_without_a_name_and_for_nobody_else(tmp_path: Path) -> None:
    gate = asyncio.Event()
    model = ScriptedModel(otherwise=Held(gate, by_schema()))
    async with serving(data_dir=tmp_path / "data", model=model) as served:
        [posted] = await held_batches(served, 1, 3_000_000)
        folder = tmp_path / "data" / "spool"
        assert (folder.stat().st_mode & 0o777, list(folder.iterdir())) == (0o700, [])
        assert any(one.startswith(str(folder)) for one in opened_files())
        gate.set()
        assert (await posted).status_code == 200


async def test_batches_past_the_bound_are_503_until_others_have_been_answered(tmp_path: Path) -> None:
    gate = asyncio.Event()
    model = ScriptedModel(otherwise=Held(gate, by_schema()))
    async with serving(data_dir=tmp_path, model=model, api_keys=KEYS, max_batch_bytes=100_000) as served:
        posted = await held_batches(served, 2, 100_000, x_api_key=ADA)
        for content in (lines(10_000), in_pieces(lines(60_000))):
            full = await batch(served, content, x_api_key=ADA)
            assert (full.status_code, full.json()["code"]) == (503, "overloaded")
            assert int(full.headers["retry-after"]) > 0
            assert "JUDGE_MAX_BATCH_BYTES" in full.json()["detail"]
        too_large = await batch(served, lines(100_001), x_api_key=ADA)
        assert (too_large.status_code, too_large.json()["code"]) == (413, "body_too_large")
        posted += await held_batches(served, 2, 100_000, x_api_key=BOB)
        assert (await batch(served, lines(10_000), x_api_key=BOB)).status_code == 503
        gate.set()
        assert {(await one).status_code for one in posted} == {200}
        assert (await batch(served, lines(100_000), x_api_key=ADA)).status_code == 200


async def test_who_goes_away_leaves_no_room_taken(tmp_path: Path) -> None:
    gate = asyncio.Event()
    model = ScriptedModel(otherwise=Held(gate, by_schema()))
    async with serving(data_dir=tmp_path, model=model, max_batch_bytes=100_000) as served:
        for posted in await held_batches(served, 2, 100_000):
            posted.cancel()
        async with asyncio.timeout(10):
            while served.parts.spools.held_bytes:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        gate.set()

"""Uploads in flight count: together with what is kept they stay within a tenant's quota, whatever becomes of them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import httpx
import pytest

from judge_agent.resources import BlobFiles, QuotaExceeded

pytestmark = pytest.mark.anyio
BYTES = {"Content-Type": "application/octet-stream"}
Start = Callable[..., Awaitable[dict[str, httpx.AsyncClient]]]


async def halves(content: bytes, go_on: asyncio.Event) -> AsyncIterator[bytes]:
    yield content[: len(content) // 2]
    await go_on.wait()
    yield content[len(content) // 2 :]


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def blobs(tmp_path: Path) -> BlobFiles:
    return BlobFiles(tmp_path, max_bytes=1000, max_tenant_bytes=2500)


async def test_room_that_another_upload_has_claimed_is_refused_before_the_body_is_read(
    blobs: BlobFiles,
) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(blobs.upload("t", 1000))
        await stack.enter_async_context(blobs.upload("t", 1000))
        with pytest.raises(QuotaExceeded):
            await stack.enter_async_context(blobs.upload("t", 501))
        await stack.enter_async_context(blobs.upload("other", 1000))
        await stack.enter_async_context(blobs.upload("t", 500))
        await first.write(b"a" * 1000)


async def test_uploads_without_a_length_never_take_more_disk_than_the_quota(
    blobs: BlobFiles, tmp_path: Path
) -> None:
    refused = 0
    with suppress(ZeroDivisionError):
        async with AsyncExitStack() as stack:
            uploads = [await stack.enter_async_context(blobs.upload("t")) for _ in range(8)]
            for _ in range(10):
                for number, upload in enumerate(uploads):
                    try:
                        await upload.write(bytes([number]) * 100)
                    except QuotaExceeded:
                        refused += 1
            raise ZeroDivisionError
    assert refused
    assert on_disk(tmp_path) == 0
    for number in range(2):
        async with blobs.upload("t") as upload:
            await upload.write(bytes([number]) * 1000)


@pytest.mark.parametrize("declared", [1000, None])
async def test_an_upload_that_fails_gives_its_room_back(blobs: BlobFiles, declared: int | None) -> None:
    for _ in range(5):
        with suppress(ZeroDivisionError):
            async with blobs.upload("t", declared) as upload:
                await upload.write(b"x" * 1000)
                raise ZeroDivisionError
    for number in range(2):
        async with blobs.upload("t", declared) as upload:
            await upload.write(bytes([number]) * 1000)
    assert upload.written == 1000


async def test_a_cancelled_upload_gives_its_room_back(blobs: BlobFiles) -> None:
    async def hang(started: asyncio.Event) -> None:
        async with blobs.upload("t", 1000) as upload:
            await upload.write(b"x" * 500)
            started.set()
            await asyncio.Event().wait()

    started = asyncio.Event()
    tasks = [asyncio.create_task(hang(started)) for _ in range(2)]
    await started.wait()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(blobs.upload("t", 1000))


@pytest.mark.parametrize("declared", [1000, None])
async def test_a_blob_that_is_kept_may_come_again_where_there_is_no_room(
    blobs: BlobFiles, declared: int | None
) -> None:
    contents = [b"a" * 1000, b"b" * 1000, b"c" * 500]
    for content in contents:
        async with blobs.upload("t", len(content) if declared else None) as upload:
            await upload.write(content)
    async with blobs.upload("t", declared) as upload:
        await upload.write(b"a" * 600)
        await upload.write(b"a" * 400)
    assert await blobs.read("t", upload.sha256) == b"a" * 1000
    with pytest.raises(QuotaExceeded):
        async with blobs.upload("t", declared) as upload:
            await upload.write(b"z" * 1000)


async def test_deleting_a_blob_makes_room(blobs: BlobFiles) -> None:
    for content in (b"a" * 1000, b"b" * 1000):
        async with blobs.upload("t", 1000) as upload:
            await upload.write(content)
    with pytest.raises(QuotaExceeded):
        async with blobs.upload("t", 1000) as other:
            await other.write(b"c" * 1000)
    await blobs.delete("t", upload.sha256)
    async with blobs.upload("t", 1000) as upload:
        await upload.write(b"c" * 1000)


@pytest.mark.parametrize("is_declared", [True, False])
async def test_posts_at_one_time_stay_within_the_quota_and_room_of_the_refused_is_free_again(
    open_service: Start, tmp_path: Path, is_declared: bool
) -> None:
    client = (await open_service(max_blob_bytes=1000, max_tenant_blob_bytes=2500))["one"]
    go_on = asyncio.Event()
    contents = [bytes([number]) * 1000 for number in range(6)]
    length = {"Content-Length": "1000"} if is_declared else {}
    posts = [
        asyncio.create_task(
            client.post("/v1/blobs", content=halves(content, go_on), headers={**BYTES, **length})
        )
        for content in contents
    ]
    go_on.set()
    statuses = [(await post).status_code for post in posts]
    assert statuses.count(201) == 2 if is_declared else statuses.count(201) <= 2
    assert statuses.count(413) == 6 - statuses.count(201)
    assert on_disk(tmp_path / "data" / "blobs") <= 2500
    for content in contents[: 2 - statuses.count(201)]:
        answer = await client.post("/v1/blobs", content=content[:700], headers=BYTES)
        assert answer.status_code == 201
    answer = await client.post("/v1/blobs", content=b"!" * 500, headers=BYTES)
    assert (answer.status_code, answer.json()["sha256"]) == (201, hashlib.sha256(b"!" * 500).hexdigest())

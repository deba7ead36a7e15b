"""Several processes on one SQLite file: a group is joined at any, and settles once, also when one of them is killed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.test_workers import calls, sent, two_workers

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def joining(index: int, size: int) -> dict[str, Any]:
    group = {"group_id": "g", "index": index, "size": size}
    body = calls(0) | {"group": group}
    candidate = body["candidates"][0]
    return body | {"candidates": [candidate | {"id": f"c{index}"}]}


async def joined(url: str, index: int, size: int) -> dict[str, Any]:
    """Join over a connection of its own, so that any worker may have it."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        return dict((await sent(http, "POST", "/v1/groups", json=joining(index, size))).json())


async def test_thirty_two_joins_at_once_make_one_group(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (_, url, _):
        found = await asyncio.gather(*(joined(url, at // 2, 16) for at in range(32)))
    assert len({one["id"] for one in found}) == 1
    assert len({str(one["members"]) for one in found}) == 1
    assert {one["state"] for one in found} == {"done"}
    assert [one["index"] for one in found[0]["members"]] == [*range(16)]


async def test_a_group_settles_although_a_worker_is_killed_while_it_is_joined(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (_, url, pids):
        posts = [asyncio.create_task(joined(url, at, 12)) for at in range(11)]
        await asyncio.sleep(0.1)
        os.kill(pids[0], signal.SIGKILL)
        found = [await joined(url, 11, 12), *(await asyncio.gather(*posts))]
    assert len({one["id"] for one in found}) == 1
    assert {one["state"] for one in found} == {"done"}
    assert found[0]["missing"] == []

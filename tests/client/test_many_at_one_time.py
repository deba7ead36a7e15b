"""Hundreds of rollouts at one time: none fails for want of a connection, and uvloop and forks change nothing."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from judge_agent.client import AsyncJudgeClient
from judge_agent.schema import Judgment

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
COUNT = 400
DONE = Judgment(id="jdg_1", state="done", created=1.0).model_dump_json().encode()


class Held:
    """A server that answers nobody before `count` requests are there at one time."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.there = 0
        self.most = 0
        self.all_there = asyncio.Event()
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
                )
                await reader.readexactly(int(length.partition(b":")[2]))
                self.there += 1
                self.most = max(self.most, self.there)
                if self.there >= self.count:
                    self.all_there.set()
                await self.all_there.wait()
                self.there -= 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(DONE) + DONE)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            writer.close()


@asynccontextmanager
async def held(count: int) -> AsyncIterator[Held]:
    found = Held(count)
    server = await asyncio.start_server(found.answer, "127.0.0.1", 0, backlog=COUNT)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield found
    finally:
        server.close()


async def test_hundreds_wait_at_one_time_and_each_is_answered() -> None:
    async with held(COUNT) as server, AsyncJudgeClient(server.url) as client:
        found = await asyncio.gather(*(client.judge({"place": place}) for place in range(COUNT)))
        assert {one.id for one in found} == {"jdg_1"}
        assert server.most == COUNT


async def test_where_few_files_may_be_open_the_others_wait_and_none_fails() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    async with held(1) as server, AsyncJudgeClient(server.url, retry_seconds=0) as client:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        try:
            await client.judge({"place": "the first one"})
        finally:
            # The server is in this process, too, and needs as many.
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        server.count = 128
        server.all_there.clear()
        found = await asyncio.gather(*(client.judge({"place": place}) for place in range(COUNT)))
        assert len(found) == COUNT
        assert server.most == 128


PROGRAM = """
import asyncio, os, uvloop
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
from tests.trainers.adapters import ADAPTERS
from tests.trainers.answering import answering
with answering() as server:
    for make in ADAPTERS.values():
        adapter = make(server.url)
        assert adapter.score(["aa"]) == [0.2]
        pid = os.fork()
        if pid == 0:
            os._exit(0 if adapter.score(["a"]) == [0.1] else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert adapter.score(["aaa"]) == [0.3]
"""


def test_adapters_work_under_uvloop_and_in_its_forked_children() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")

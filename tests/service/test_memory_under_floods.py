"""What a real process weighs while 2.5 GB are posted at it: full, and with room for some."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest

from api.large_bodies import KEPT_FACTOR
from judge_agent.store.database import CACHE_KB
from tests.service.served import request

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
POSTS, BODY_BYTES = 500, 5_000_000
# What a connection and its request weigh, with the 256 KB that are read of a body before its sender is held back.
CONNECTION_BYTES = 700_000
ADDRESS_SPACE = 8 * 2**30


@contextmanager
def service(folder: Path, model_port: int, **settings: str) -> Iterator[tuple[int, str]]:
    """A service whose model never answers: its pid and its URL."""
    own = {
        "JUDGE_DATA_DIR": str(folder),
        "JUDGE_SANDBOX": "none",
        "JUDGE_MODEL": "openai",
        "JUDGE_MODEL_NAME": "silent",
        "JUDGE_MODEL_URL": f"http://127.0.0.1:{model_port}/v1",
        "PYTHONPATH": str(ROOT),
        **settings,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("JUDGE_")}
    command = [sys.executable, "-m", "judge_agent.cli", "serve", "--port", "0"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env=inherited | own,
        cwd=ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE)),
    ) as process:
        try:
            assert process.stdout is not None
            yield process.pid, process.stdout.readline().split()[2]
        finally:
            process.kill()
            process.wait()


@asynccontextmanager
async def silent_model() -> AsyncIterator[int]:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def rss(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


async def flooded(pid: int, url: str) -> tuple[Counter[tuple[int, str]], int]:
    """Post all at once; return how they were answered, and by how much the process grew at most, in bytes."""
    before, most = rss(pid), 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, rss(pid))
            await asyncio.sleep(0.05)

    trajectory = {"messages": [{"role": "assistant", "content": "x" * BODY_BYTES}]}
    body = json.dumps(request(candidates=[{"id": "a", "trajectory": trajectory}])).encode()
    headers = {"Content-Type": "application/json", "Prefer": "respond-async"}
    watching = asyncio.create_task(watch())
    async with httpx.AsyncClient(
        base_url=url, timeout=110, limits=httpx.Limits(max_connections=POSTS)
    ) as http:
        answers = await asyncio.gather(
            *(http.post("/v1/judgments", content=body, headers=headers) for _ in range(POSTS))
        )
    watching.cancel()
    for answer in answers:
        assert answer.status_code == 202 or int(answer.headers["retry-after"]) >= 1
    return Counter((answer.status_code, answer.json().get("code", "")) for answer in answers), most - before


async def test_posts_at_a_full_service_are_refused_and_leave_it_as_it_was(tmp_path: Path) -> None:
    room = {"JUDGE_MAX_RUNNING": "1", "JUDGE_MAX_QUEUED": "0"}
    async with silent_model() as port:
        with service(tmp_path, port, **room) as (pid, url):
            async with httpx.AsyncClient(base_url=url, timeout=60) as http:
                patient = request(budget={"seconds": 3000})
                first = await http.post("/v1/judgments", json=patient, headers={"Prefer": "respond-async"})
                assert first.status_code == 202
            answers, grown = await flooded(pid, url)
    print(f"full: grew by {grown / 1e6:.0f} MB, {dict(answers)}")
    # One place may come free meanwhile: the model of the first may be given up.
    assert answers[202, ""] <= 2
    assert {status for status, _ in answers} <= {202, 429, 503}
    assert grown < POSTS * CONNECTION_BYTES


async def test_posts_at_a_service_with_room_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    room = {"JUDGE_MAX_RUNNING": "1", "JUDGE_MAX_QUEUED": "20"}
    async with silent_model() as port:
        with service(tmp_path, port, **room) as (pid, url):
            answers, grown = await flooded(pid, url)
    print(f"room for 21: grew by {grown / 1e6:.0f} MB, {dict(answers)}")
    assert answers[202, ""] <= 21
    assert {status for status, _ in answers} <= {202, 429, 503}
    # The room for bodies that are read (64 MB: in pieces, then as a whole), for those that were read and are not yet
    # accepted, and for the pages that the database keeps.
    assert grown < (2 + KEPT_FACTOR) * 64_000_000 + 1024 * CACHE_KB + POSTS * CONNECTION_BYTES

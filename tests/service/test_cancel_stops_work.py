"""What a cancelled judgment was doing stops: the request to a model server, the program in its box."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from judge_agent.judge import Judge
from judge_agent.models.fake_server import FakeServer
from judge_agent.models.openai_chat import OpenAIChatModel
from judge_agent.seams.sandbox import Sandbox
from tests.service.served import Served, request, serving
from tools.run_tests import RunTests, RunTestsLimits

pytestmark = pytest.mark.anyio
LOOP = "```python\ndef spin(n):\n    open('started', 'w').close()\n    while True:\n        n += 1\n```"


class OfBoxes(Judge):
    sandbox: Sandbox

    def __init__(self, **parts) -> None:
        super().__init__(
            **parts
            | {"tools": (RunTests(self.sandbox, limits=RunTestsLimits(seconds_per_test=30)),), "model": None}
        )


async def test_a_model_server_sees_its_client_leave_within_a_second() -> None:
    async with (
        FakeServer(misbehave="hang") as server,
        OpenAIChatModel(server.base_url, "fake") as model,
        serving(judge_type=lambda **parts: Judge(**parts | {"model": model})) as served,
    ):
        posted = await served.post(request(), prefer="respond-async")
        async with asyncio.timeout(20):
            await server.arrived.wait()
        before = time.monotonic()
        answer = await served.http.post(f"{posted.headers['location']}:cancel")
        async with asyncio.timeout(5):
            await server.left.wait()
        assert time.monotonic() - before < 1.0
        assert answer.json()["state"] == "cancelled"


async def test_a_program_in_a_box_ends_within_a_second(sandbox: Sandbox) -> None:
    OfBoxes.sandbox = sandbox
    tests = {"kind": "call", "entry_point": "spin", "hidden": [{"args": [1], "expected": 1}]}
    body = request(
        recipe="verify",
        principles=None,
        task={"prompt": "Spin.", "reference": {"tests": tests}},
        candidates=[{"id": "a", "trajectory": {"text": LOOP}}],
    )
    async with serving(judge_type=OfBoxes) as served:
        # Three times: one of them at least is not held up by what else the machine does.
        assert min([await _seconds_to_end(served, body | {"seed": seed}) for seed in range(3)]) < 1.0


async def _seconds_to_end(served: Served, body: dict[str, Any]) -> float:
    """How long a program goes on spinning once its judgment is called off."""
    before_it = set(_below())
    posted = await served.post(body, prefer="respond-async")
    async with asyncio.timeout(20):
        while not _spinning(before_it):  # noqa: ASYNC110 - a program tells nobody that it spins
            await asyncio.sleep(0.05)
    before = time.monotonic()
    answer = await served.http.post(f"{posted.headers['location']}:cancel")
    assert answer.json()["state"] == "cancelled"
    async with asyncio.timeout(10):
        while _spinning(before_it):  # noqa: ASYNC110 - nor that it has ended
            await asyncio.sleep(0.02)
    return time.monotonic() - before


def _spinning(before: set[int]) -> list[int]:
    """The processes that were not there before, have worked for a while, and work."""
    return [
        pid for pid, seconds in _below().items() if pid not in before and seconds > 0.4 and _is_running(pid)
    ]


def _below() -> dict[int, float]:
    """CPU seconds of every process that this one started, or that one of those did."""
    parents, seconds = dict[int, int](), dict[int, float]()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
            seconds[int(entry.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def is_below(pid: int) -> bool:
        while pid > 1:
            pid = parents.get(pid, 0)
            if pid == os.getpid():
                return True
        return False

    return {pid: used for pid, used in seconds.items() if is_below(pid)}


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "R"
    except OSError:
        return False

"""What a busy machine takes from code is not the code's; a box that fails leaves what is known. Counts are given."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from judge_agent.errors import SandboxError
from judge_agent.schema import CallTest, StdioTest
from judge_agent.seams.sandbox import Box, BoxResult, Limits, Program, Sandbox
from tools.run_tests import RunTests, RunTestsLimits

pytestmark = pytest.mark.anyio
SQUARES = [CallTest(args=(n,), expected=n * n) for n in range(6)]
SLOW = "import time\ndef f(x):\n    time.sleep(0.3)\n    return x * x\n"
SHORT = RunTestsLimits(seconds_per_test=5, seconds_per_suite=1)


class BusyBox:
    """A real box, of which it is said that it waited for all of its time; at some line the machine fails it."""

    def __init__(self, box: Box, fails_at: int | None, waits: float) -> None:
        self._box = box
        self._lines = 0
        self._fails_at = fails_at
        self._waits = waits
        self._began = time.monotonic()

    async def send(self, line: bytes) -> None:
        await self._box.send(line)

    async def receive(self, *, timeout_seconds: float) -> bytes:
        self._lines += 1
        if self._lines == self._fails_at:
            raise SandboxError("the machine is too busy")
        return await self._box.receive(timeout_seconds=timeout_seconds)

    async def stop(self) -> BoxResult:
        result = await self._box.stop()
        return replace(result, waited_seconds=self._waits * result.seconds)

    async def waited(self) -> float:
        return self._waits * (time.monotonic() - self._began)


class BusyBoxes:
    name, version = "busy", "1"

    def __init__(self, sandbox: Sandbox, fails_at: int | None = None, waits: float = 1.0) -> None:
        self._sandbox = sandbox
        self._fails_at = fails_at
        self._waits = waits

    async def run(self, program: Program, *, limits: Limits) -> BoxResult:
        result = await self._sandbox.run(program, limits=limits)
        return replace(result, waited_seconds=self._waits * result.seconds)

    @asynccontextmanager
    async def open(self, program: Program, *, limits: Limits) -> AsyncIterator[BusyBox]:
        async with self._sandbox.open(program, limits=limits) as box:
            yield BusyBox(box, self._fails_at, self._waits)

    async def aclose(self) -> None:
        return


@pytest.mark.parametrize("waits", [1.0, 0.0])
@pytest.mark.parametrize("kind", ["call", "stdio", "assert"])
async def test_the_time_for_all_tests_leaves_out_what_the_code_waited(kind, waits, sandbox, view):
    entry_point, code, tests = "f", SLOW, SQUARES
    if kind == "stdio":
        code = SLOW + "print(f(int(input())))"
        tests = [StdioTest(stdin=f"{n}\n", stdout=f"{n * n}\n") for n in range(6)]
    if kind == "assert":  # in one box with the code
        entry_point = "Square"
        code = "import time\nclass Square:\n    def __init__(self, x): time.sleep(0.3)\n    def area(self): return 49"
        tests = ["assert Square(7).area() == 49"] * 6
    tool = RunTests(BusyBoxes(sandbox, waits=waits), limits=SHORT)
    result = await tool.run({}, view(code, kind, tests, entry_point=entry_point), timeout_seconds=60)
    bearing, reason = result.findings[0].bearing, result.findings[0].reason
    assert bearing == ("confirms" if waits else "refutes"), reason
    assert ("used up its 1 s for all tests together" in reason) == (not waits)


@pytest.mark.parametrize("kind", ["call", "check"])
async def test_a_wrong_answer_before_a_box_failed_refutes(kind, sandbox, view):
    tests = (
        SQUARES if kind == "call" else ["def check(f): assert f(1) == 1", "def check(f): assert f(2) == 4"]
    )
    asked = view("def f(x): return 5", kind, tests, entry_point="f")
    result = await RunTests(BusyBoxes(sandbox, fails_at=4), limits=SHORT).run({}, asked, timeout_seconds=60)
    assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "decisive")
    assert result.truncated
    assert result.flags["cut_short_by_a_failed_box"]


@pytest.mark.parametrize("kind", ["call", "check"])
async def test_a_machine_too_busy_to_tell_says_nothing_of_the_code(kind, sandbox, view):
    tests = (
        SQUARES if kind == "call" else ["def check(f): assert f(1) == 1", "def check(f): assert f(2) == 4"]
    )
    asked = view("def f(x): return x * x", kind, tests, entry_point="f")
    with pytest.raises(SandboxError, match="too busy"):
        await RunTests(BusyBoxes(sandbox, fails_at=4), limits=SHORT).run({}, asked, timeout_seconds=60)

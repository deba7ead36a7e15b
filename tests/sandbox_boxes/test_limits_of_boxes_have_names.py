"""Every ceiling is held in both profiles, and the result names the one that was hit."""

import ctypes
import platform
import tomllib
from pathlib import Path

import pytest

from judge_agent.seams.sandbox import Limits, Program

pytestmark = pytest.mark.anyio
CASES = {
    (f"{family}.{name}", profile): case
    for family, named in tomllib.loads(Path(__file__).with_name("limits.toml").read_text()).items()
    for name, case in named.items()
    for profile in case.get("profiles", ("strict", "subprocess"))
}
OTHER_ABI = """
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex('b814000000cd80c3'))
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
"""


@pytest.mark.parametrize(
    ("name", "profile"),
    [pytest.param(*key, marks=[pytest.mark.slow] if case.get("slow") else []) for key, case in CASES.items()],
)
async def test_a_ceiling_that_is_hit_is_named(name, profile, sandbox):
    case = CASES[name, profile]
    limits = Limits(**{"wall_seconds": 8.0, "cpu_seconds": 6, **case["limits"]})
    result = await sandbox.run(Program(case["source"], profile=profile), limits=limits)
    assert (result.status, result.limit) == (case["status"], case.get("limit")), result
    assert result.seconds < limits.wall_seconds + 2
    assert len(result.stdout) <= limits.output_bytes
    assert len(result.stderr) <= limits.output_bytes
    assert result.truncated == (case.get("limit") == "output_bytes")

    after = await sandbox.run(Program("print(6 * 7)", profile=profile), limits=Limits(wall_seconds=6))
    assert (after.status, after.stdout) == ("ok", b"42\n")


@pytest.mark.parametrize("profile", ["strict", "subprocess"])
async def test_a_system_call_that_ends_the_program_is_named(profile, sandbox):
    if platform.machine() != "x86_64" or ctypes.sizeof(ctypes.c_void_p) != 8:
        pytest.skip("the gate of 32-bit programs is one of x86-64")
    result = await sandbox.run(Program(OTHER_ABI, profile=profile), limits=Limits())
    assert (result.status, result.limit) == ("refused", "system_calls")


@pytest.mark.parametrize("profile", ["strict", "subprocess"])
async def test_what_stays_below_every_ceiling_is_not_held_against_a_program(profile, sandbox):
    source = (
        "import threading\n"
        "kept = bytearray(100 * 2**20)\n"
        "for number in range(40): open(f'f{number}', 'wb').write(bytes(2**16))\n"
        "threads = [threading.Thread(target=sum, args=(range(1000),)) for _ in range(15)]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
        "print('x' * 60_000)\n"
    )
    limits = Limits(
        memory_bytes=2**28, disk_bytes=2**22, files=60, open_files=40, processes=20, output_bytes=2**16
    )
    result = await sandbox.run(Program(source, profile=profile), limits=limits)
    assert (result.status, result.limit, len(result.stdout)) == ("ok", None, 60_001), result


@pytest.mark.parametrize("profile", ["strict", "subprocess"])
async def test_the_kernel_counts_time_and_memory_of_a_program(profile, sandbox):
    source = "import time\nx = bytearray(b'x') * (80 * 2**20)\nwhile time.process_time() < 0.3: pass"
    result = await sandbox.run(Program(source, profile=profile), limits=Limits())
    assert 0.25 < result.cpu_seconds < 2
    assert 80 * 2**20 < result.peak_memory_bytes < 400 * 2**20

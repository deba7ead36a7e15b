"""A host without a free descriptor or process makes no box, and says what it lacks; boxes that run go on."""

import subprocess
import sys

import pytest

SHORT = """
import asyncio, os, resource
from judge_agent.seams.sandbox import Limits, Program
from sandboxes import make_sandbox

async def main():
    sandbox, limits = make_sandbox(), Limits(wall_seconds=8)
    {before}
    first = asyncio.ensure_future(sandbox.run(Program("import time; time.sleep(1.5); print('runs on')"), limits=limits))
    await asyncio.sleep(0.3)
    {after}
    many = [sandbox.run(Program("import time; time.sleep(0.5)"), limits=limits) for _ in range(30)]
    for found in await asyncio.gather(*many, return_exceptions=True):
        print(found if isinstance(found, BaseException) else found.status)
    print((await first).stdout)
    await sandbox.aclose()

asyncio.run(main())
"""
PROCESSES = "resource.setrlimit(resource.RLIMIT_NPROC, (30, 30))"
DESCRIPTORS = "resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir('/proc/self/fd')) + 26, 4096))"


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (PROCESSES, "pass", "a pid namespace: "),
        ("pass", DESCRIPTORS, "no free descriptor: raise its open-files"),
    ],
)
def test_a_box_that_cannot_be_made_says_what_is_lacking(sandbox, before, after, reason):
    source = SHORT.format(before=before, after=after)
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=True
    )
    assert reason in done.stdout
    assert "without a word" not in done.stdout
    assert "b'runs on\\n'" in done.stdout

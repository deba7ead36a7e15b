"""What becomes of boxes that nobody waits for any more: no process and no folder stays behind."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from judge_agent.errors import BudgetExceeded
from sandboxes.browser import find_browser, lacking
from tools.browse import Browse

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
LOOKS = 600
SLOW = [{"name": "slow", "steps": [{"do": "wait", "seconds": 10}]}]
OPENS = """
import asyncio, sys
from judge_agent.seams.browser import OWN_ADDRESS, Answer, ServedSite
from sandboxes.browser import find_browser
async def main():
    site = ServedSite(OWN_ADDRESS, {OWN_ADDRESS: (Answer(b"<h1>x</h1>", "text/html"),)})
    async with find_browser().visit(site) as window:
        await window.do({"do": "go"}, timeout_seconds=60)
        print("open", flush=True)
        await asyncio.sleep(1000)
asyncio.run(main())
"""


def parents() -> dict[int, int]:
    """The parent of every process that lives."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if words[0] != "Z":
                found[int(entry.name)] = int(words[1])
    return found


def below(pid: int) -> set[int]:
    """All living processes that descend from one."""
    known, found, more = parents(), set[int](), {pid}
    while more:
        more = {one for one, parent in known.items() if parent in more} - found
        found |= more
    return found


async def left_of(pids: set[int]) -> set[int]:
    """Those that are still there after half a minute."""
    for _ in range(LOOKS):
        if not (left := pids & set(parents())):
            break
        await asyncio.sleep(0.05)
    return left


@pytest.fixture
def fresh():
    found = find_browser()
    if found is None:
        pytest.skip(f"this machine lacks {', '.join(lacking())}")
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("fresh")
async def test_nothing_is_left_of_a_service_that_is_killed(tmp_path):
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OPENS),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert started.stdout is not None
    async with asyncio.timeout(150):
        assert await started.stdout.readline() == b"open\n"
    of_the_box = below(started.pid)
    assert len(of_the_box) > 3
    started.kill()
    await started.communicate()
    assert await left_of(of_the_box) == set()
    assert list(tmp_path.iterdir()) == []


async def test_a_visit_that_is_given_up_ends_its_browser_and_the_next_one_works(fresh, view):
    tool, others = Browse(fresh), below(os.getpid())
    async with asyncio.timeout(100):
        sound = await tool.run(
            {"site": "s", "steps": [{"do": "text"}]}, view(pages=[SITE]), timeout_seconds=90
        )
    assert sound.status == "ok"
    first = below(os.getpid()) - others
    assert len(first) > 3
    with pytest.raises(BudgetExceeded):
        await tool.run({}, view("<h1>x</h1>", SLOW, renders=[]), timeout_seconds=2)
    again = await tool.run({"site": "s", "steps": [{"do": "text"}]}, view(pages=[SITE]), timeout_seconds=90)
    assert again.output == sound.output
    second = below(os.getpid()) - others
    await fresh.aclose()
    assert await left_of(first | second) == set()


SITE = {"name": "s", "html": "<h1>Sound</h1>"}

"""What a box of WebAssembly offers a program, and what it says of its end: every limit by its name."""

import asyncio
import os
import tomllib
from pathlib import Path

import pytest

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import BoxClosed, Limits, Program

pytestmark = pytest.mark.anyio
CASES = {
    f"{family}.{name}": case
    for family, named in tomllib.loads(Path(__file__).with_name("wasm_programs.toml").read_text()).items()
    for name, case in named.items()
}
LOUD = "def main(channel):\n    print('a' * 99)\n    channel.send(b'one')\n    print('b')\n    channel.send(b'two')\n"
ECHO = "def main(channel):\n    while (line := channel.receive()) != b'end':\n        channel.send(line.upper())\n"


async def run(sandbox, source, **changes):
    return await sandbox.run(Program(source), limits=Limits(**changes))


@pytest.mark.parametrize("name", CASES)
async def test_the_way_a_program_ends_is_told(name, wasm):
    case = CASES[name]
    limits = Limits(**{"wall_seconds": 30.0, "cpu_seconds": 20, **case.get("limits", {})})
    program = Program(case["source"], stdin=case.get("stdin", "").encode())
    result = await wasm.run(program, limits=limits)
    limit = case.get("limit")
    timed = limit in ("wall_seconds", "cpu_seconds")
    status = case.get("status", "timeout" if timed else "failed" if limit else "ok")
    assert (result.status, result.limit) == (status, limit), result
    assert case.get("says", "").encode() in result.stderr
    if "prints" in case:
        assert (result.stdout.decode(), result.stderr) == (case["prints"], b"")
    if "exit_code" in case:
        assert result.exit_code == case["exit_code"]
    assert len(result.stdout) <= limits.output_bytes


async def test_time_and_memory_are_accounted(wasm):
    result = await run(wasm, "kept = b'x' * (100 * 2**20)\nfor _ in range(2_000_000): pass")
    assert result.peak_memory_bytes > 100 * 2**20
    assert 0.05 < result.cpu_seconds < 5
    assert 0.05 < result.seconds < 10
    killed = await run(wasm, "kept = b'x' * (100 * 2**20)\nwhile True: pass", wall_seconds=1.0)
    assert killed.peak_memory_bytes > 100 * 2**20


async def test_lines_go_both_ways_until_the_program_ends(wasm):
    async with wasm.open(Program(ECHO), limits=Limits()) as box:
        for word in (b"one", b"two" * 200_000):
            await box.send(word)
            assert await box.receive(timeout_seconds=10) == word.upper()
        with pytest.raises(TimeoutError):
            await box.receive(timeout_seconds=0.05)
        await box.send(b"end")
        with pytest.raises(BoxClosed):
            await box.receive(timeout_seconds=10)
        assert (await box.stop()).status == "ok"


async def test_what_a_talking_program_prints_is_no_line_of_its_channel(wasm):
    async with wasm.open(Program(LOUD), limits=Limits()) as box:
        assert [await box.receive(timeout_seconds=10) for _ in range(2)] == [b"one", b"two"]
        result = await box.stop()
    assert result.stdout == b""


async def test_a_write_that_is_too_large_for_the_host_is_done_in_part(wasm):
    source = """
import os
def main(channel):
    done = os.write(channel._descriptor, bytes(2**30))
    channel.send(b'')
    channel.send(str(done).encode())
"""
    async with wasm.open(Program(source), limits=Limits(wall_seconds=60, cpu_seconds=60)) as box:
        first = await box.receive(timeout_seconds=30)
        assert int(await box.receive(timeout_seconds=30)) == len(first) < 2**21


async def test_a_talking_program_still_reads_its_input(wasm):
    source = "import sys\ndef main(channel):\n    channel.send(sys.stdin.buffer.read())\n"
    async with wasm.open(Program(source, stdin=b"given"), limits=Limits()) as box:
        assert await box.receive(timeout_seconds=10) == b"given"


async def test_a_closed_channel_is_not_the_next_file_that_is_opened(wasm):
    source = """
import os
for number in range(3, 20):
    try:
        os.close(number)
    except OSError:
        pass
"""
    async with wasm.open(
        Program(f"def main(channel):\n{source.replace(chr(10), chr(10) + '    ')}"), limits=Limits()
    ) as box:
        with pytest.raises(BoxClosed):
            await box.receive(timeout_seconds=10)
    result = await run(wasm, source + "open('later', 'w').write('8000'); print(open('later').read())")
    assert b"8000" not in result.stdout or result.status == "ok"


async def test_an_endless_line_closes_the_box(wasm):
    source = (
        "def main(channel):\n    import os\n    while True: os.write(channel._descriptor, b'x' * 65536)\n"
    )
    async with wasm.open(Program(source), limits=Limits(wall_seconds=30, cpu_seconds=30)) as box:
        with pytest.raises(BoxClosed, match="line protocol"):
            await box.receive(timeout_seconds=20)


async def test_files_go_in_and_come_out(wasm):
    source = """
import os
open('out/sum.txt', 'w').write(str(len(open('in/data.bin', 'rb').read())))
os.symlink('sum.txt', 'out/link.txt')
open('other', 'w').write('x')
open('out/large.txt', 'wb').write(bytes(2**20))
"""
    program = Program(
        source, files={"in/data.bin": bytes(range(256)), "out/.keep": b""}, collect=["out/*.txt"]
    )
    result = await wasm.run(program, limits=Limits(artifact_bytes=2**19))
    found = {artifact.name: artifact for artifact in result.artifacts}
    assert set(found) == {"out/sum.txt", "out/link.txt", "out/large.txt"}
    assert found["out/sum.txt"].content == b"256"
    assert (found["out/link.txt"].content, found["out/large.txt"].content) == (None, None)
    assert "artifact_bytes" in found["out/large.txt"].skipped


@pytest.mark.parametrize("name", ["", "/etc/x", "../x", "a/../../x", "a//b", ".", "a\0b", "x" * 300])
async def test_a_file_that_leaves_the_work_folder_is_not_written(name, wasm):
    with pytest.raises(ValueError, match="file name"):
        await wasm.run(Program("print(1)", files={name: b"x"}), limits=Limits())


async def test_files_that_are_more_than_the_folder_holds_end_the_program(wasm):
    program = Program("print(1)", files={"x": bytes(2**20)})
    result = await wasm.run(program, limits=Limits(disk_bytes=2**19))
    assert (result.status, result.limit, result.stdout) == ("failed", "disk_bytes", b"")


async def test_a_program_that_is_too_large_is_refused(wasm):
    result = await run(wasm, "#" * 100, program_bytes=99)
    assert (result.status, result.limit) == ("refused", "program_bytes")
    with pytest.raises(ValueError, match="program_bytes"):
        async with wasm.open(Program("#" * 100), limits=Limits(program_bytes=99)):
            pass


async def test_children_are_refused_with_the_setting_that_allows_them(wasm):
    with pytest.raises(SandboxError, match="JUDGE_SANDBOX=namespaces"):
        await wasm.run(Program("print(1)", profile="subprocess"), limits=Limits())


async def test_modules_that_come_with_a_program_can_be_imported(wasm):
    program = Program("import a.b\nprint(a.b.value, __name__)", modules={"a.b": "value = 8000"})
    assert (await wasm.run(program, limits=Limits())).stdout == b"8000 __main__\n"


async def test_random_numbers_come_from_the_seed(wasm):
    source = "import random; print(random.random(), hash('x'))"
    one, two, other = [(await wasm.run(Program(source, seed=n), limits=Limits())).stdout for n in (1, 1, 2)]
    assert one == two != other


async def test_nothing_is_left_for_the_next_program(wasm):
    leave = "open('left', 'w').write('x'); import builtins, os; builtins.left = 1; os.environ['left'] = '1'"
    look = "import builtins, os; print(os.listdir(), hasattr(builtins, 'left'), 'left' in os.environ)"
    assert (await run(wasm, leave)).status == "ok"
    assert (await run(wasm, look)).stdout == b"[] False False\n"


async def test_boxes_that_run_at_one_time_do_not_meet(wasm):
    sources = [f"open('name', 'w').write('{n}'); print(open('name').read())" for n in range(6)]
    results = await asyncio.gather(*(run(wasm, source, wall_seconds=60) for source in sources))
    assert [result.stdout for result in results] == [f"{n}\n".encode() for n in range(6)]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells what a process may")
async def test_other_walls_stand_behind_webassembly(wasm):
    async with wasm.open(Program(ECHO), limits=Limits()) as box:
        await box.send(b"one")
        assert await box.receive(timeout_seconds=10) == b"ONE"
        (child,) = _children()
        told = _status(child)
        assert (told["NoNewPrivs"].strip(), told["Seccomp"].strip()) == ("1", "2")
        assert int(told["Uid"].split()[1]) != 0
        assert int(told["CapEff"], 16) == 0


async def test_nothing_is_open_or_running_after_a_box(wasm):
    await run(wasm, "print(1)")
    before = set(os.listdir("/proc/self/fd"))
    for source in ("print(1)", "1 / 0", "import time; time.sleep(9)"):
        await run(wasm, source, wall_seconds=0.5)
    with pytest.raises(ValueError, match="mine"):
        async with wasm.open(Program(ECHO), limits=Limits()):
            raise ValueError("mine")
    assert set(os.listdir("/proc/self/fd")) <= before  # what earlier tests left may close meanwhile
    assert _children() == []


async def test_whoever_is_cancelled_leaves_nothing_behind(wasm, wasm_cache):
    for turns in (1, 3, 10, 40, 100):
        task = asyncio.create_task(run(wasm, "while True: pass"))
        for _ in range(turns):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert _children() == []
        assert [place for place in wasm_cache.glob("wasm/boxes/*/*") if place.name != "lock"] == []


def _status(pid: int) -> dict[str, str]:
    return dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())


def _children() -> list[int]:
    """Processes that this one started and that still run."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[1]) == os.getpid() and words[0] != "Z":
            command = Path(place.parent, "cmdline").read_bytes()
            if b"in_child" in command:
                found.append(int(place.parent.name))
    return found

"""How a program ended is what the kernel says, never what the program says."""

import os
import tomllib
from pathlib import Path

import anyio
import pytest

from judge_agent.seams.sandbox import Box, BoxClosed, Limits, Program

pytestmark = pytest.mark.anyio
FORGED = tomllib.loads(Path(__file__).with_name("forged.toml").read_text())
LIMITS = Limits(wall_seconds=5.0)
SENDS_DESCRIPTORS = """
import array, os, socket
def main(channel):
    try:
        line = socket.socket(fileno=os.dup(channel._descriptor))
        for _ in range(50):
            socket.send_fds(line, [b'x' * 10], [0, 1, 2] * 20)
    except OSError as error:
        channel.send(repr(error).encode())
    channel.send(b'end')
"""
NO_DESCRIPTORS = """
import fcntl, os, socket, stat
for n in range(3, 256):
    try:
        kind = os.fstat(n)
    except OSError:
        continue
    print(n, oct(kind.st_mode), fcntl.fcntl(n, fcntl.F_GETFL))
"""
SPEAKS_OUT_OF_TURN = """
import os
def main(channel):
    for n in range(3, 64):
        try:
            os.write(n, b'R' * 100 + b'F' * 100)
        except OSError:
            pass
    channel.send(b'')
    os._exit(4)
"""


@pytest.fixture(scope="module")
def believed(naive):
    """What a naive runner makes of each forged result."""
    return naive.run_all({name: [case["source"]] for name, case in FORGED.items()})


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        (name, profile)
        for name, case in FORGED.items()
        for profile in case.get("profiles", ("strict", "subprocess"))
    ],
)
async def test_a_forged_result_is_believed_by_a_naive_runner_only(name, profile, believed, sandbox):
    case = FORGED[name]
    result = await sandbox.run(Program(case["source"], profile=profile), limits=LIMITS)
    assert (result.status, result.limit, result.exit_code) == ("failed", None, case["exit_code"]), result
    assert believed[name].verdict == "ok"


@pytest.mark.parametrize("profile", ["strict", "subprocess"])
async def test_a_program_finds_no_descriptor_but_its_streams(profile, naive, sandbox):
    result = await sandbox.run(Program(NO_DESCRIPTORS, profile=profile), limits=LIMITS)
    assert (result.status, result.stdout) == ("ok", b"")
    assert naive.run(NO_DESCRIPTORS).stdout


@pytest.mark.parametrize("profile", ["strict", "subprocess"])
async def test_descriptors_that_a_program_sends_do_not_reach_the_judge(profile, sandbox):
    before = len(os.listdir("/proc/self/fd"))
    async with sandbox.open(Program(SENDS_DESCRIPTORS, profile=profile), limits=LIMITS) as box:
        words = b""
        while not words.endswith(b"end"):
            words += await box.receive(timeout_seconds=5)
        during = len(os.listdir("/proc/self/fd"))
        await box.stop()
    assert during <= before + 12


@pytest.mark.parametrize("profile", ["strict", "subprocess"])
async def test_what_is_said_out_of_turn_is_a_line_and_no_more(profile, sandbox):
    async with sandbox.open(Program(SPEAKS_OUT_OF_TURN, profile=profile), limits=LIMITS) as box:
        said = await box.receive(timeout_seconds=5)
        assert said.strip(b"RF") == b""
        with pytest.raises(BoxClosed):
            await box.receive(timeout_seconds=5)
        assert (await box.stop()).exit_code == 4


@pytest.mark.parametrize("profile", ["strict", "subprocess"])
async def test_a_program_that_never_reads_its_lines_is_ended_in_time(profile, sandbox):
    source = "import time\ndef main(channel):\n    channel.send(b'x'); time.sleep(60)\n"
    async with sandbox.open(Program(source, profile=profile), limits=Limits(wall_seconds=0.5)) as box:
        assert await box.receive(timeout_seconds=5) == b"x"
        with anyio.fail_after(5), pytest.raises(BoxClosed):
            await _talk_on(box)
        result = await box.stop()
    assert (result.status, result.limit) == ("timeout", "wall_seconds")


@pytest.mark.parametrize("profile", ["strict", "subprocess"])
async def test_a_program_that_stops_a_fork_server_stops_only_itself(profile, sandbox):
    """Answers to a kill of all, of the group, of pid 1; the same fork server serves the next program at once."""
    for source in (
        "import os; os.kill(-1, 9)",
        "import os, signal; os.kill(-1, signal.SIGSTOP)",
        "import os; os.kill(0, 9)",
        "import os, signal; os.killpg(0, signal.SIGSTOP)",
        "import os; os.kill(1, 9)",
        "import os; os.kill(os.getppid(), 9)",
        "import os; os.abort()",
        "import ctypes; ctypes.string_at(0)",
    ):
        with anyio.fail_after(8):
            await sandbox.run(Program(source, profile=profile), limits=Limits(wall_seconds=1))
            result = await sandbox.run(Program("print(1)", profile=profile), limits=LIMITS)
        assert result.stdout == b"1\n", source


ENDS = {
    "a_code_that_is_too_large": ("raise SystemExit(2**70)", "failed", 255),
    "a_code_that_wraps_round": ("raise SystemExit(256 + 7)", "failed", 7),
    "a_word_that_cannot_be_said": (
        "class W:\n    def __str__(self): 1 / 0\nraise SystemExit(W())",
        "failed",
        1,
    ),
    "an_exit_that_was_taken_away": ("import os; os._exit = None", "ok", 0),
    "an_exit_that_was_replaced": (
        "import os; os._exit = lambda code: None\nraise SystemExit(3)",
        "failed",
        3,
    ),
    "streams_that_were_taken_away": ("import sys; del sys.stdout, sys.stderr", "ok", 0),
    "a_library_taken_apart": (
        "import sys, os, threading; threading._shutdown = None; sys.modules.clear()",
        "ok",
        0,
    ),
    "an_error_that_cannot_be_told": (
        "class E(Exception):\n    def __str__(self): raise self\nraise E",
        "failed",
        1,
    ),
}


@pytest.mark.parametrize("profile", ["strict", "subprocess"])
@pytest.mark.parametrize("name", ENDS)
async def test_the_end_is_told_as_python_tells_it_whatever_was_taken_apart(name, profile, sandbox):
    source, status, exit_code = ENDS[name]
    result = await sandbox.run(Program(source, profile=profile), limits=LIMITS)
    assert (result.status, result.exit_code) == (status, exit_code), result


@pytest.mark.parametrize("profile", ["strict", "subprocess"])
async def test_a_flood_at_the_very_end_breaks_no_fork_server(profile, sandbox):
    """The host kills at the cap, and the program ends by itself, at the same moment."""
    for _ in range(25):
        flood = Program(
            "import os\ntry:\n    os.write(2, b'x' * 70_000)\nfinally:\n    os._exit(0)", profile=profile
        )
        result = await sandbox.run(flood, limits=Limits(wall_seconds=5, output_bytes=65_536))
        assert result.limit == "output_bytes"


async def test_a_module_that_is_sent_hides_one_of_the_library(sandbox):
    program = Program(
        "import string, json; print(string.own, json.own)", modules={"string": "own = 1", "json": "own = 2"}
    )
    assert (await sandbox.run(program, limits=LIMITS)).stdout == b"1 2\n"


async def _talk_on(box: Box) -> None:
    while True:
        await box.send(b"y" * 2**16)

"""What a box offers a program, what it says of it, and when it says that it could not be made."""

import json
import os
import shutil
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import BoxClosed, Limits, Program
from sandboxes import find_bwrap, probe
from sandboxes.namespaces import NamespaceSandbox
from sandboxes.seccomp import strict_filter

pytestmark = pytest.mark.anyio
CHECKOUT = Path(__file__).resolve().parents[2]


async def run(sandbox, source, **changes):
    return await sandbox.run(Program(source), limits=Limits(**changes))


async def test_a_program_reads_and_prints(sandbox):
    result = await sandbox.run(Program("print(input()[::-1])", stdin=b"abc\n"), limits=Limits())
    assert (result.status, result.exit_code, result.stdout) == ("ok", 0, b"cba\n")


@pytest.mark.parametrize(
    ("source", "status", "limit", "exit_code"),
    [
        ("raise SystemExit(3)", "failed", None, 3),
        ("1 / 0", "failed", None, 1),
        ("x = bytearray(10**10)", "failed", "memory_bytes", 1),
        ("exit()", "ok", None, 0),
        ("def f(:", "failed", None, 1),
        ("import os; os.abort()", "failed", None, 134),
    ],
)
async def test_the_way_a_program_ends_is_told(source, status, limit, exit_code, sandbox):
    result = await run(sandbox, source)
    assert (result.status, result.limit, result.exit_code) == (status, limit, exit_code)


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np; print(int((np.ones((20, 20)) @ np.ones((20, 20))).sum()))",
        "import numpy as np; print(8000 if np.random.default_rng(0).random(3).shape == (3,) else 0)",
        "import threading; t = threading.Thread(target=print, args=(8000,)); t.start(); t.join()",
        "import asyncio; print(asyncio.run(asyncio.sleep(0, 8000)))",
        "import tempfile; f = tempfile.TemporaryFile(); f.write(b'8000'); f.seek(0); print(f.read().decode())",
        "import sqlite3; print(sqlite3.connect(':memory:').execute('select 8000').fetchone()[0])",
        "import concurrent.futures as c; print(c.ThreadPoolExecutor().submit(lambda: 8000).result())",
        "import decimal, datetime, json, re, itertools, collections, heapq, bisect, statistics; print(8000)",
        "import datetime, zoneinfo as z; d = datetime.datetime(2024, 7, 1, tzinfo=z.ZoneInfo('Europe/Paris')); "
        "print(4000 * (d.utcoffset().seconds // 3600))",
        "import signal; signal.signal(signal.SIGALRM, lambda *a: None); signal.alarm(1); print(8000)",
    ],
)
async def test_honest_programs_work(source, sandbox):
    result = await run(sandbox, source)
    assert (result.stdout, result.stderr) == (b"8000\n", b"")


async def test_nothing_of_the_checkout_is_in_a_box(sandbox):
    source = (
        "import os, sys\n"
        f"print([place for place in ({str(CHECKOUT)!r}, '/home', '/root/.ssh', '/etc/hostname', '/proc', '/sys')"
        " if os.path.exists(place) and place not in sys.prefix])\n"
        "print([name for name in os.environ if name.startswith(('JUDGE', 'VIRTUAL', 'SSH', 'PYTEST'))])\n"
        "print(os.environ['PATH'], os.listdir('/tmp'), os.listdir('/dev/shm'))\n"
        "print(os.path.exists('/etc/passwd'))\n"
    )
    places, environment, own, users = (await run(sandbox, source)).stdout.decode().splitlines()
    assert (places, environment, users) == ("[]", "[]", "False")
    assert own == "/usr/local/bin:/usr/bin:/bin [] []"


async def test_random_numbers_come_from_the_seed(sandbox):
    source = "import random; print(random.random(), hash('x'))"
    one, two, other = [
        (await sandbox.run(Program(source, seed=n), limits=Limits())).stdout for n in (1, 1, 2)
    ]
    assert one == two != other


async def test_a_program_that_is_too_large_is_refused(sandbox):
    result = await run(sandbox, "#" * 100, program_bytes=99)
    assert (result.status, result.limit) == ("refused", "program_bytes")


async def test_lines_go_both_ways_until_the_program_ends(sandbox):
    source = (
        "def main(channel):\n"
        "    while (line := channel.receive()) != b'end':\n"
        "        channel.send(line.upper())\n"
    )
    async with sandbox.open(Program(source), limits=Limits()) as box:
        for word in (b"one", b"two"):
            await box.send(word)
            assert await box.receive(timeout_seconds=5) == word.upper()
        with pytest.raises(TimeoutError):
            await box.receive(timeout_seconds=0.05)
        await box.send(b"end")
        with pytest.raises(BoxClosed):
            await box.receive(timeout_seconds=5)
        assert (await box.stop()).status == "ok"


async def test_an_endless_line_closes_the_box(sandbox):
    source = (
        "def main(channel):\n    import os\n    while True: os.write(channel._descriptor, b'x' * 65536)\n"
    )
    async with sandbox.open(Program(source), limits=Limits()) as box:
        with pytest.raises(BoxClosed, match="line protocol"):
            await box.receive(timeout_seconds=10)


async def test_a_box_that_cannot_be_made_is_a_sandbox_error(tmp_path):
    for broken in (Path("/bin/false"), tmp_path / "nothing"):
        with pytest.raises(SandboxError):
            await NamespaceSandbox(broken).run(Program("print(1)"), limits=Limits())


async def test_the_probe_says_what_works(sandbox):
    found = await probe()
    assert found.works
    assert "seccomp" in found.detail


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_jump_of_the_filter_lands_inside_it(machine):
    program = list(struct.iter_unpack("<HBBI", strict_filter(machine)))
    assert len(program) < 4096
    for place, (code, if_true, if_false, _) in enumerate(program):
        if code & 7 == 5:
            assert place + 1 + max(if_true, if_false) < len(program)
    assert program[-1][0] == 6


def test_a_machine_without_a_table_has_no_box():
    with pytest.raises(SandboxError, match="riscv64"):
        NamespaceSandbox(Path("/bin/false"), machine="riscv64")


ORDINARY = """
import asyncio, json, os, sys
from judge_agent.seams.sandbox import Limits, Program
from sandboxes import make_sandbox
result = asyncio.run(make_sandbox().run(Program('import os\\nprint(os.getuid())\\nos.fork()'), limits=Limits()))
print(json.dumps([os.getuid(), result.stdout.decode(), result.stderr.decode()]))
"""


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become somebody else; the other tests ran as a user"
)
def test_an_ordinary_user_gets_the_same_box(tmp_path_factory):
    python = "/usr/bin/python3"
    if not os.path.exists(python) or not _same_minor(python):
        pytest.skip("no system Python of this version that an ordinary user may run")
    place = tmp_path_factory.mktemp("ordinary")
    for above in (place, *place.parents[:2]):
        above.chmod(0o755)
    site = sysconfig.get_path("purelib")
    for name in ("pydantic", "pydantic_core", "annotated_types", "typing_inspection", "typing_extensions.py"):
        _copy(Path(site) / name, place / name)
    for name in ("judge_agent", "sandboxes"):
        _copy(CHECKOUT / name, place / name)
    bwrap = find_bwrap()
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", python, "-c", ORDINARY],
        cwd="/",
        env={"PYTHONPATH": str(place), "PATH": f"{bwrap.parent if bwrap else ''}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    uid, printed, failed = json.loads(done.stdout)
    assert (uid, printed) == (65534, "2000\n")
    assert "PermissionError" in failed


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _same_minor(python: str) -> bool:
    wanted = f"{sys.version_info.major}.{sys.version_info.minor}"
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return (
        subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()
        == wanted
    )

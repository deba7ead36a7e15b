"""Ordinary programs print in a box what they print without one, and end with the same exit code."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from judge_agent.seams.sandbox import Limits, Program
from tools.scripts import script

pytestmark = pytest.mark.anyio
ORDINARY = Path(__file__).with_name("ordinary")
STDIN = b"7\n"
PROGRAMS = {
    f"{table.stem}.{name}": source
    for table in sorted(ORDINARY.glob("*.toml"))
    for name, source in tomllib.loads(table.read_text(encoding="utf-8")).items()
}


def plainly(source: str, folder: Path) -> tuple[bytes, int]:
    """What Python itself makes of it, with the box's settings: UTF-8, and the same hashes each time."""
    (folder / "program.py").write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "program.py"],
        input=STDIN,
        capture_output=True,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder), "PYTHONHASHSEED": "0"},
        timeout=60,
        check=False,
    )
    return done.stdout, done.returncode if done.returncode >= 0 else 128 - done.returncode


def test_there_are_enough_of_them() -> None:
    assert len(PROGRAMS) >= 60


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_program_ends_in_a_box_as_without_one(name, sandbox, tmp_path):
    made = script(PROGRAMS[name])
    program = Program(made.source, stdin=STDIN, files={made.name: made.content}, script=made.script)
    result = await sandbox.run(program, limits=Limits())
    assert (result.stdout, result.exit_code) == plainly(PROGRAMS[name], tmp_path), result


async def test_a_traceback_begins_in_the_program(sandbox):
    made = script("def f():\n    1 / 0\nf()")
    program = Program(made.source, files={made.name: made.content}, script=made.script)
    told = (await sandbox.run(program, limits=Limits())).stderr.decode().splitlines()
    assert told[:2] == [
        "Traceback (most recent call last):",
        '  File "/room/box/program.py", line 3, in <module>',
    ]


async def test_a_program_that_does_not_compile_has_no_traceback(sandbox):
    made = script("def f(:")
    program = Program(made.source, files={made.name: made.content}, script=made.script)
    told = (await sandbox.run(program, limits=Limits())).stderr.decode().splitlines()
    assert told[0] == '  File "/room/box/program.py", line 1'

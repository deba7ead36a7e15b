"""The same program without anything kept warm: a fresh interpreter, alone and in a fresh bubblewrap.

The bubblewrap is no careful one: it has the namespaces and read-only binds, and neither system-call filter nor limits.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandboxes import find_bwrap
from sandboxes.interpreter import SITE, find_interpreter

SECONDS = 60.0
# One thread for numpy, as in the boxes: starting more is no part of what is compared.
_THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_PLAIN = {"LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **_THREADS}


class ProgramFailed(Exception):
    """A program of the benchmark ended otherwise than it should; the message has its last words."""


async def cold_python(program: str) -> str:
    """Run `python -c` in an empty folder; returns what it prints. Raises ProgramFailed."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
        return await _output([sys.executable, "-c", program], environment | _PLAIN, folder)


class ColdBubblewrap:
    """`bwrap --unshare-all` with the interpreter and numpy bound read-only and an empty work folder, per program."""

    def __init__(self, bwrap: Path) -> None:
        found = find_interpreter()
        arguments = [str(bwrap), "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
        for source, target in found.binds:
            arguments += ["--ro-bind", source, target]
        for place, target in found.links:
            arguments += ["--symlink", target, place]
        for name, value in {**_PLAIN, "PYTHONPATH": SITE}.items():
            arguments += ["--setenv", name, value]
        arguments += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/room", "--chdir", "/room"]
        self._command = [*arguments, "--", found.executable, "-s", "-S", "-c"]

    @classmethod
    def found(cls) -> ColdBubblewrap | None:
        bwrap = find_bwrap()
        return cls(bwrap) if bwrap is not None else None

    async def run(self, program: str) -> str:
        """Run a program; returns what it prints. Raises ProgramFailed."""
        return await _output([*self._command, program], {}, "/")


async def _output(command: Sequence[str], environment: Mapping[str, str], folder: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(environment),
        cwd=folder,
    )
    try:
        async with asyncio.timeout(SECONDS):
            stdout, stderr = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise ProgramFailed(f"{command[0]} did not end within {SECONDS:g} s") from None
    if process.returncode != 0:
        raise ProgramFailed(f"{command[0]} ended with {process.returncode}: {stderr[-400:]!r}")
    return stdout.decode()

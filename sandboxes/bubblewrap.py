"""Boxes made by bubblewrap: every namespace unshared, an empty root, and boot.py's lock-down inside.

Outside in: launcher.py (not root on the host), bwrap (user, mount, pid, net, ipc, uts and cgroup namespaces; a
read-only root with the interpreter only; no /proc, no /sys, no environment), boot.py (quota tmpfs, rlimits, no
capabilities, Landlock, system-call filter). The wall clock and the output caps are enforced here, outside.

Does NOT protect against: kernel bugs (gVisor or a microVM answers those); use of CPU time up to the limit, caches
and timing shared with the host; memory beyond address space per process (strict boxes are one process each); a
host on which user namespaces are switched off (then there is no box, and `probe` says so).
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import BoxResult, Limits, Program
from sandboxes.interpreter import Interpreter, find_interpreter
from sandboxes.process import BoxProcess, start_process
from sandboxes.seccomp import strict_filter

_HERE = Path(__file__).parent
_LAUNCHER = str(_HERE / "launcher.py")
_FIRST_BOX_UID, _BOX_UIDS = 0x70000000, 0x0FFFFFF0  # above the ranges of users, subuids and containers
_START_SECONDS = 30.0
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_ENVIRONMENT = {
    "HOME": "/work",
    "TMPDIR": "/work",
    "LANG": "C.UTF-8",
    "PYTHONUTF8": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


class BubblewrapSandbox:
    """Strict boxes: one process, threads but no children, no sockets. Raises SandboxError where none can be made."""

    name = "bubblewrap"

    def __init__(
        self, bwrap: Path, interpreter: Interpreter | None = None, *, machine: str | None = None
    ) -> None:
        self._bwrap = bwrap
        self._interpreter = interpreter or find_interpreter()
        self.version = f"2.{self._interpreter.digest}"
        machine = machine or platform.machine()
        try:
            self._filter = strict_filter(machine)
        except KeyError as error:
            raise SandboxError(
                f"no system-call table for machine {machine!r}: x86_64 and aarch64 have one"
            ) from error
        self._boot = (_HERE / "boot.py").read_text(encoding="utf-8").encode()

    async def run(self, program: Program, *, limits: Limits) -> BoxResult:
        """Run a program to its end; see `Sandbox.run`."""
        refusal = _refuse_size(program, limits)
        if refusal is not None:
            return refusal
        process = await self._start(program, limits, talks=False)
        try:
            return await process.finish()
        finally:
            await process.stop()

    @asynccontextmanager
    async def open(self, program: Program, *, limits: Limits) -> AsyncIterator[BoxProcess]:
        """Start a program to talk to; see `Sandbox.open`. Raises ValueError for a program above the size limit."""
        if _refuse_size(program, limits) is not None:
            raise ValueError(f"the program is larger than program_bytes={limits.program_bytes}")
        process = await self._start(program, limits, talks=True)
        try:
            yield process
        finally:
            await process.stop()

    async def aclose(self) -> None:
        """Nothing is kept warm."""

    async def _start(self, program: Program, limits: Limits, *, talks: bool) -> BoxProcess:
        config = {
            "path": self._interpreter.path,
            "readable": [*self._interpreter.readable, "/dev/zero", "/dev/urandom", "/dev/random"],
            "filter": self._filter.hex(),
            "cpu_seconds": limits.cpu_seconds,
            "memory_bytes": limits.memory_bytes,
            "disk_bytes": limits.disk_bytes,
            "files": limits.files,
            "open_files": limits.open_files,
            "threads": limits.processes,
        }
        sent = {
            "source": program.source,
            "modules": dict(program.modules),
            "seed": program.seed,
            "talks": talks,
        }
        command = partial(self._command, program.seed)
        process = await start_process(command, self._boot, limits)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await process.begin(json.dumps(config).encode(), json.dumps(sent).encode(), program.stdin)
        except BaseException as error:
            await process.stop()
            if isinstance(error, TimeoutError):
                raise SandboxError(f"the box did not start within {_START_SECONDS} s") from error
            raise
        return process

    def _command(self, seed: int, boot_fd: int, channel_fd: int, alive_fd: int) -> list[str]:
        """The argument vector: launcher, bubblewrap, and boot.py in the box."""
        sources = [str(self._bwrap.parents[2] if _in_wheel(self._bwrap) else self._bwrap)]
        arguments = ["@0/" + "/".join(self._bwrap.parts[-3:]) if _in_wheel(self._bwrap) else "@0"]
        arguments += ["--unshare-user", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
        arguments += ["--uid", "1000", "--gid", "1000", "--hostname", "box", "--cap-add", "CAP_SYS_ADMIN"]
        arguments += ["--sync-fd", str(alive_fd)]
        for source, target in self._interpreter.binds:
            arguments += ["--ro-bind", f"@{len(sources)}", target]
            sources.append(source)
        for place, target in self._interpreter.links:
            arguments += ["--symlink", target, place]
        for device in _DEVICES:
            arguments += ["--dev-bind", device, device]
        for name, value in {**_ENVIRONMENT, "PYTHONHASHSEED": str(seed % 2**32)}.items():
            arguments += ["--setenv", name, value]
        arguments += ["--ro-bind-data", str(boot_fd), "/box/boot.py", "--dir", "/work", "--remount-ro", "/"]
        arguments += ["--", self._interpreter.executable, "-s", "-S", "-P", "/box/boot.py", str(channel_fd)]
        uid = _FIRST_BOX_UID + secrets.randbelow(_BOX_UIDS)
        launcher = [
            os.path.realpath(sys.executable),
            "-I",
            "-S",
            _LAUNCHER,
            str(uid),
            "\n".join(sources),
            "--",
        ]
        return [*launcher, *arguments]


def _in_wheel(bwrap: Path) -> bool:
    return bwrap.parent.name == "_bin"


def _refuse_size(program: Program, limits: Limits) -> BoxResult | None:
    size = len(program.source) + sum(map(len, program.modules.values())) + len(program.stdin)
    if size <= limits.program_bytes:
        return None
    message = f"the program has {size} bytes; the limit is program_bytes={limits.program_bytes}"
    return BoxResult("refused", "program_bytes", stderr=message.encode())

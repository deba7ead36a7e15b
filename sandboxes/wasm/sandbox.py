"""Boxes of WebAssembly: CPython compiled to WASI, each program in a child process of its own.

Outside in: a child process with rlimits and nothing of the service's environment; wasmtime, in which a program has
no call but WASI's; a gate before WASI that counts what is made in the work folder. No network, no processes, no
threads, no packages but the standard library: what imports numpy, pytest or duckdb finds no module of that name.

Behind that, where the kernel has them: another user (where the service is root), Landlock, and the system-call filter
of strict boxes (`in_child/second_wall.py`).

Does NOT protect against: a fault of wasmtime on a machine without those layers; use of CPU time up to the limit, caches
and timing shared with the host. Programs run about seven times slower than elsewhere, and find a Python of 32 bits.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import secrets
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import BoxResult, Limits, Program
from sandboxes.admission import check_names, refused_size
from sandboxes.seccomp import strict_filter
from sandboxes.wasm.child import Child, WasmExecution
from sandboxes.wasm.folders import Folders, remove
from sandboxes.wasm.interpreter import INSTALL, WasmInterpreter, find_wasm_interpreter

_FIRST_USER, _USERS = 0x60000000, 0x0FFFFFF0  # above the ranges of users, subuids and containers
_HERE = Path(__file__).parent
_ENVIRONMENT = {
    "HOME": "/room/box",
    "TMPDIR": "/room/box",
    "LANG": "C.UTF-8",
    "PYTHONUTF8": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
}
_PROGRAMS = ("in_box/ending", "in_box/programs")


class WasmSandbox:
    """See `Sandbox`. `cache_dir` holds the compiled module (27 MB, made once) and the work folders."""

    name = "wasm"

    def __init__(self, cache_dir: Path, interpreter: WasmInterpreter | None = None) -> None:
        found = interpreter or find_wasm_interpreter()
        if found is None:
            raise SandboxError(f"boxes of WebAssembly need wasmtime and Python's WebAssembly: {INSTALL}")
        self._interpreter = found
        self._cache = cache_dir / "wasm"
        self.version = f"2.{found.digest}"
        self._boot = (_HERE / "in_child" / "guest.py").read_text(encoding="utf-8")
        self._programs = {
            name: (_HERE.parent / f"{name}.py").read_text(encoding="utf-8") for name in _PROGRAMS
        }
        self._filter = _filter()
        self._opening = threading.Lock()
        self._module = -1
        self._folders: Folders | None = None

    async def prepare(self) -> None:
        """Compile Python where the cache lacks it, so that no program waits for that. Raises SandboxError."""
        await asyncio.to_thread(self._opened)

    async def run(self, program: Program, *, limits: Limits) -> BoxResult:
        """Run a program to its end; see `Sandbox.run`. Raises ValueError for a name of a file that leads elsewhere."""
        _refuse_profile(program)
        check_names(program)
        refusal = refused_size(program, limits)
        if refusal is not None:
            return refusal
        async with self._begun(program, limits, talks=False) as execution:
            await execution.begin()
            return await execution.finish()

    @asynccontextmanager
    async def open(self, program: Program, *, limits: Limits) -> AsyncIterator[WasmExecution]:
        """Start a program to talk to; see `Sandbox.open`. Raises ValueError for a program above the size limit."""
        _refuse_profile(program)
        check_names(program)
        if refused_size(program, limits) is not None:
            raise ValueError(f"the program is larger than program_bytes={limits.program_bytes}")
        async with self._begun(program, limits, talks=True) as execution:
            await execution.begin()
            await execution.talk()
            yield execution

    async def aclose(self) -> None:
        """See `Sandbox.aclose`."""
        await asyncio.to_thread(self._close)

    @asynccontextmanager
    async def _begun(self, program: Program, limits: Limits, *, talks: bool) -> AsyncIterator[WasmExecution]:
        """A program that runs in a folder of its own; both are gone when this is left."""
        folders = await asyncio.to_thread(self._opened)
        folder = folders.make()
        try:
            execution = await self._started(program, limits, folder, talks=talks)
            try:
                yield execution
            finally:
                await _put_away(execution)
        finally:
            await _done(partial(remove, folder))

    async def _started(self, program: Program, limits: Limits, folder: Path, *, talks: bool) -> WasmExecution:
        child = Child(self._interpreter, self._module)
        try:
            await child.up()
            with _descriptors(self._payload(program), program.stdin, folder) as descriptors:
                numbers = self._numbers(program, limits, talks=talks)
                return await child.begin(partial(WasmExecution, program, limits), numbers, descriptors)
        finally:
            await _done(child.end)

    def _numbers(self, program: Program, limits: Limits, *, talks: bool) -> dict[str, Any]:
        return {
            "boot": self._boot,
            "talks": talks,
            "user": _FIRST_USER + secrets.randbelow(_USERS),
            "filter": self._filter.hex(),
            "environment": _ENVIRONMENT,
            "cpu_seconds": limits.cpu_seconds,
            "memory_bytes": limits.memory_bytes,
            "disk_bytes": limits.disk_bytes,
            "files": limits.files,
            "open_files": limits.open_files,
        }

    def _payload(self, program: Program) -> bytes:
        """The program as guest.py reads it: a line of JSON, then the bytes of its files."""
        head = {
            "programs": self._programs,
            "source": program.source,
            "script": program.script,
            "modules": dict(program.modules),
            "seed": program.seed,
            "files": [(name, len(content)) for name, content in program.files.items()],
        }
        return b"".join((json.dumps(head).encode(), b"\n", *program.files.values()))

    def _opened(self) -> Folders:
        """The folders of this service, and the compiled module; made at the first call (seconds, where not cached)."""
        with self._opening:
            if self._folders is None:
                self._module = self._interpreter.opened(self._cache)
                self._folders = Folders(self._cache / "boxes")
            return self._folders

    def _close(self) -> None:
        with self._opening:
            if self._folders is not None:
                self._folders.close()
                os.close(self._module)
                self._folders, self._module = None, -1


def _filter() -> bytes:
    """The system calls that are left to a child process; empty where there is no table for this machine."""
    try:
        return strict_filter(platform.machine()) if platform.system() == "Linux" else b""
    except KeyError:
        return b""


def _refuse_profile(program: Program) -> None:
    if program.profile != "strict":
        raise SandboxError(
            f"boxes of WebAssembly have no processes: profile={program.profile!r} needs JUDGE_SANDBOX=namespaces"
        )


async def _done(work: Callable[[], None]) -> None:
    """Do it in a thread, to its end: who is cancelled meanwhile leaves nothing half done."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _put_away(execution: WasmExecution) -> None:
    """Kill what still runs, and wait for it: also where the waiting itself is cancelled or the box broke."""
    try:
        await execution.stop()
    except SandboxError:
        pass  # who talked to it, or waited for it, was told
    finally:
        execution.close()


@contextlib.contextmanager
def _descriptors(payload: bytes, stdin: bytes, folder: Path) -> Iterator[tuple[int, int, int]]:
    """Files without names that hold what the program reads, and the folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with (
            tempfile.TemporaryFile(dir=folder.parent) as sent,
            tempfile.TemporaryFile(dir=folder.parent) as given,
        ):
            for file, content in ((sent, payload), (given, stdin)):
                file.write(content)
                file.seek(0)
            yield given.fileno(), sent.fileno(), descriptor
    finally:
        os.close(descriptor)

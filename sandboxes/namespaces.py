"""Boxes in namespaces: a few warm fork servers (`fork_server.py`), one locked-down child for every program.

Does NOT protect against: kernel bugs; use of CPU time up to the limit, caches and timing shared with the host; a guess
at where code lies in memory, which is the same for all children of one fork server.
"""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import BoxResult, Limits, Program, Warm
from sandboxes.admission import check_limits, check_names, refused_size
from sandboxes.execution import Execution
from sandboxes.fork_server import ForkServer
from sandboxes.interpreter import Interpreter, find_interpreter
from sandboxes.seccomp import strict_filter, subprocess_filter

_OFTEN = (
    "abc",
    "ast",
    "base64",
    "bisect",
    "collections.abc",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "doctest",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "inspect",
    "io",
    "itertools",
    "json",
    "math",
    "operator",
    "re",
    "statistics",
    "string",
    "textwrap",
    "time",
    "traceback",
    "types",
    "typing",
    "unittest",
    "uuid",
)
IMPORTS: dict[Warm, tuple[str, ...]] = {
    "python": (*_OFTEN, "numpy", "numpy.random"),
    "pytest": (*_OFTEN, "numpy", "numpy.random", "pytest"),
    "sql": ("json", "decimal", "datetime", "math", "sqlite3", "_duckdb"),
    "math": (*_OFTEN, "sympy", "math_verify", "latex2sympy2_extended"),
    "solver": ("json", "fractions", "re", "z3"),
    "images": (
        *("base64", "ctypes", "io", "json", "math", "numpy", "PIL.Image", "PIL.ImageChops", "PIL.ImageFile"),
        *("PIL.PngImagePlugin", "PIL.JpegImagePlugin", "PIL.GifImagePlugin", "PIL.WebPImagePlugin"),
        *("PIL.BmpImagePlugin", "PIL.PpmImagePlugin"),  # Pillow looks for them before it opens anything
    ),
    "ocr": ("json", "numpy", "PIL.Image", "PIL.ImageFile", "rapidocr_onnxruntime"),
    "rerank": (*_OFTEN, "numpy"),
}


class NamespaceSandbox:
    """Strict boxes and boxes with children. Raises SandboxError where none can be made.

    `servers` is the most fork servers of each kind; they start when they are needed.
    """

    name = "namespaces"

    def __init__(
        self,
        bwrap: Path,
        interpreter: Interpreter | None = None,
        *,
        machine: str | None = None,
        servers: int | None = None,
    ) -> None:
        self._bwrap = bwrap
        self._interpreter = interpreter or find_interpreter()
        self.version = f"5.{self._interpreter.digest}"
        machine = machine or platform.machine()
        try:
            self._filters = {"strict": strict_filter(machine), "subprocess": subprocess_filter(machine)}
        except KeyError as error:
            raise SandboxError(
                f"no system-call table for machine {machine!r}: x86_64 and aarch64 have one"
            ) from error
        self._host_proc = False
        self._most = servers or max(1, (os.cpu_count() or 1) // 2)
        self._servers: dict[Warm, list[ForkServer]] = {warm: [] for warm in IMPORTS}
        self._starting: dict[tuple[Warm, asyncio.AbstractEventLoop], asyncio.Lock] = {}

    async def run(self, program: Program, *, limits: Limits) -> BoxResult:
        """Run a program to its end; see `Sandbox.run`. Raises ValueError for a name of a file that leads elsewhere.

        One that a SIGKILL ended is run once more: what was killed from outside says nothing of the program.
        """
        refusal = refused_size(program, limits)
        if refusal is not None:
            return refusal
        check_names(program)
        check_limits(limits)
        result = await self._run_once(program, limits)
        return await self._run_once(program, limits) if result.was_killed else result

    async def _run_once(self, program: Program, limits: Limits) -> BoxResult:
        execution = await self._begin(program, limits, talks=False)
        try:
            await execution.begin()
            return await execution.finish()
        finally:
            await _put_away(execution)

    @asynccontextmanager
    async def open(self, program: Program, *, limits: Limits) -> AsyncIterator[Execution]:
        """Start a program to talk to; see `Sandbox.open`. Raises ValueError for a program above the size limit."""
        if refused_size(program, limits) is not None:
            raise ValueError(f"the program is larger than program_bytes={limits.program_bytes}")
        check_names(program)
        check_limits(limits)
        execution = await self._begin(program, limits, talks=True)
        try:
            await execution.begin()
            await execution.talk()
            yield execution
        finally:
            await _put_away(execution)

    async def absent(self) -> tuple[str, ...]:
        """The optional layers that this kernel lacks. Raises SandboxError."""
        return (await self._server("python")).absent

    async def aclose(self) -> None:
        """See `Sandbox.aclose`."""
        for servers in self._servers.values():
            closing, servers[:] = list(servers), []
            for server in closing:
                if server.attach():
                    await server.aclose()

    async def _begin(self, program: Program, limits: Limits, *, talks: bool) -> Execution:
        return await (await self._server(program.warm)).begin(program, limits, talks=talks)

    async def _server(self, warm: Warm) -> ForkServer:
        """The least busy one; another is started where all are busy and there may be more."""
        server = self._idlest(warm)
        if server is not None and (server.busy == 0 or len(self._servers[warm]) >= self._most):
            return server
        async with self._starting.setdefault((warm, asyncio.get_running_loop()), asyncio.Lock()):
            server = self._idlest(warm)
            if server is not None and (server.busy == 0 or len(self._servers[warm]) >= self._most):
                return server
            server = await self._started(warm)
            self._servers[warm].append(server)
            return server

    async def _started(self, warm: Warm) -> ForkServer:
        """In a container whose /proc has masked paths no new one can be mounted: then the host's has to do."""
        interpreter = self._interpreter.of(warm)
        start = partial(ForkServer.start, self._bwrap, interpreter, self._filters, IMPORTS[warm])
        if self._host_proc:
            return await start(host_proc=True)
        try:
            return await start()
        except SandboxError as error:
            if "proc" not in str(error):
                raise
            server = await start(host_proc=True)
            self._host_proc = True
            return server

    def _idlest(self, warm: Warm) -> ForkServer | None:
        servers = self._servers[warm]
        servers[:] = [server for server in servers if not server.dead]
        return min((one for one in servers if one.attach()), key=lambda one: one.busy, default=None)


async def _put_away(execution: Execution) -> None:
    """Kill what still runs, and wait for it: also where the waiting itself is cancelled or the box broke."""
    try:
        await execution.stop()
    except SandboxError:
        pass  # who talked to it, or waited for it, was told
    finally:
        execution.close()

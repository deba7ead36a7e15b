"""The host's side of one fork server: starts the outer box, hands programs over, hears how they ended.

A program goes to its child in a sealed memory file, its lines and output come by descriptors of its own; the fork
server only sees numbers. It ends when the control socket closes, however the service ended.

Does NOT protect against: a fork server that a child has taken over; then every answer of this server is a claim.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import marshal
import os
import signal
import socket
import weakref
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import Limits, Program
from sandboxes.execution import Ended, Execution, request_of
from sandboxes.interpreter import Interpreter
from sandboxes.outer_box import outer_command

START_SECONDS = 30.0
EXIT_SECONDS = 5.0
_MAX_MESSAGE = 1 << 16
_CONTROL, _ALIVE = 3, 9
_BUFFER_BYTES = 1 << 20
_SEALS = (
    fcntl.F_ADD_SEALS,
    0x1 | 0x2 | 0x4 | 0x8,
)  # F_SEAL_SEAL, SHRINK, GROW, WRITE: a child cannot use it as memory


class _Started:
    """The descriptors and the process of an outer box; `end` lets go of them at the latest when the judge exits."""

    def __init__(self, bwrap: Path, interpreter: Interpreter, *, host_proc: bool) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.alive, alive_write = os.pipe()
        self.words = os.memfd_create("stderr")
        self.reaped = False
        nothing = os.open(os.devnull, os.O_RDWR)
        command = outer_command(bwrap, interpreter, _CONTROL, _ALIVE, host_proc=host_proc)
        places = (
            (nothing, 0),
            (nothing, 1),
            (self.words, 2),
            (theirs.fileno(), _CONTROL),
            (alive_write, _ALIVE),
        )
        try:
            self.pid = _spawned(command, places)
        except OSError as error:
            self.reaped = True
            self.let_go()
            raise SandboxError(f"the box could not be started: {error}") from error
        finally:
            theirs.close()
            os.close(alive_write)
            os.close(nothing)
        self.control.setblocking(False)
        self.control.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)

    def let_go(self) -> None:
        """Close what is open; the fork server sees that and ends. Repeated calls do nothing."""
        self.control.close()
        for descriptor in (self.alive, self.words):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self.alive = self.words = -1

    def complaint(self) -> str:
        size = os.fstat(self.words).st_size
        text = os.pread(self.words, 600, max(size - 600, 0)).decode(errors="replace").strip()
        return text or "it ended without a word"


def _spawned(command: list[str], places: Sequence[tuple[int, int]]) -> int:
    """Start a process in a session of its own, with nothing open but `places`. Raises OSError."""
    # Sources go above the targets first: one of them may have the number of another's target.
    moved = [(fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, 64), target) for source, target in places]
    try:
        return os.posix_spawn(
            command[0],
            command,
            {},
            file_actions=[(os.POSIX_SPAWN_DUP2, source, target) for source, target in moved],
            setsid=True,
        )
    finally:
        for source, _ in moved:
            os.close(source)


def _end(started: _Started) -> None:
    """The last resort, at the exit of the judge or when nobody holds the server any more."""
    started.let_go()
    if not started.reaped:
        started.reaped = True
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(started.pid, signal.SIGKILL)
            os.waitpid(started.pid, 0)


class ForkServer:
    """One running fork server. Serves concurrent programs, in one event loop at a time."""

    def __init__(self, started: _Started) -> None:
        self._started = started
        self._loop: asyncio.AbstractEventLoop | None = None
        self._executions: dict[int, Execution] = {}
        self._number = 0
        self._ready: asyncio.Future[Mapping[str, Any]] | None = None
        self._finalizer = weakref.finalize(self, _end, started)
        self.absent: tuple[str, ...] = ()
        self.dead = False

    @classmethod
    async def start(
        cls,
        bwrap: Path,
        interpreter: Interpreter,
        filters: Mapping[str, bytes],
        imports: Sequence[str],
        *,
        host_proc: bool = False,
    ) -> ForkServer:
        """Start one and wait until it can fork; `host_proc` as `outer_command` says. Raises SandboxError."""
        server = cls(_Started(bwrap, interpreter, host_proc=host_proc))
        setup = {
            "path": interpreter.path,
            "readable": interpreter.readable,
            "filters": {name: code.hex() for name, code in filters.items()},
            "imports": list(imports),
        }
        try:
            async with asyncio.timeout(START_SECONDS):
                await server._introduce(setup)
        except TimeoutError as error:
            await server.aclose()
            raise SandboxError(f"the box did not start within {START_SECONDS} s") from error
        except BaseException:
            await server.aclose()
            raise
        return server

    @property
    def busy(self) -> int:
        """Number of programs that run."""
        return len(self._executions)

    def attach(self) -> bool:
        """Serve the running event loop; False where another one, which still runs, is served."""
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return True
        if self._loop is not None and not self._loop.is_closed():
            return False
        for execution in self._executions.values():  # their loop has gone without closing them
            execution.lost("the event loop that waited for it was closed")
        self._executions.clear()
        self._loop = loop
        loop.add_reader(self._started.control.fileno(), self._hear)
        return True

    async def begin(self, program: Program, limits: Limits, *, talks: bool) -> Execution:
        """Fork a child for a program. The caller closes what it gets. Raises SandboxError."""
        self._number += 1
        number = self._number
        ours, theirs = socket.socketpair()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        handed = [out_write, err_write]
        try:
            for descriptor in (out_read, err_read):
                os.set_blocking(descriptor, False)
            ours.setblocking(False)
            execution = Execution(
                program,
                limits,
                ours,
                (out_read, err_read),
                kill=lambda: self._tell({"kill": number}),
                give_up=self.abandon,
            )
            self._executions[number] = execution
            handed.append(_memory_file(payload_of(program)))
            handed.append(_memory_file(program.stdin))
            request = request_of(number, program, limits, talks=talks)
            passed = [handed[2], handed[3], out_write, err_write, theirs.fileno()]
            await self._hand_over(request, passed)
        except BaseException as error:
            self._forget(number)
            if isinstance(error, OSError):
                raise SandboxError(f"the box could not be started: {error}") from error
            raise
        finally:
            theirs.close()
            for descriptor in handed:
                os.close(descriptor)
        return execution

    def abandon(self, why: str) -> None:
        """Kill a fork server that does not do its work, and tell whoever waits for it."""
        if not self._started.reaped:
            os.kill(self._started.pid, signal.SIGKILL)
        self._die(why)

    async def aclose(self) -> None:
        """End the fork server and all that runs in it, and wait until it is gone. Repeated calls do nothing."""
        started = self._started
        self._die("the box was closed")
        if started.reaped or not self._finalizer.alive:
            return
        try:
            async with asyncio.timeout(EXIT_SECONDS):
                await _end_of(started.alive)
        except TimeoutError:
            os.kill(started.pid, signal.SIGKILL)
        await asyncio.shield(asyncio.to_thread(_reap, started))
        started.let_go()

    async def _introduce(self, setup: Mapping[str, Any]) -> None:
        self.attach()
        self._ready = asyncio.get_running_loop().create_future()
        self._tell(setup)
        answer = await self._ready
        self.absent = tuple(answer["absent"])

    async def _hand_over(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        """Send, and wait where the fork server has not read what was sent before."""
        message = json.dumps(request).encode()
        while not self.dead:
            try:
                socket.send_fds(self._started.control, [message], descriptors)
                return
            except BlockingIOError:
                await asyncio.sleep(0.001)
        raise SandboxError("the box has ended")

    def _tell(self, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):  # a server that has gone has killed all of its children
            self._started.control.send(json.dumps(message).encode())

    def _hear(self) -> None:
        while not self.dead:
            try:
                message = self._started.control.recv(_MAX_MESSAGE)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                self._die(f"the box could not be made: {self._started.complaint()}")
                return
            self._note(json.loads(message))

    def _note(self, message: Mapping[str, Any]) -> None:
        if "ready" in message:
            if self._ready is not None and not self._ready.done():
                self._ready.set_result(message)
            return
        execution = self._executions.pop(message["number"], None)
        if execution is None:
            return
        if "error" in message:
            execution.lost(f"the box could not be made: {message['error']}")
            return
        execution.ended(
            Ended(message["status"], message["cpu_seconds"], message["peak_bytes"], message["limit"])
        )

    def _forget(self, number: int) -> None:
        execution = self._executions.pop(number, None)
        if execution is not None:
            execution.lost("it was not started")
            execution.close()

    def _die(self, why: str) -> None:
        """Once: whoever waits is told."""
        if self.dead:
            return
        self.dead = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._started.control.fileno())
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(SandboxError(why))
        for execution in self._executions.values():
            execution.lost(why)
        self._executions.clear()
        self._started.control.close()


def payload_of(program: Program) -> bytes:
    """The program as its child reads it: a line of JSON, then the bytes of its files."""
    modules = {name: _compiled(name, source) for name, source in program.modules.items()}
    head = {
        "source": program.source,
        "modules": [(name, len(code)) for name, code in modules.items()],
        "files": [(name, len(content)) for name, content in program.files.items()],
    }
    return b"".join((json.dumps(head).encode(), b"\n", *modules.values(), *program.files.values()))


@lru_cache(maxsize=128)
def _compiled(name: str, source: str) -> bytes:
    """A module as the box's interpreter runs it, which is this one: compiling costs more than all else in a box."""
    return marshal.dumps(compile(source, f"<{name}>", "exec", dont_inherit=True))


def _memory_file(content: bytes) -> int:
    """A descriptor that reads `content`, and that nobody can write to."""
    if not content:
        return os.open(os.devnull, os.O_RDONLY)
    descriptor = os.memfd_create("box", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    fcntl.fcntl(descriptor, *_SEALS)
    return descriptor


def _reap(started: _Started) -> None:
    if not started.reaped:
        started.reaped = True
        with contextlib.suppress(ChildProcessError):
            os.waitpid(started.pid, 0)


async def _end_of(descriptor: int) -> None:
    """Wait for the end of a pipe that nobody writes to."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)

"""Drives the process of one box from outside: capped pipes, the wall clock, the kill of the whole tree.

Does NOT protect against: anything inside the box (boot.py's business). What a box writes is bounded bytes here and
is never parsed, except for the first line, which boot.py writes before untrusted text enters the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import BoxClosed, BoxResult, BoxStatus, Limit, Limits

MAX_LINE_BYTES = 8 * 2**20
_EXIT_SECONDS = 5.0
_CHUNK = 1 << 16
_BY_SIGNAL: dict[int, tuple[BoxStatus, Limit]] = {
    signal.SIGXCPU: ("timeout", "cpu_seconds"),
    signal.SIGSYS: ("refused", "system_calls"),
}
CommandMaker = Callable[[int, int, int], Sequence[str]]
"""(boot file, channel, liveness pipe) -> argument vector."""


class BoxProcess:
    """One started box; see `Box`. `absent` names the layers that this kernel lacks."""

    def __init__(
        self, process: asyncio.subprocess.Process, channel: socket.socket, alive: int, limits: Limits
    ) -> None:
        self._process = process
        self._channel = channel
        self._alive = alive
        self._limits = limits
        self._started = time.monotonic()
        self._seconds: float | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._output = {"stdout": bytearray(), "stderr": bytearray()}
        self._truncated = False
        self._ended_by: Limit | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._result: BoxResult | None = None
        self.absent: tuple[str, ...] = ()

    async def begin(self, config: bytes, program: bytes, stdin: bytes) -> None:
        """Wait until the box is locked down, then hand it the program. Raises SandboxError."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._reader, self._writer = await asyncio.open_connection(sock=self._channel, limit=MAX_LINE_BYTES)
        self._tasks = [
            asyncio.create_task(self._collect(self._process.stdout, "stdout")),
            asyncio.create_task(self._collect(self._process.stderr, "stderr")),
        ]
        try:
            await self._write(config)
            ready = await self._reader.readline()
        except (OSError, ValueError):
            ready = b""
        if b'"ready"' not in ready:
            await self._reap()
            complaint = bytes(self._output["stderr"][-600:]).decode(errors="replace").strip()
            raise SandboxError(f"the box could not be made: {complaint or 'it ended without a word'}")
        self.absent = tuple(json.loads(ready)["absent"])
        self._started = time.monotonic()
        self._tasks.append(asyncio.create_task(self._watch_clock()))
        with contextlib.suppress(OSError):  # a program that ends at once is reported by its result
            await self._write(program)
        self._tasks.append(asyncio.create_task(self._feed(stdin)))

    async def send(self, line: bytes) -> None:
        if b"\n" in line:
            raise ValueError("a line must not hold a newline")
        try:
            await self._write(line)
        except OSError as error:
            raise BoxClosed("the program in the box has ended") from error

    async def receive(self, *, timeout_seconds: float) -> bytes:
        assert self._reader is not None
        try:
            async with asyncio.timeout(timeout_seconds):
                line = await self._reader.readline()
        except (OSError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise
            self._kill(None)
            raise BoxClosed(f"the program in the box broke the line protocol: {error}") from error
        if not line.endswith(b"\n"):
            raise BoxClosed("the program in the box has ended")
        return line[:-1]

    async def finish(self) -> BoxResult:
        """Wait for the program's own end (or its limits)."""
        await self._process.wait()
        return await self.stop()

    async def stop(self) -> BoxResult:
        if self._result is None:
            ended = await self._has_ended()
            self._kill(None)
            await self._reap()
            self._result = self._describe(ended or self._ended_by is not None)
        return self._result

    async def _has_ended(self) -> bool:
        """Whether the program ended by itself; one that has just closed its channel gets a moment to do so."""
        if self._reader is not None and self._reader.at_eof():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await self._process.wait()
        return self._process.returncode is not None

    async def _write(self, line: bytes) -> None:
        assert self._writer is not None
        self._writer.write(line + b"\n")
        await self._writer.drain()

    async def _feed(self, stdin: bytes) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        with contextlib.suppress(OSError):  # the program need not read its input
            pipe.write(stdin)
            await pipe.drain()
        pipe.close()

    async def _collect(self, pipe: asyncio.StreamReader, name: str) -> None:
        kept = self._output[name]
        while chunk := await pipe.read(_CHUNK):
            room = self._limits.output_bytes - len(kept)
            kept.extend(chunk[: max(room, 0)])
            if len(chunk) > room:
                self._truncated = True
                self._kill("output_bytes")

    async def _watch_clock(self) -> None:
        await asyncio.sleep(self._limits.wall_seconds)
        self._kill("wall_seconds")

    def _kill(self, limit: Limit | None) -> None:
        """SIGKILL the outer process; the kernel then kills the first process of the pid namespace, and all in it."""
        if self._process.returncode is not None:
            return
        if self._ended_by is None:
            self._ended_by = limit
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _reap(self) -> None:
        """Wait until every process of the box is gone: each holds an end of the pipes that are read here."""
        if self._alive < 0:
            return
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EXIT_SECONDS):
                    await self._process.wait()
                    self._seconds = self._seconds or time.monotonic() - self._started
                    await _end_of(self._alive)
                    await asyncio.gather(*self._tasks[:2])
        finally:  # whoever is cancelled while it waits here leaves nothing open either
            for task in self._tasks:
                task.cancel()
            self._close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _close(self) -> None:
        if self._alive >= 0:
            os.close(self._alive)
            self._alive = -1
        if self._writer is not None:
            self._writer.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        # A start that was broken off has no readers yet: its pipes are closed here.
        self._process._transport.close()  # type: ignore[attr-defined]

    def _describe(self, ended: bool) -> BoxResult:
        code = self._process.returncode
        status: BoxStatus = "ok" if code == 0 or not ended else "failed"
        limit: Limit | None = self._ended_by
        stderr = bytes(self._output["stderr"])
        if limit is not None:
            status = "timeout" if limit == "wall_seconds" else "failed"
        elif code is not None and code > 128 and code - 128 in _BY_SIGNAL:
            status, limit = _BY_SIGNAL[code - 128]
        elif status == "failed" and stderr.rstrip().rpartition(b"\n")[2].startswith(b"MemoryError"):
            limit = "memory_bytes"
        stdout = bytes(self._output["stdout"])
        exit_code = code if code is not None and code >= 0 else None
        return BoxResult(status, limit, exit_code, stdout, stderr, self._truncated, self._seconds or 0.0)


async def start_process(make_command: CommandMaker, boot: bytes, limits: Limits) -> BoxProcess:
    """Start launcher and bubblewrap. Raises SandboxError when not even that works."""
    ours, theirs = socket.socketpair()
    alive_read, alive_write = os.pipe()
    boot_fd = os.memfd_create("boot")
    opened = [theirs.fileno(), alive_write, boot_fd]
    try:
        os.write(boot_fd, boot)
        os.lseek(boot_fd, 0, os.SEEK_SET)
        process = await asyncio.create_subprocess_exec(
            *make_command(boot_fd, theirs.fileno(), alive_write),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=opened,
            env={},
            start_new_session=True,
        )
    except BaseException as error:
        ours.close()
        os.close(alive_read)
        if not isinstance(error, OSError):
            raise
        raise SandboxError(f"the box could not be started: {error}") from error
    finally:
        theirs.close()
        os.close(alive_write)
        os.close(boot_fd)
    ours.setblocking(False)
    return BoxProcess(process, ours, alive_read, limits)


async def _end_of(descriptor: int) -> None:
    """Wait for the end of a pipe that nobody writes to."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)

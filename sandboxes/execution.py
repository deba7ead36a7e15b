"""One program in a box, from the host's side: capped pipes, the wall clock, the lines of its channel, its end.

Does NOT protect against: anything inside the box (`in_box/layers.py` does). What a box writes is bounded bytes here;
only the two bytes that the fork server's child sends before it reads the program are believed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import BoxClosed, BoxResult, BoxStatus, Limit, Limits, Program
from sandboxes.artifacts import collect
from sandboxes.pipe import Pipe
from sandboxes.told_limits import OF_LINUX, Words, told_limit
from sandboxes.waiting import Look, TimeLimit, waited_seconds

MAX_LINE_BYTES = 8 * 2**20
START_SECONDS = 30.0
_MOMENT = 2.0  # on a busy machine it takes a while until the end of a program that has died is told
_NEARLY = 0.8  # the kernel's limit and its account round differently
_KILLED_SECONDS = 60.0  # a fork server that has not reaped a killed child by then has stopped working
_LEFT_SECONDS = 0.15  # of its CPU time, to a program that was warned that it is over and ended by itself


@dataclass(frozen=True)
class Ended:
    """What the fork server says of a child: the kernel's account. `limit` is one of a watched tree.

    `look` is the last one at its threads.
    """

    status: int
    cpu_seconds: float
    peak_bytes: int
    limit: Limit | None = None
    look: Look | None = None


class Execution:
    """See `Box`. Made by a fork server, which calls `ended` or `lost` once."""

    words: Words = OF_LINUX

    def __init__(
        self,
        program: Program,
        limits: Limits,
        channel: socket.socket,
        streams: tuple[int, int],
        kill: Callable[[], None],
        give_up: Callable[[str], None] | None = None,
        ask: Callable[[], None] | None = None,
    ) -> None:
        self._program = program
        self._limits = limits
        self._channel = channel
        self._kill_child = kill
        self._give_up = give_up or self.lost
        self._ask = ask
        self._asked: asyncio.Future[Look | None] | None = None
        self._busy: str | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[Ended] = self._loop.create_future()
        self._ended_by: Limit | None = None
        self._stopped = False
        self._is_gone = False
        self._result: BoxResult | None = None
        self._folder = -1
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._stdout, self._stderr = (
            Pipe(descriptor, limits.output_bytes, lambda: self._kill("output_bytes"))
            for descriptor in streams
        )
        self._started: float | None = None
        self._seconds = 0.0
        self._clock: TimeLimit | None = None

    def ended(self, end: Ended) -> None:
        """Called when the kernel has reaped the child, and with it all that it started."""
        self._seconds = time.monotonic() - self._started if self._started is not None else 0.0
        if self._clock is not None:
            self._clock.cancel()
        if not self._end.done():
            self._end.set_result(end)

    def seen(self, look: Look | None) -> None:
        """Called with the answer to each `ask`."""
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(look)

    def lost(self, why: str) -> None:
        """Called when the box itself broke."""
        if not self._end.done() and not self._loop.is_closed():
            self._end.set_exception(SandboxError(why))
            self._end.exception()  # whoever waits for it is told; nobody need

    async def begin(self) -> None:
        """Wait until the child is locked down: the program's time begins then. Raises SandboxError."""
        try:
            async with asyncio.timeout(START_SECONDS):
                if not await self._until_ready():
                    await asyncio.shield(self._end)  # raises with the reason, where the fork server knows one
                    raise SandboxError(f"the box could not be made: {self._complaint()}")
        except TimeoutError as error:
            raise SandboxError(f"the box did not start within {START_SECONDS:g} s") from error
        self._started = time.monotonic()
        self._clock = TimeLimit(
            self._limits.wall_seconds,
            self._look,
            over=lambda: self._kill("wall_seconds"),
            unsure=self._was_busy,
        )

    async def talk(self) -> None:
        """From here on, lines go both ways."""
        self._reader, self._writer = await asyncio.open_connection(sock=self._channel, limit=MAX_LINE_BYTES)

    async def send(self, line: bytes) -> None:
        if b"\n" in line:
            raise ValueError("a line must not hold a newline")
        assert self._writer is not None
        try:
            self._writer.write(line + b"\n")
            await self._writer.drain()
        except OSError as error:
            self._is_gone = True
            raise BoxClosed("the program in the box has ended") from error

    async def receive(self, *, timeout_seconds: float) -> bytes:
        assert self._reader is not None
        try:
            line = await self._line(self._reader, timeout_seconds)
        except TimeoutError as error:
            if self._busy is not None:
                raise SandboxError(self._busy) from error
            raise
        except OSError as error:
            # One that dies with an unread line resets the channel instead of closing it.
            self._is_gone = True
            raise BoxClosed("the program in the box has ended") from error
        except ValueError as error:
            self._kill(None)
            raise BoxClosed(f"the program in the box broke the line protocol: {error}") from error
        if not line.endswith(b"\n"):
            if self._busy is not None:
                raise SandboxError(self._busy)
            raise BoxClosed("the program in the box has ended")
        return line[:-1]

    async def waited(self) -> float:
        """See `Box.waited`."""
        look = await self._look()
        return self._waited(look) if look is not None else 0.0

    async def finish(self) -> BoxResult:
        """Wait for the program's own end (or its limits). Raises SandboxError when the box broke."""
        if self._result is None:
            end = await asyncio.shield(self._end)
            self._result = self._conclude(end)
        return self._result

    async def stop(self) -> BoxResult:
        """See `Box.stop`; a box that broke has no result: then SandboxError."""
        if self._loop.is_closed():  # nobody can wait any more; the next call of the fork server kills it
            raise SandboxError("the event loop that waited for the box was closed")
        if self._result is None and not self._end.done():
            await self._let_it_end()
            self._stopped = not self._end.done() and self._ended_by is None
            self._kill(None)
        return await self.finish()

    def close(self) -> None:
        """Let go of everything. Repeated calls do nothing."""
        for timer in (self._clock, self._patience):
            if timer is not None:
                timer.cancel()
        self._stdout.close()
        self._stderr.close()
        if self._writer is not None and not self._loop.is_closed():
            self._writer.close()
        self._channel.close()
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

    async def _line(self, reader: asyncio.StreamReader, seconds: float) -> bytes:
        """The next line, within so many seconds of the program's own time. Raises as `receive`."""
        deadline = asyncio.timeout(None)

        def over() -> None:
            deadline.reschedule(self._loop.time())

        def unsure(why: str) -> None:
            self._was_busy(why)
            over()

        limit = TimeLimit(seconds, self._look, over=over, unsure=unsure)
        try:
            async with deadline:
                return await reader.readline()
        finally:
            limit.cancel()

    async def _look(self) -> Look | None:
        """What the kernel has counted so far. Raises SandboxError when the box broke."""
        if self._end.done():
            return self._end.result().look
        if self._ask is None:
            return None
        if self._asked is None or self._asked.done():
            self._asked = self._loop.create_future()
            self._ask()
        asked = self._asked
        either: list[asyncio.Future[Any]] = [asked, self._end]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return asked.result() if asked.done() else self._end.result().look

    def _waited(self, look: Look) -> float:
        """Since it began; what it waited while the box was made counts too."""
        return waited_seconds(Look(self._started or look.at), look)

    def _was_busy(self, why: str) -> None:
        """It is the machine that failed, not the program."""
        self._busy = self._busy or why
        self._kill(None)

    async def _let_it_end(self) -> None:
        """A program that has just closed its channel gets a moment to end by itself."""
        if self._is_gone or (self._reader is not None and self._reader.at_eof()):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_MOMENT):
                    await asyncio.wait([self._end])

    def _kill(self, limit: Limit | None) -> None:
        if self._end.done():
            return
        if self._ended_by is None:
            self._ended_by = limit
        self._kill_child()
        if self._patience is None and not self._loop.is_closed():
            late = f"a killed program did not end within {_KILLED_SECONDS:g} s"
            self._patience = self._loop.call_later(_KILLED_SECONDS, self._give_up, late)

    async def _until_ready(self) -> bool:
        """False where the child has gone before it said so."""
        readable = asyncio.Event()
        self._loop.add_reader(self._channel.fileno(), readable.set)
        try:
            while (ready := self._is_ready()) is None:
                readable.clear()
                await readable.wait()
            return ready
        finally:
            self._loop.remove_reader(self._channel.fileno())

    def _is_ready(self) -> bool | None:
        """Take the work folder and the word that every layer is on; None where they have not come yet. Raises
        SandboxError where this process has no descriptor left to take the folder.
        """
        try:
            if self._folder < 0:
                word, folders, _, _ = socket.recv_fds(self._channel, 1, 1)
                if word and not folders:
                    raise SandboxError(
                        "the box could not be made: this process has no free descriptor: raise its open-files limit"
                    )
                if not word:
                    return False
                self._folder = folders[0]
            return self._channel.recv(1) == b"R"
        except BlockingIOError:
            return None

    def _complaint(self) -> str:
        self._stderr.drain()
        return bytes(self._stderr.kept[-600:]).decode(errors="replace").strip() or "it ended without a word"

    def _conclude(self, end: Ended) -> BoxResult:
        try:
            if self._started is None:
                raise SandboxError("the box never began")
            if self._busy is not None:
                raise SandboxError(self._busy)
            self._stdout.drain()
            self._stderr.drain()
            return self._describe(end)
        finally:
            self.close()

    def _describe(self, end: Ended) -> BoxResult:
        stderr = bytes(self._stderr.kept)
        exit_code = os.waitstatus_to_exitcode(end.status)
        status, limit = self._verdict(end, exit_code, stderr)
        wanted = self._program.collect
        return BoxResult(
            status,
            limit,
            _as_a_shell_says(exit_code) if self._ended_by is None and not self._stopped else None,
            bytes(self._stdout.kept),
            stderr,
            self._stdout.truncated or self._stderr.truncated,
            self._seconds,
            end.cpu_seconds,
            end.peak_bytes,
            collect(self._folder, wanted, self._limits) if wanted else (),
            -exit_code if exit_code < 0 else None,
            self._waited(end.look) if end.look is not None else 0.0,
        )

    def _verdict(self, end: Ended, exit_code: int, stderr: bytes) -> tuple[BoxStatus, Limit | None]:
        if self._stopped:
            return "ok", None
        limit = self._ended_by or end.limit
        if limit is None and (self._stdout.truncated or self._stderr.truncated):
            limit = "output_bytes"  # seen only after the program's end
        by_kernel = exit_code in (-signal.SIGKILL, -signal.SIGXCPU)
        most = self._limits.cpu_seconds
        spent = _NEARLY * most if by_kernel else most - _LEFT_SECONDS
        if limit is None and exit_code != 0 and end.cpu_seconds >= spent:
            limit = "cpu_seconds"
        if limit in ("wall_seconds", "cpu_seconds"):
            return "timeout", limit
        if limit is None and exit_code == -signal.SIGSYS:
            return "refused", "system_calls"
        if limit is not None or exit_code != 0:
            return "failed", limit or self._told(stderr, end.peak_bytes)
        return "ok", None

    def _told(self, stderr: bytes, peak_bytes: int) -> Limit | None:
        """The limit that the program's own words speak of. Whether inodes or bytes ran out the folder says."""
        limit = told_limit(self.words, stderr, took_much=peak_bytes >= self._limits.memory_bytes // 4)
        return "files" if limit == "disk_bytes" and self._lacks_inodes() else limit

    def _lacks_inodes(self) -> bool:
        return os.fstatvfs(self._folder).f_ffree == 0


def _as_a_shell_says(exit_code: int) -> int:
    """128 and the number of the signal that ended a program."""
    return exit_code if exit_code >= 0 else 128 - exit_code


def request_of(number: int, program: Program, limits: Limits, *, talks: bool) -> dict[str, Any]:
    """What the fork server needs to know: numbers, nothing that the program or its tests say."""
    return {
        "number": number,
        "profile": program.profile,
        "seed": program.seed,
        "talks": talks,
        "limits": {
            "cpu_seconds": limits.cpu_seconds,
            "memory_bytes": limits.memory_bytes,
            "disk_bytes": limits.disk_bytes,
            "files": limits.files,
            "open_files": limits.open_files,
            "processes": limits.processes,
        },
    }

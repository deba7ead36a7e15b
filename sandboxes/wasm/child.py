"""One child process with an engine in it, from the host's side: its start, its numbers, its end.

Does NOT protect against: anything inside of it. A child serves one program and ends with it; it also ends when this
process does, for it reads a pipe that only this process holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import Limit
from sandboxes.execution import Ended, Execution
from sandboxes.told_limits import compiled
from sandboxes.wasm.interpreter import WasmInterpreter

START_SECONDS = 60.0
_BY_CPU = (signal.SIGPROF, signal.SIGXCPU)
_MAX_REPORT = 1 << 16
_SAID: tuple[tuple[bytes, Limit], ...] = (  # numbers are WASI's
    (rb"^MemoryError\b", "memory_bytes"),
    (rb"^OverflowError: cannot fit 'int' into an index-sized integer", "memory_bytes"),
    (rb"^OSError: \[Errno 33\]", "open_files"),
    (rb"^OSError: \[Errno (?:22|51)\]", "disk_bytes"),
)


@dataclass(frozen=True)
class _Said:
    """What a child reported of itself."""

    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    refused: Sequence[str] = ()
    broke: str | None = None


class WasmExecution(Execution):
    """See `Box`. `refused` are the limits of its folder that the program met."""

    refused: Sequence[str] = ()

    words = compiled(_SAID)

    def _lacks_inodes(self) -> bool:
        return "files" in self.refused


class Child:
    """A process that waits for the numbers of one box. `end` lets go of it, whatever became of it."""

    def __init__(self, interpreter: WasmInterpreter, module: int) -> None:
        self._channel, theirs = socket.socketpair()
        self._report, report = os.pipe()
        alive, self._alive = os.pipe()
        out, out_write = os.pipe()
        err, err_write = os.pipe()
        self._streams = (out, err)
        self._handed = False
        self._peak = 0
        self._reaping = threading.Lock()
        passed = [theirs.fileno(), report, alive, module]
        try:
            self._process = subprocess.Popen(
                interpreter.command("run", *map(str, passed)),
                stdin=subprocess.DEVNULL,
                stdout=out_write,
                stderr=err_write,
                pass_fds=passed,
                env={},
                start_new_session=True,
            )
        except OSError as error:
            self._close(*self._streams, self._report, self._alive)
            self._channel.close()
            raise SandboxError(f"the box could not be started: {error}") from error
        finally:
            theirs.close()
            self._close(report, alive, out_write, err_write)
        self._channel.setblocking(False)
        for descriptor in (*self._streams, self._report):
            os.set_blocking(descriptor, False)

    async def up(self) -> None:
        """Wait until it has loaded Python. Raises SandboxError."""
        await self._readable(self._channel.fileno())
        with contextlib.suppress(ConnectionResetError):
            if self._channel.recv(1) == b"U":
                return
        raise SandboxError(f"the box could not be started: {self._complaint()}")

    async def begin(
        self,
        execution: Callable[[socket.socket, tuple[int, int], Callable[[], None]], WasmExecution],
        numbers: Mapping[str, Any],
        descriptors: Sequence[int],
    ) -> WasmExecution:
        """Hand over the numbers of a box with its stdin, payload and folder; wait until Python asks for the program.

        `execution` makes it from channel, streams and how to kill. Raises SandboxError.
        """
        try:
            socket.send_fds(self._channel, [json.dumps(numbers).encode() + b"\n"], descriptors)
        except OSError as error:
            raise SandboxError(f"the box could not be started: {self._complaint()}") from error
        await self._readable(self._report)  # it says what its start took, or has ended
        running = execution(self._channel, self._streams, self._kill)
        self._handed = True
        waiting = (asyncio.get_running_loop(), running)
        threading.Thread(target=self._wait, args=waiting, name="wasm box", daemon=True).start()
        return running

    def end(self) -> None:
        """Kill and reap one that nobody waits for: it was never handed over. Blocks for a moment."""
        if self._handed:
            return
        self._handed = True
        self._kill()
        self._process.wait()
        self._close(*self._streams, self._report, self._alive)
        self._channel.close()

    async def _readable(self, descriptor: int) -> None:
        """Wait until there is something to read, or the other end is closed. Raises SandboxError."""
        readable = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(descriptor, readable.set)
        try:
            async with asyncio.timeout(START_SECONDS):
                await readable.wait()
        except TimeoutError as error:
            raise SandboxError(f"the box did not start within {START_SECONDS:g} s") from error
        finally:
            loop.remove_reader(descriptor)

    def _kill(self) -> None:
        self._peak = self._peak or _peak_bytes(self._process.pid)
        with self._reaping, contextlib.suppress(ProcessLookupError):
            if self._process.returncode is None:  # else the number may be another's by now
                os.kill(self._process.pid, signal.SIGKILL)

    def _wait(self, loop: asyncio.AbstractEventLoop, running: WasmExecution) -> None:
        """Runs in a thread of its own: wait for the end, and say what the kernel and the child itself say of it."""
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        with self._reaping:
            _, status, used = os.wait4(self._process.pid, 0)
            self._process.returncode = os.waitstatus_to_exitcode(status)
        said = self._said()
        self._close(self._report, self._alive)
        cpu = max(used.ru_utime + used.ru_stime - said.cpu_seconds, 0.0)
        by_cpu: Limit | None = "cpu_seconds" if -self._process.returncode in _BY_CPU else None
        end = Ended(status, cpu, self._peak or said.peak_bytes, by_cpu)
        running.refused = said.refused
        with contextlib.suppress(RuntimeError):  # the loop that waited was closed
            if said.broke is not None:
                loop.call_soon_threadsafe(running.lost, said.broke)
            else:
                loop.call_soon_threadsafe(running.ended, end)

    def _said(self) -> _Said:
        """The child's report. Its lines come from the child's own code, which no program can reach."""
        said = _Said()
        with contextlib.suppress(BlockingIOError):
            for line in os.read(self._report, _MAX_REPORT).splitlines():
                said = replace(said, **json.loads(line))
        return said

    def _complaint(self) -> str:
        try:
            text = os.read(self._streams[1], _MAX_REPORT)[-600:].decode(errors="replace").strip()
        except BlockingIOError:
            text = ""
        return text or "it ended without a word"

    @staticmethod
    def _close(*descriptors: int) -> None:
        for descriptor in descriptors:
            os.close(descriptor)


def _peak_bytes(pid: int) -> int:
    """The largest resident size so far; 0 where /proc does not tell. (`wait4` tells that of the parent, too.)"""
    try:
        with open(f"/proc/{pid}/status") as file:
            found = next((line for line in file if line.startswith("VmHWM:")), "")
    except OSError:
        return 0
    words = found.split()
    return int(words[1]) * 1024 if len(words) > 1 else 0

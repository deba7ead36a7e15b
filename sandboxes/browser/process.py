"""One running box with Chromium in it, and the host's end of its line protocol.

Outside in: launcher.py (not root on the host), bwrap (user, mount, pid, net, ipc, uts and cgroup namespaces, so no
network interface, no file of the host but programs, libraries and fonts, no environment), Chromium's own sandbox for
each page. Playwright's driver is in the box, too: only bounded JSON lines come out.

Does NOT protect against: kernel bugs, of which Chromium can reach more than a Python box does (its own sandbox filters
the system calls of pages, nothing filters those of the browser process); use of CPU time up to a visit's limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from judge_agent.errors import SandboxError
from judge_agent.seams.browser import BrowserLimits, PageError
from sandboxes.outer_box import spawned, staged

if TYPE_CHECKING:
    from sandboxes.browser.finding import BrowserParts

START_SECONDS = 60.0
_HOST = 3
_LAUNCHER = str(Path(__file__).parents[1] / "launcher.py")
_FIRST_BOX_UID, _BOX_UIDS = 0x70000000, 0x0FFFFFF0  # above the ranges of users, subuids and containers
_DISK_BYTES, _SHARED_BYTES = 256 * 2**20, 512 * 2**20


class BrowserProcess:
    """A started box. `dead` once it cannot be used any more."""

    def __init__(self, parts: BrowserParts, limits: BrowserLimits) -> None:
        self._limits = limits
        self.loop = asyncio.get_running_loop()
        self.dead = False
        self.visits = 0
        self._words = os.memfd_create("stderr")
        ours, theirs = socket.socketpair()
        nothing = os.open(os.devnull, os.O_RDWR)
        places = ((nothing, 0), (nothing, 1), (self._words, 2), (theirs.fileno(), _HOST))
        try:
            self._pid = spawned(command(parts), places)
        except OSError as error:
            ours.close()
            os.close(self._words)
            raise SandboxError(f"the browser's box could not be started: {error}") from error
        finally:
            theirs.close()
            os.close(nothing)
        self._socket = ours
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._finalizer = weakref.finalize(self, _end, self._pid, ours, self._words)

    async def begin(self, program: str) -> None:
        """Wait until Chromium runs. Raises SandboxError."""
        self._reader, self._writer = await asyncio.open_connection(
            sock=self._socket, limit=self._limits.answer_bytes
        )
        setup = {
            "chromium": program,
            "memory_bytes": self._limits.memory_bytes,
            "heap_megabytes": self._limits.heap_megabytes,
        }
        try:
            await self.ask(setup, timeout_seconds=START_SECONDS)
        except (PageError, TimeoutError) as error:
            raise SandboxError(f"Chromium did not start: {error}: {self.complaint()}") from error

    async def ask(self, message: Mapping[str, Any], *, timeout_seconds: float) -> Mapping[str, Any]:
        """Send a line and return the answer. Raises PageError where the page hit a ceiling of the box,
        SandboxError where the box ended otherwise, TimeoutError.
        """
        assert self._reader is not None
        assert self._writer is not None
        whole = False
        try:
            async with asyncio.timeout(timeout_seconds):
                self._writer.write(json.dumps(message).encode() + b"\n")
                await self._writer.drain()
                line = await self._reader.readline()
                whole = line.endswith(b"\n")
        except OSError as error:
            raise SandboxError(f"the browser's box has ended: {self.complaint()}") from error
        except ValueError as error:
            limit = self._limits.answer_bytes
            raise PageError(f"the page makes answers longer than {limit} bytes", "answer_bytes") from error
        finally:
            self.dead = self.dead or not whole  # half a line, or an answer that nobody waited for
        if not whole:
            raise SandboxError(f"the browser's box has ended: {self.complaint()}")
        answer: Mapping[str, Any] = json.loads(line)
        if "ended" in answer:
            self.dead = True
            limit = self._limits.memory_bytes
            raise PageError(f"the page takes more than memory_bytes={limit}", "memory_bytes")
        return answer

    def complaint(self) -> str:
        """The last words of what was started."""
        if self._words < 0:
            return "it was closed"
        size = os.fstat(self._words).st_size
        text = os.pread(self._words, 600, max(size - 600, 0)).decode(errors="replace").strip()
        return text or "it ended without a word"

    async def aclose(self) -> None:
        """End it and wait until it is gone. Repeated calls do nothing."""
        self.dead = True
        if self._writer is not None and not self.loop.is_closed() and asyncio.get_running_loop() is self.loop:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        await asyncio.to_thread(self._finalizer)
        self._words = -1


def _end(pid: int, channel: socket.socket, words: int) -> None:
    """With the outermost process all others die."""
    channel.close()
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
    os.close(words)


def command(parts: BrowserParts) -> list[str]:
    """The argument vector: launcher, bubblewrap, the driver's loop."""
    interpreter = parts.interpreter
    source, program = staged(parts.bwrap)
    sources = [source]
    arguments = [
        program,
        "--unshare-user",
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
    ]
    arguments += ["--uid", "1000", "--gid", "1000", "--hostname", "box"]
    for source, target in parts.binds:
        arguments += ["--ro-bind", f"@{len(sources)}", target]
        sources.append(source)
    for place in interpreter.hidden:
        arguments += ["--tmpfs", place]
    for place, target in interpreter.links:
        arguments += ["--symlink", target, place]
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    arguments += ["--size", str(_DISK_BYTES), "--tmpfs", "/tmp"]
    arguments += ["--size", str(_SHARED_BYTES), "--tmpfs", "/dev/shm"]
    environment = {
        "HOME": "/tmp",
        "PATH": "/usr/bin",
        "PYTHONPATH": "/box/site",
        "LANG": interpreter.language,
    }
    for name, value in {**environment, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}.items():
        arguments += ["--setenv", name, value]
    arguments += ["--remount-ro", "/", "--chdir", "/tmp", "--", interpreter.executable, "-s", "-S", "-P"]
    arguments.append("/box/code/sandboxes/browser/in_box/server.py")
    uid = _FIRST_BOX_UID + secrets.randbelow(_BOX_UIDS)
    python = os.path.realpath(sys.executable)
    return [python, "-I", "-S", _LAUNCHER, str(uid), str(_HOST), "\n".join(sources), "--", *arguments]

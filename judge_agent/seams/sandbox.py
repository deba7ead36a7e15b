"""The seam to a box: where work runs that nobody trusts.

A box is a fresh process with nothing in it but a Python interpreter and what a `Program` brings. It has no
network, no host files, no environment, and dies as a whole. How it is made (a new process each time, a fork
server, another machine) is the implementation's business. A box that could not be made, or that broke, raises
SandboxError; a `BoxResult` always speaks of the program in it.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

BoxStatus = Literal["ok", "failed", "refused", "timeout"]
Limit = Literal[
    "wall_seconds",
    "cpu_seconds",
    "memory_bytes",
    "disk_bytes",
    "files",
    "open_files",
    "processes",
    "output_bytes",
    "program_bytes",
    "system_calls",
]
Profile = Literal["strict", "subprocess"]
"""`strict`: one process, threads but no children, no sockets. `subprocess`: children, whose memory counts together."""
Warm = Literal["python", "pytest", "sql", "math", "solver", "images", "ocr", "rerank"]
"""What a box has imported before its program comes: numpy; with pytest; the engines of databases; sympy; z3; Pillow;
Pillow with rapidocr; an embedding model beside numpy.

Only tools of the judge ask for the last five: those packages are in no other box."""


@dataclass(frozen=True)
class Limits:
    """Ceilings of one box.

    `wall_seconds`, as every limit of time on the clock here, is the program's own time: what it computes, sleeps or
    blocks. That a busy machine gives no processor to a program that is ready is not held against it, as far as the box
    can tell.
    `memory_bytes` is what the program may take beyond the interpreter: address space (strict), or the memory of
    all its processes together (subprocess). `disk_bytes` and `files` bound the work folder, `processes` counts
    processes and threads together. `artifacts` and `artifact_bytes` bound what is collected at the end.
    """

    wall_seconds: float = 10.0
    cpu_seconds: int = 10
    memory_bytes: int = 2 * 2**30
    disk_bytes: int = 32 * 2**20
    files: int = 1024
    open_files: int = 128
    processes: int = 72
    output_bytes: int = 2**20
    program_bytes: int = 16 * 2**20
    artifacts: int = 64
    artifact_bytes: int = 8 * 2**20


@dataclass(frozen=True)
class Program:
    """What runs in a box.

    `source` is run as `__main__`. `modules` maps dotted names to sources that it can import; they are the judge's
    own. In a box that was
    opened for talking, `source` must define `main(channel)`; `channel.receive() -> bytes | None` and
    `channel.send(line: bytes)` carry one line each. `seed` fixes the random numbers of the box. `files` are put into
    the work folder (relative names, `/` between folders); `collect` are the patterns (fnmatch, `*` crosses `/`) of the
    files of the work folder that come back. `warm` is about speed only. `script` names one of `files` that runs behind
    `source`, under the same names, as Python runs a file: with `__file__`, and lines in its tracebacks.
    """

    source: str
    modules: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    seed: int = 0
    files: Mapping[str, bytes] = field(default_factory=dict)
    collect: Sequence[str] = ()
    profile: Profile = "strict"
    warm: Warm = "python"
    script: str = ""


@dataclass(frozen=True)
class Artifact:
    """A file that a program left. `content` is None where it was not collected; `skipped` then says why."""

    name: str
    size: int
    content: bytes | None = None
    skipped: str = ""


@dataclass(frozen=True)
class BoxResult:
    """How a program ended. `limit` names the ceiling that it hit, if any. `stdout`, `stderr` are cut at the cap.

    `seconds` is wall time; `cpu_seconds` and `peak_memory_bytes` (resident, with the interpreter) the kernel counts.
    Where a signal ended it, `signal` is its number, and `exit_code` 128 more, as a shell says it. `waited_seconds` of
    `seconds` a busy machine kept it from a processor, as far as the box can tell.
    """

    status: BoxStatus
    limit: Limit | None = None
    exit_code: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    truncated: bool = False
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    artifacts: tuple[Artifact, ...] = ()
    signal: int | None = None
    waited_seconds: float = 0.0

    @property
    def was_killed(self) -> bool:
        """Whether a SIGKILL that no limit tells of ended the program: its own, or one from outside.

        Such as the kernel's where memory runs out. Who must know runs it again: its own doing it does again.
        """
        return self.signal == signal.SIGKILL and self.limit is None and self.exit_code is not None


class BoxClosed(Exception):
    """The program in the box has ended, or broke the line protocol: there is nobody to talk to any more."""


class Box(Protocol):
    """A running program that is talked to in lines. Not for concurrent use."""

    async def send(self, line: bytes) -> None:
        """Send one line (no newline in it). Raises BoxClosed."""
        ...

    async def receive(self, *, timeout_seconds: float) -> bytes:
        """Return the next line. Raises BoxClosed at the end, TimeoutError when the program's own time is over.

        Raises SandboxError where a busy machine kept it from a processor for so long that nobody can tell.
        """
        ...

    async def waited(self) -> float:
        """Seconds since its start for which a busy machine kept the program from a processor; 0.0 where nobody counts.

        Raises SandboxError.
        """
        ...

    async def stop(self) -> BoxResult:
        """Kill whatever still runs, and say how the program ended. Repeated calls return the same result."""
        ...


class Sandbox(Protocol):
    """Makes boxes. Instances are made once and serve concurrent calls; `aclose` ends what they keep warm."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str:
        """Changes when results can change: part of the key of every result that a box helped to make."""
        ...

    async def run(self, program: Program, *, limits: Limits) -> BoxResult:
        """Run a program to its end. Raises SandboxError when the box, not the program, failed."""
        ...

    def open(self, program: Program, *, limits: Limits) -> AbstractAsyncContextManager[Box]:
        """Start a program and talk to it; leaving the context kills it. Raises SandboxError like `run`."""
        ...

    async def aclose(self) -> None:
        """End what is kept warm. Repeated calls do nothing; a call of `run` or `open` after it starts anew."""
        ...

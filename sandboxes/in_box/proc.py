"""What the proc file system tells of processes, read by a descriptor of it: it is mounted nowhere.

Does NOT protect against anything: it reads.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_STATE, _NICE = 0, 16  # fields of `stat` behind the name


class Proc:
    """A proc file system: that of this server, or the host's."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._nice = os.getpriority(os.PRIO_PROCESS, 0)

    def read(self, name: str) -> bytes:
        """The beginning of a file; nothing of a process that has ended."""
        try:
            descriptor = os.open(name, os.O_RDONLY, dir_fd=self._descriptor)
        except OSError:
            return b""
        try:
            return os.read(descriptor, 1 << 16)
        except OSError:
            return b""
        finally:
            os.close(descriptor)

    def numbers(self, folder: str = ".") -> list[int]:
        """The entries of a folder that are numbers: processes, or the threads of one. Raises OSError."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._descriptor)
        try:
            return [int(name) for name in os.listdir(descriptor) if name.isdigit()]
        finally:
            os.close(descriptor)

    def number(self, pidfd: int) -> int:
        """The process's number in this file system, which may be the host's; -1 for one that was reaped."""
        words = self.read(f"self/fdinfo/{pidfd}").split()
        return int(words[words.index(b"Pid:") + 1]) if b"Pid:" in words else -1

    def look(self, pidfd: int, pid: int) -> dict[str, Any]:
        """How much processor time a process has had, and for how long its threads were ready and had none.

        `pid` is its number here. Of a thread: number, nanoseconds that it ran and that it waited, how often it got a
        processor, whether it is ready now. One that gave up its place before others waits by its own doing and is
        left out, as all are where the kernel does not count.
        """
        number = self.number(pidfd)
        try:  # first: it brings the counts of threads that run right now up to date
            used = time.clock_gettime(
                ~pid << 3 | 2
            )  # the clock of all its threads, see clock_getcpuclockid(3)
            threads = self.numbers(f"{number}/task")
        except OSError:
            return {"at": time.monotonic(), "cpu_seconds": 0.0, "threads": []}
        found = [told for thread in threads if (told := self._thread(f"{number}/task/{thread}", thread))]
        return {"at": time.monotonic(), "cpu_seconds": used, "threads": found}

    def _thread(self, folder: str, number: int) -> list[int] | None:
        counts = self.read(f"{folder}/schedstat").split()
        words = self.read(f"{folder}/stat").rpartition(b")")[2].split()
        if len(counts) < 3 or len(words) <= _NICE or int(words[_NICE]) > self._nice:
            return None
        return [number, *map(int, counts[:3]), int(words[_STATE] == b"R")]

"""The children of a fork server, and the watch over those that may have children of their own.

RLIMIT_AS and RLIMIT_CPU count one process; here the memory and the time of a whole tree are added up.

Does NOT protect against: what a tree takes between two looks (25 ms); pages that several processes of a tree share are
counted for each of them.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_TICKS = os.sysconf("SC_CLK_TCK")


class Child:
    """One forked program: `number` is the host's name for it."""

    def __init__(self, number: int, pid: int, pidfd: int, limits: Mapping[str, int], profile: str) -> None:
        self.number = number
        self.pid = pid
        self.pidfd = pidfd
        self.limits = limits
        self.watched = profile == "subprocess"
        self.ended_by: str | None = None
        self.looked = 0.0

    def kill(self) -> None:
        """The first process of a pid namespace: with it the kernel kills all others in it."""
        signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)


class Watch:
    """Looks at the trees of children that may fork. `proc` is a descriptor of a proc file system."""

    MILLISECONDS = 25

    def __init__(self, proc: int) -> None:
        self._proc = proc
        self._base_memory = self._memory(os.getpid())

    def look(self, child: Child, now: float) -> None:
        """Kill the child where its tree is over a limit, and note which; at most every 25 ms."""
        if child.ended_by is not None or now - child.looked < Watch.MILLISECONDS / 1000:
            return
        child.looked = now
        tree = self._tree(child.pid)
        memory = sum(map(self._memory, tree)) - self._base_memory
        seconds = sum(tree.values())
        if memory > child.limits["memory_bytes"]:
            child.ended_by = "memory_bytes"
        elif seconds > child.limits["cpu_seconds"]:
            child.ended_by = "cpu_seconds"
        else:
            return
        child.kill()

    def _tree(self, root: int) -> dict[int, float]:
        """CPU seconds of the process and of all below it: orphans are below the first process of their namespace."""
        parents, seconds = dict[int, int](), dict[int, float]()
        for pid in self._processes():
            after_name = self._read(f"{pid}/stat").rpartition(b")")[2].split()
            if len(after_name) > 14:
                parents[pid] = int(after_name[1])
                seconds[pid] = sum(map(int, after_name[11:15])) / _TICKS
        found, waiting = dict[int, float](), [root]
        while waiting:
            one = waiting.pop()
            found[one] = seconds.get(one, 0.0)
            waiting += [pid for pid, parent in parents.items() if parent == one]
        return found

    def _processes(self) -> list[int]:
        """Those of this server: the proc file system is of its own pid namespace."""
        folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._proc)
        try:
            return [int(name) for name in os.listdir(folder) if name.isdigit()]
        finally:
            os.close(folder)

    def _memory(self, pid: int) -> int:
        """Bytes of its own, and those that it shares with the process that it was forked from."""
        total = 0
        for line in self._read(f"{pid}/status").splitlines():
            if line.startswith((b"RssAnon:", b"RssShmem:")):
                total += int(line.split()[1]) * 1024
        return total

    def _read(self, name: str) -> bytes:
        try:
            descriptor = os.open(name, os.O_RDONLY, dir_fd=self._proc)
        except OSError:  # it has just ended
            return b""
        try:
            return os.read(descriptor, 1 << 16)
        except OSError:
            return b""
        finally:
            os.close(descriptor)

"""The children of a fork server, and the watch over those that may have children of their own.

RLIMIT_AS and RLIMIT_CPU count one process; here the memory and the time of a whole tree are added up.

Does NOT protect against: what a tree takes between two looks (25 ms), nor the CPU time of children that live shorter
and that nobody waits for (the wall clock ends those); pages that several processes of a tree share are
counted for each of them.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")


class Child:
    """One forked program. `number` is the host's name for it, `first` a descriptor of its namespace's first process."""

    def __init__(self, request: Mapping[str, Any], first: int, pid: int) -> None:
        self.number: int = request["number"]
        self.limits: Mapping[str, int] = request["limits"]
        self.watched: bool = request["profile"] == "subprocess"
        self.pid = pid
        self.pidfds = (first, os.pidfd_open(pid))
        self.first_is_there = True
        self.status: int | None = None
        self.cpu_seconds = 0.0
        self.peak_bytes = 0
        self.ended_by: str | None = None
        self.looked = 0.0
        self.seen: dict[int, float] = {}

    def kill(self) -> None:
        """With the first process the kernel kills all others of the namespace."""
        if not self.first_is_there:
            return
        try:
            signal.pidfd_send_signal(self.pidfds[0], signal.SIGKILL)
        except ProcessLookupError:  # killed before, and gone; its descriptor is about to say so
            return

    def reap(self, pidfd: int) -> bool:
        """Take the end of one of the two processes; True when nothing of this child is left."""
        os.close(pidfd)
        if pidfd == self.pidfds[0]:
            self.first_is_there = False
            return True
        _, self.status, usage = os.wait4(self.pid, 0)
        self.cpu_seconds, self.peak_bytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
        self.kill()  # what the program left running ends with it
        return False


class Watch:
    """Looks at the trees of children that may fork. `proc` is a descriptor of a proc file system."""

    MILLISECONDS = 25

    def __init__(self, proc: int) -> None:
        self._proc = proc
        self._base_memory = self._memory("self")

    def look(self, child: Child, now: float) -> None:
        """Kill the child where its tree is over a limit, and note which; at most every 25 ms."""
        if child.ended_by is not None or now - child.looked < Watch.MILLISECONDS / 1000:
            return
        child.looked = now
        first, program = map(self._number, child.pidfds)
        tree = self._tree(first, program)
        memory = sum(self._memory(pid) for pid in tree if pid != first) - self._base_memory
        for pid, (own, _) in tree.items():
            child.seen[pid] = max(own, child.seen.get(pid, 0.0))
        # Time of children that nobody waited for is in nobody's sum: what was seen of those that have gone stays.
        seconds = max(sum(child.seen.values()), sum(own + waited for own, waited in tree.values()))
        if memory > child.limits["memory_bytes"]:
            child.ended_by = "memory_bytes"
        elif seconds > child.limits["cpu_seconds"]:
            child.ended_by = "cpu_seconds"
        else:
            return
        child.kill()

    def _tree(self, *roots: int) -> dict[int, tuple[float, float]]:
        """CPU seconds, own and of children that were waited for, of the processes and of all below them.

        Orphans are below the first process of their namespace.
        """
        parents, seconds = dict[int, int](), dict[int, tuple[float, float]]()
        for pid in self._processes():
            after_name = self._read(f"{pid}/stat").rpartition(b")")[2].split()
            if len(after_name) > 14:
                parents[pid] = int(after_name[1])
                user, system, user_below, system_below = map(int, after_name[11:15])
                seconds[pid] = (user + system) / _TICKS, (user_below + system_below) / _TICKS
        found, waiting = dict[int, tuple[float, float]](), [*roots]
        while waiting:
            one = waiting.pop()
            found[one] = seconds.get(one, (0.0, 0.0))
            waiting += [pid for pid, parent in parents.items() if parent == one]
        return found

    def _number(self, pidfd: int) -> int:
        """The process's number in the proc file system, which may be the host's; -1 for one that has ended."""
        words = self._read(f"self/fdinfo/{pidfd}").split()
        return int(words[words.index(b"Pid:") + 1]) if b"Pid:" in words else -1

    def _processes(self) -> list[int]:
        """All that the proc file system shows: those of this server, or the host's."""
        folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._proc)
        try:
            return [int(name) for name in os.listdir(folder) if name.isdigit()]
        finally:
            os.close(folder)

    def _memory(self, pid: int | str) -> int:
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

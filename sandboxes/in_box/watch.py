"""The watch over children that may have children of their own.

RLIMIT_AS and RLIMIT_CPU count one process; here the memory and the time of a whole tree are added up.

Does NOT protect against: what a tree takes between two looks (25 ms, longer where there are very many processes), nor
the CPU time of children that live shorter and that nobody waits for (the wall clock ends those); what sockets hold in
the kernel; pages that several processes of a tree share are counted for each of them.
"""

from __future__ import annotations

import os
import time

from sandboxes.in_box.children import Child
from sandboxes.in_box.proc import Proc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    Times = Mapping[int, tuple[float, float]]
    """CPU seconds by process: its own, and those of children that it waited for."""

_TICKS = os.sysconf("SC_CLK_TCK")
_SHARE = 4  # looking may take a fifth of the fork server's time


class Watch:
    """Looks at the trees of children that may fork."""

    MILLISECONDS = 25

    def __init__(self, proc: Proc) -> None:
        self._proc = proc
        self._base_memory = self._memory("self")
        self._next = 0.0

    def look(self, children: Collection[Child]) -> None:
        """Kill the children whose tree is over a limit, and note which limit; at most every 25 ms."""
        began = time.monotonic()
        if began < self._next:
            return
        times, below = self._scan()
        for child in children:
            if child.status is None and child.ended_by is None:
                self._look_at(child, times, below)
        now = time.monotonic()
        self._next = now + max(Watch.MILLISECONDS / 1000, _SHARE * (now - began))

    def _look_at(self, child: Child, times: Times, below: Mapping[int, list[int]]) -> None:
        first, program = map(self._proc.number, child.pidfds)
        tree = _tree((first, program), below)
        memory = sum(self._memory(pid) for pid in tree if pid != first) - self._base_memory
        child.most_bytes = max(memory, child.most_bytes)
        seconds = [times.get(pid, (0.0, 0.0)) for pid in tree]
        for pid, (own, _) in zip(tree, seconds, strict=True):
            child.seen[pid] = max(own, child.seen.get(pid, 0.0))
        # Time of children that nobody waited for is in nobody's sum: what was seen of those that have gone stays.
        used = max(sum(child.seen.values()), sum(own + waited for own, waited in seconds))
        if memory > child.limits["memory_bytes"]:
            child.ended_by = "memory_bytes"
        elif used > child.limits["cpu_seconds"]:
            child.ended_by = "cpu_seconds"
        else:
            return
        child.kill()

    def _scan(self) -> tuple[Times, Mapping[int, list[int]]]:
        """The times of every process, and the processes below each."""
        times, below = dict[int, tuple[float, float]](), dict[int, list[int]]()
        for pid in self._proc.numbers():
            after_name = self._proc.read(f"{pid}/stat").rpartition(b")")[2].split()
            if len(after_name) > 14:
                below.setdefault(int(after_name[1]), []).append(pid)
                user, system, user_below, system_below = map(int, after_name[11:15])
                times[pid] = (user + system) / _TICKS, (user_below + system_below) / _TICKS
        return times, below

    def _memory(self, pid: int | str) -> int:
        """Bytes of its own, and those that it shares with the process that it was forked from."""
        total = 0
        for line in self._proc.read(f"{pid}/status").splitlines():
            if line.startswith((b"RssAnon:", b"RssShmem:")):
                total += int(line.split()[1]) * 1024
        return total


def _tree(roots: tuple[int, int], below: Mapping[int, list[int]]) -> list[int]:
    """The processes and all below them: orphans are below the first process of their namespace."""
    found, waiting = dict[int, None](), [*roots]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found[one] = None
            waiting += below.get(one, ())
    return list(found)

"""The children of a fork server, from its own side: what they are called, how they are killed and reaped.

Does NOT protect against: a child that was not killed by its first process; `nursery.py` makes those.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


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
        self.seen: dict[int, float] = {}
        self.most_bytes = 0
        self.look: Mapping[str, Any] | None = None

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
        self.cpu_seconds = max(usage.ru_utime + usage.ru_stime, sum(self.seen.values()))
        self.peak_bytes = max(usage.ru_maxrss * 1024, self.most_bytes)
        self.kill()  # what the program left running ends with it
        return False

"""The folder in which several workers keep their numbers, so that any of them answers for all at `/metrics`.

Each place has its files, and a worker that is started where one died goes on with what that one counted: counters
never go down while the service runs, are counted once, and the files do not grow in number with restarts.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from prometheus_client import values
from prometheus_client.multiprocess import mark_process_dead

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "judge-numbers-"
_LOCK = "lock"


def count_at(place: int) -> None:
    """Have this process count in the files of its place. Before any number is made; no two processes at one place."""
    values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]


class NumbersFolder:
    """The folder of one service. It is locked while the service lives, so that a later one knows it is left over."""

    def __init__(self) -> None:
        """Make a folder, and remove those of services that were killed."""
        _remove_left_over(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def died(self, place: int) -> None:
        """Forget what held only while the worker at a place lived; what it counted stays."""
        mark_process_dead(place, str(self.path))  # type: ignore[no-untyped-call]

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_left_over(parent: Path) -> None:
    """Remove the folders whose lock nobody holds. One without a lock is about to get it, or is no such folder."""
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)

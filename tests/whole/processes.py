"""What a service holds of the machine: processes, descriptors, mounts, files. Linux only."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


@contextmanager
def keeping_orphans() -> Iterator[None]:
    """Inside, whatever loses its parent becomes a child of this process, so that it can be found."""
    libc = ctypes.CDLL(None)
    assert libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def descendants(pid: int) -> dict[int, str]:
    """The living processes below one, with their names; zombies that are ours are put away on the way."""
    children: dict[int, list[tuple[int, str]]] = {}
    for place in Path("/proc").iterdir():
        if not place.name.isdigit():
            continue
        with suppress(OSError):
            name, _, rest = (place / "stat").read_text("utf-8", "replace").partition("(")[2].rpartition(") ")
            state, parent = rest.split()[:2]
            if state != "Z":
                children.setdefault(int(parent), []).append((int(place.name), name))
            elif int(parent) == os.getpid():
                os.waitpid(int(place.name), os.WNOHANG)
    found: dict[int, str] = {}
    left = [pid]
    while left:
        for child, name in children.get(left.pop(), ()):
            found[child] = name
            left.append(child)
    return found


def new_descendants(before: dict[int, str], *, within_seconds: float = 10.0) -> dict[int, str]:
    """Those below this process that were not there `before`, once no more of them go away."""
    deadline = time.monotonic() + within_seconds
    while True:
        found = {pid: name for pid, name in descendants(os.getpid()).items() if pid not in before}
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def mounts() -> set[str]:
    return set(Path("/proc/self/mounts").read_text("utf-8").splitlines())


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())

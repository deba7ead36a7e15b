"""What a service and the processes below it hold: memory, descriptors, processes, mounts. Reads /proc.

Some of it is not shown of processes that have given up their privileges, unless root looks; then it is None.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_PROC = Path("/proc")
# Memory moves by itself: allocators keep pages, and the collector runs when it likes.
ALLOWED_GROWTH_MB = 8.0


@dataclass(frozen=True)
class Holdings:
    """At one moment, with nothing in flight. `own_*` is of this process, `below_*` of all below it together."""

    executions: int
    own_rss_mb: float
    own_descriptors: int
    own_mounts: int
    below_processes: int
    below_rss_mb: float
    below_descriptors: int | None
    below_mounts: int | None


def holdings(executions: int, pid: int | None = None) -> Holdings:
    """Look at a process (this one, unless another is named) and at those below it."""
    own = pid or os.getpid()
    found = below(own)
    return Holdings(
        executions,
        rss_mb([own]),
        _entries(own, "fd") or 0,
        _lines(own, "mountinfo") or 0,
        len(found),
        rss_mb(found),
        _summed([_entries(one, "fd") for one in found]),
        _summed([_lines(one, "mountinfo") for one in found]),
    )


def growth(points: Sequence[Holdings]) -> list[str]:
    """What grew from the second point (the first may still warm up) to the last, in words; empty where nothing did."""
    first, last = asdict(points[min(1, len(points) - 1)]), asdict(points[-1])
    grown = []
    for name, before in first.items():
        after = last[name]
        if name == "executions" or before is None or after is None:
            continue
        if after > before + (ALLOWED_GROWTH_MB if name.endswith("_mb") else 0):
            grown.append(f"{name} grew from {before:g} to {after:g}")
    return grown


def below(pid: int) -> list[int]:
    """The processes that descend from `pid`, ended ones that nobody has waited for among them."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdecimal():
            parent = _parent(int(entry.name))
            if parent is not None:
                children.setdefault(parent, []).append(int(entry.name))
    found, waiting = list[int](), [pid]
    while waiting:
        next_below = children.get(waiting.pop(), [])
        found += next_below
        waiting += next_below
    return found


def _parent(pid: int) -> int | None:
    try:
        after_name = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:  # it has ended meanwhile
        return None
    return int(after_name[1])


def rss_mb(pids: Sequence[int]) -> float:
    pages = 0
    for pid in pids:
        try:
            pages += int((_PROC / str(pid) / "statm").read_text().split()[1])
        except OSError:  # it has ended meanwhile
            continue
    return round(pages * resource.getpagesize() / 2**20, 2)


def _entries(pid: int, name: str) -> int | None:
    try:
        return len(os.listdir(_PROC / str(pid) / name))
    except FileNotFoundError:
        return 0
    except OSError:
        return None


def _lines(pid: int, name: str) -> int | None:
    try:
        return len((_PROC / str(pid) / name).read_bytes().splitlines())
    except FileNotFoundError:
        return 0
    except OSError:  # of a process that has ended, too: it has none
        return None


def _summed(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None

"""Lets the service have as many descriptors open as it may: each post and each model call in flight is one."""

from __future__ import annotations

import contextlib
import resource

# More than this no service needs; programs that walk through all possible descriptors take longer with more.
MOST = 65_536


def raise_open_files() -> int:
    """Raise the soft limit to the hard one, or to `MOST`; returns what it is now. Where it cannot be, it stays."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

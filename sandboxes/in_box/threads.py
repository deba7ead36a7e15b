"""Names the limit that keeps a program from starting another thread: Python itself says only that it cannot.

Does NOT protect against anything, and does not know of threads that were not started by `threading`.
"""

from __future__ import annotations

import _thread
import resource
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_STARTERS = ("_start_new_thread", "_start_joinable_thread")  # before and since Python 3.13


def prepare_threads() -> None:
    """Done once, before any fork."""
    for name in _STARTERS:
        if hasattr(threading, name):
            setattr(threading, name, _telling(getattr(threading, name)))


def _telling(start: Any) -> Any:
    def start_thread(*args: Any, **kwargs: Any) -> Any:
        try:
            return start(*args, **kwargs)
        except RuntimeError as error:
            raise RuntimeError(f"{error}: {_reason()}") from None

    return start_thread


def _reason() -> str:
    most = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    if _thread._count() + 1 < most:  # the main thread counts too
        return "memory_bytes of this box leave no room for its stack"
    return f"processes={most} of this box, threads counted"

"""The limit that ended a program, where only its own last words tell of it: a traceback of Python.

Does NOT protect against: a program that lies about its end. What the kernel counted goes before what is said here, and
a limit that is named changes no verdict: the program has failed in either way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from judge_agent.seams.sandbox import Limit

_TRACEBACK = b"Traceback (most recent call last):"
_TOLD_BYTES = 1 << 16
_UNTOLD = b"MemoryError"  # all that Python says where there is no memory left for more
Words = tuple[tuple[re.Pattern[bytes], Limit], ...]


def compiled(said: Sequence[tuple[bytes, Limit]]) -> Words:
    """The patterns of lines that speak of a limit."""
    return tuple((re.compile(words, re.MULTILINE), limit) for words, limit in said)


OF_LINUX = compiled(
    (
        (rb"^(?:MemoryError|numpy[\w.]*\._ArrayMemoryError)\b", "memory_bytes"),
        (rb"^(?:OSError|PermissionError|BlockingIOError): \[Errno 12\]", "memory_bytes"),
        (rb"^RuntimeError: can't start new thread: memory_bytes", "memory_bytes"),
        (rb"^RuntimeError: can't start new thread", "processes"),
        (rb"^BlockingIOError: \[Errno 11\]", "processes"),
        (rb"^OSError: \[Errno 24\]", "open_files"),
        (rb"^OSError: \[Errno (?:27|28|122)\]", "disk_bytes"),
        (rb"^sqlite3\.OperationalError: database or disk is full", "disk_bytes"),
    )
)


def told_limit(words: Words, stderr: bytes, *, took_much: bool) -> Limit | None:
    """The limit that a program's tracebacks speak of last; None where they speak of none.

    `took_much`: of its memory, so that a bare `MemoryError` is believed.
    """
    told = stderr[-_TOLD_BYTES:]
    if _TRACEBACK not in told:
        return "memory_bytes" if took_much and told.rstrip().rpartition(b"\n")[2] == _UNTOLD else None
    found = [(said.start(), limit) for pattern, limit in words for said in pattern.finditer(told)]
    return max(found, default=(0, None), key=lambda one: one[0])[1]

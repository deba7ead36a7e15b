"""What both engines share in the box: the words of a failure, the file of the database, the clock."""

from __future__ import annotations

import shutil
import sys
import time

DATABASE = "/work/database"


class EngineError(Exception):
    """The engine did not do it. `kind`: syntax, error, refused, timeout or memory."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Clock:
    """Counts down to the deadline of one call."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def is_over(self) -> bool:
        return time.monotonic() >= self._end

    def left(self) -> float:
        return max(0.0, self._end - time.monotonic())

    def late(self) -> EngineError:
        return EngineError("timeout", f"it did not end within {self.seconds:g} s")


def receive_file() -> None:
    """The database file comes over the standard input."""
    with open(DATABASE, "wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

"""What both engines share in the box: the words of a failure, the file of the database, the clock."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

DATABASE = "database"  # in the work folder, which is where a box runs
COPY = "copy"  # and a number
Json = dict[str, Any]
Row = tuple[object, ...]


class EngineError(Exception):
    """The engine did not do it. `kind`: syntax, error, refused, timeout, memory or died."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Clock:
    """Counts down the processor time of one call: on a busy machine a query takes no more of it than elsewhere.

    A call that waits without computing is ended by the host.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.process_time() + seconds

    def is_over(self) -> bool:
        return time.process_time() >= self._end

    def left(self) -> float:
        return max(0.0, self._end - time.process_time())

    def late(self) -> EngineError:
        return EngineError("timeout", f"it did not end within {self.seconds:g} s")


class Alarm:
    """Calls `ring` from a thread of its own, as soon as the time of a clock is over; not after `cancel`."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock, self._ring = clock, ring
        self._cancelled = threading.Event()
        threading.Thread(target=self._wait, daemon=True).start()

    def cancel(self) -> None:
        self._cancelled.set()

    def _wait(self) -> None:
        while not self._cancelled.wait(self._clock.left()):
            if self._clock.is_over():
                self._ring()
                return


def receive_file() -> None:
    """The database file comes over the standard input."""
    with open(DATABASE, "wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Engine(Protocol):
    """One engine with one database."""

    def load(self, kind: str, payload: Json, seconds: float) -> None:
        """Receive or build the database, then open it for reading. Raises EngineError."""
        ...

    def run(self, sql: str, clock: Clock) -> tuple[list[str], Iterator[Row]]:
        """Run a query; give its columns, and its rows as they are asked for. Raises EngineError, also then."""
        ...

    def parses(self, sql: str, clock: Clock) -> None:
        """Raise EngineError where the engine's own parser does not find one query."""
        ...

    def knows(self, names: list[str]) -> list[str]: ...

    def describe(self) -> list[Json]: ...

    def read_backwards(self) -> None:
        """From now on, read tables from the end where a query leaves their order open, as far as the engine can."""
        ...

    def turn_to_copy(self, asked: Json, clock: Clock) -> Json:
        """Make a perturbed copy of the database, which queries read from now on. Raises EngineError."""
        ...


class Channel(Protocol):
    """Lines to and from the host."""

    def receive(self) -> bytes | None: ...

    def send(self, line: bytes) -> None: ...

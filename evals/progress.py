"""A bar on stderr: how much is done, how fast. Where stderr is no terminal, a line for every tenth."""

from __future__ import annotations

import sys
import time

WIDTH = 30


class Progress:
    """Counts calls of itself up to `total`; `done` are done already. Nothing is shown in the first `quiet_seconds`."""

    def __init__(self, what: str, total: int, done: int = 0, *, quiet_seconds: float = 0.0) -> None:
        self._what, self._total, self._done, self._earlier = what, total, done, done
        self._started = self._shown = time.monotonic()
        self._quiet_seconds = quiet_seconds

    def __call__(self) -> None:
        self._done += 1
        last = self._done == self._total
        if time.monotonic() - self._started < self._quiet_seconds:
            return
        if sys.stderr.isatty():
            if last or time.monotonic() - self._shown > 0.1:
                self._shown = time.monotonic()
                print(f"\r{self._line()}", end="\n" if last else "", file=sys.stderr, flush=True)
        elif last or 10 * self._done // self._total > 10 * (self._done - 1) // self._total:
            print(self._line(), file=sys.stderr, flush=True)

    def _line(self) -> str:
        full = WIDTH * self._done // self._total
        rate = (self._done - self._earlier) / max(time.monotonic() - self._started, 1e-6)
        bar = "#" * full + "." * (WIDTH - full)
        return f"{self._what:32} [{bar}] {self._done}/{self._total}, {rate:.2g}/s"

"""How long the disk itself takes to keep a few bytes, while something else is measured on it."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from evals.bench.loads import quantile

PAUSE_SECONDS = 0.1
_PAGE = bytes(4096)


class DiskProbe:
    """In a `with`: writes 4 kB at the end of a file of its own in `folder` and waits until it is on disk (fdatasync),
    about ten times a second. A service that waits for the disk cannot be faster than this in the same seconds.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._milliseconds: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._measure, daemon=True)

    def __enter__(self) -> DiskProbe:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def told(self) -> dict[str, Any]:
        """`disk_p99_ms`, `disk_max_ms` and `disk_syncs`; empty before the first."""
        if not self._milliseconds:
            return {}
        return {
            "disk_syncs": len(self._milliseconds),
            "disk_p99_ms": round(quantile(self._milliseconds, 99), 1),
            "disk_max_ms": round(max(self._milliseconds), 1),
        }

    def _measure(self) -> None:
        with tempfile.TemporaryFile(dir=self._folder) as file:
            while not self._over.wait(PAUSE_SECONDS):
                file.write(_PAGE)
                file.flush()
                began = time.perf_counter()
                os.fdatasync(file.fileno())
                self._milliseconds.append(1000 * (time.perf_counter() - began))

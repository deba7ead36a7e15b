"""The connections of the event loop's thread to a SQLite file in WAL mode."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from judge_agent.store.transactions import Item, Outcome, begin, commit

CACHE_KB = 8_000


class OwnConnections:
    """What they do is done at once, or not at all. They wait for nobody."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where there is no WAL, and sqlite3.Error."""
        self._thread = threading.get_ident()
        self.reading = sqlite3.connect(str(path), timeout=0, isolation_level=None)
        self._writing = sqlite3.connect(str(path), timeout=0, isolation_level=None)
        self.reading.execute("PRAGMA query_only=ON")
        self.reading.execute(f"PRAGMA cache_size=-{CACHE_KB}")
        self._writing.execute("PRAGMA synchronous=NORMAL")
        self._writing.execute("PRAGMA foreign_keys=ON")
        self._writing.execute("PRAGMA wal_autocheckpoint=0")
        self._writing.execute(f"PRAGMA cache_size=-{CACHE_KB}")
        self.reading.execute("PRAGMA user_version").fetchone()
        self._wal = os.open(path.with_name(path.name + "-wal"), os.O_RDONLY | os.O_CLOEXEC)

    @property
    def is_here(self) -> bool:
        return self._thread == threading.get_ident()

    def commit(self, items: Sequence[Item], name: str) -> list[Outcome] | None:
        """Do it in a transaction; None where that cannot begin now."""
        try:
            begin(self._writing)
        except sqlite3.Error:
            return None
        return commit(self._writing, items, name)

    def sync(self) -> None:
        """Have what is committed on disk. From any thread. Raises OSError."""
        os.fdatasync(self._wal)

    def close(self) -> None:
        self.reading.close()
        self._writing.close()
        os.close(self._wal)

"""How far each segment was when it was last anchored; read from the database without changing it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from judge_agent.errors import StoreError


@dataclass(frozen=True)
class Head:
    """`count` lines (the header is one) were on disk, and `head` is the hash of the last."""

    count: int
    head: str


Heads = Mapping[tuple[str, str], Head]


def heads_in(database: Path) -> Heads:
    """Return the heads by (writer, segment) from the service's SQLite database. Raises StoreError."""
    if not database.is_file():
        raise StoreError(f"there is no database {str(database)!r}, so the end of the log is anchored nowhere")
    try:
        with closing(
            sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
        ) as connection:
            rows = connection.execute("SELECT writer, segment, count, head FROM log_heads").fetchall()
    except sqlite3.Error as error:
        raise StoreError(f"the heads of the log cannot be read from {str(database)!r}: {error}") from error
    return {(writer, segment): Head(count, head) for writer, segment, count, head in rows}

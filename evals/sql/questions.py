"""Defog's questions as they are: each with its gold query, the alternatives to it, and the file of its database."""

from __future__ import annotations

import contextlib
import csv
import sqlite3
from pathlib import Path
from typing import NamedTuple

from evals.defog import FILES, NOW


class Asked(NamedTuple):
    """`gold` is the first query given, `alternatives` the others; `columns` those of each table, in lower case."""

    text: str
    path: Path
    gold: str
    alternatives: tuple[str, ...]
    columns: dict[str, list[str]]


def questions(folder: Path) -> list[Asked]:
    """All questions. Raises OSError where the folder is not the data's."""
    known: dict[Path, dict[str, list[str]]] = {}
    found = []
    for name in FILES:
        with (folder / "questions" / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                path = folder / "sqlite" / f"{row['db_name']}.sqlite"
                columns = known.setdefault(path, _columns(path))
                given = [one.strip().replace("'now'", NOW) for one in row["query"].split(";")]
                gold, *others = [one for one in given if one]
                found.append(Asked(row["question"], path, gold, tuple(others), columns))
    return found


def _columns(path: Path) -> dict[str, list[str]]:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name.casefold(): [row[1].casefold() for row in connection.execute(f'PRAGMA table_info("{name}")')]
            for name in names
        }

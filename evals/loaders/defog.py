"""Defog's SQL questions (sql-eval): CSV files of questions, and SQLite copies of their databases."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from evals import defog
from evals.loaders.item import Entry, Suite
from evals.loaders.queries import Asked
from judge_agent.errors import InvalidRequest


def _read(folder: Path, /) -> Sequence[Entry]:
    return [entry for name in defog.FILES for asked in _asked(folder, name) for entry in asked.entries()]


def _asked(folder: Path, name: str) -> Sequence[Asked]:
    path = folder / "questions" / name
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return [_one(folder, path.stem, number, row) for number, row in enumerate(rows, start=1)]
    except OSError as error:
        raise InvalidRequest(str(path), f"cannot be read: {error.strerror}") from error
    except KeyError as error:
        raise InvalidRequest(f"{path}, field {error.args[0]}", "is missing") from error


def _one(folder: Path, stem: str, number: int, row: dict[str, str]) -> Asked:
    gold, database = defog.gold_of(row["query"]), folder / "sqlite" / f"{row['db_name']}.sqlite"
    return Asked(f"{stem}:{number}", row["db_name"], row["question"], gold, database)


SUITE = Suite(
    name="defog_sql",
    decided_by="query",
    is_given=True,
    read=_read,
    origin="github.com/defog-ai/sql-eval, data/*.csv",
    known_from="published files",
)

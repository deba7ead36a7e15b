"""Defog's SQL questions (sql-eval): CSV files of questions, and SQLite copies of their databases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evals import defog
from evals.loaders.item import Entry, Suite
from evals.loaders.making import numbered
from evals.loaders.queries import Asked, there
from evals.loaders.rows import Row, table_of


def _read(folder: Path, /) -> Sequence[Entry]:
    return [entry for name in defog.FILES for asked in _asked(folder, name) for entry in asked.entries()]


def _asked(folder: Path, name: str) -> Sequence[Asked]:
    return [_one(folder, row) for row in table_of(folder / "questions" / name)]


def _one(folder: Path, row: Row) -> Asked:
    gold, name = defog.gold_of(row.text("query")), row.text("db_name")
    database = there(row, "db_name", folder / "sqlite" / f"{name}.sqlite")
    return Asked(numbered(row), name, row.text("question"), gold, database)


SUITE = Suite(
    name="defog_sql",
    decided_by="query",
    is_given=True,
    read=_read,
    origin="github.com/defog-ai/sql-eval, data/*.csv",
    known_from="published files",
)

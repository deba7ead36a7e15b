"""Spider's dev set (1809.08887): `dev.json`, and databases as `database/<db_id>/<db_id>.sqlite`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evals.loaders.item import Entry, Suite
from evals.loaders.making import files, numbered
from evals.loaders.queries import Asked, there
from evals.loaders.rows import Row, rows_of


def _read(folder: Path, /) -> Sequence[Entry]:
    (path,) = files(folder, "dev.json")
    return [entry for row in rows_of(path) for entry in _asked(row, folder).entries()]


def _asked(row: Row, folder: Path) -> Asked:
    name = row.text("db_id")
    database = there(row, "db_id", folder / "database" / name / f"{name}.sqlite")
    return Asked(numbered(row), name, row.text("question"), row.text("query"), database)


SUITE = Suite(
    name="spider",
    decided_by="query",
    is_given=True,
    read=_read,
    origin="yale-lily.github.io/spider, dev set",
    known_from="published description",
)

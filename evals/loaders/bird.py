"""BIRD's dev set (2305.03111): `dev.json`, and databases as `dev_databases/<db_id>/<db_id>.sqlite`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evals.loaders.item import Entry, Suite
from evals.loaders.making import files
from evals.loaders.queries import Asked, there
from evals.loaders.rows import Row, rows_of


def _read(folder: Path, /) -> Sequence[Entry]:
    (path,) = files(folder, "dev.json")
    return [entry for row in rows_of(path) for entry in _asked(row, folder).entries()]


def _asked(row: Row, folder: Path) -> Asked:
    name = row.text("db_id")
    hint = row.data.get("evidence")
    text = row.text("question") + (f"\nHint: {hint}" if isinstance(hint, str) and hint.strip() else "")
    database = there(row, "db_id", folder / "dev_databases" / name / f"{name}.sqlite")
    return Asked(f"dev:{row.whole('question_id')}", name, text, row.text("SQL"), database)


SUITE = Suite(
    name="bird",
    decided_by="query",
    is_given=True,
    read=_read,
    origin="bird-bench.github.io, dev set",
    known_from="published description",
)

"""ROSE-VEC (2604.12988): predicted queries that SQL experts called right or wrong.

Files are lists of `question_id`, `db_id`, `question`, `evidence`, `predicted_sql`, `gold_sql` and `label`. The experts'
`label` (true or false, or the word of it) and `gold_sql`, which they found wrong at times, are the label's: the request
holds the question, the schema and the predicted query. The files hold no schema. It is taken from a field `schema`
where a copy has one, from the database, which is sent along then (`dev_databases/<db_id>/<db_id>.sqlite`, or Spider's
`database/`), or from `tables.json` as Spider and BIRD publish it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evals.loaders.item import Entry, Item, Suite
from evals.loaders.making import entries, files, numbered, outcome
from evals.loaders.queries import resource_of
from evals.loaders.rows import Row, plain_name, rows_of

_WORDS = {"correct": True, "incorrect": False, "true": True, "false": False, "yes": True, "no": False}
_FOLDERS = ("dev_databases", "database")
_TABLES = "tables.json"
_MAX_NAME = 200


def _read(folder: Path, /) -> Sequence[Entry]:
    paths = files(folder)
    tables = {
        row.text("db_id"): row for path in paths if plain_name(path) == _TABLES for row in rows_of(path)
    }
    asked = (row for path in paths if plain_name(path) != _TABLES for row in rows_of(path, folder))
    return entries((row, [_item(row, folder, tables)]) for row in asked)


def _item(row: Row, folder: Path, tables: Mapping[str, Row]) -> Item:
    name = str(row.data.get("db_id") or "")[:_MAX_NAME]  # a longer one is no name of a file
    paths = (folder / kind / name / f"{name}.sqlite" for kind in _FOLDERS)
    database = next((path for path in paths if path.is_file()), None)
    hint = row.data.get("evidence")
    schema = _schema(row, database, tables.get(name))
    says = row.data.get("label")
    succeeded = row.label("label", _WORDS) if isinstance(says, str) else row.truth("label")
    return outcome(
        numbered(row),
        f"{row.file}/{'right' if succeeded else 'wrong'}",
        {"prompt": "\n\n".join([row.text("question"), *([str(hint)] if hint else []), f"Schema:\n{schema}"])},
        f"```sql\n{row.text('predicted_sql')}\n```",
        succeeded=succeeded,
        resources={"databases": [resource_of(database)]} if database else {},
        uploads=(database,) if database else (),
    )


def _schema(row: Row, database: Path | None, tables: Row | None) -> str:
    if "schema" in row.data:
        return row.text("schema")
    if database is not None:
        return _created(row, database)
    if tables is None:
        raise row.error(
            "db_id",
            f"its schema stands in no field `schema`, in no {_TABLES}, and in no database under {', '.join(_FOLDERS)}",
        )
    return "\n".join(_listed(tables))


def _created(row: Row, database: Path) -> str:
    try:
        with contextlib.closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as one:
            found = one.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL")
            return "\n".join(str(sql) for (sql,) in found)
    except sqlite3.Error as error:
        raise row.error("db_id", f"{database} is no SQLite database: {error}") from error


def _listed(tables: Row) -> Iterator[str]:
    """A line for each table: `name(column type, ...)`. A column is [index of its table, name]."""
    names, types = tables.texts("table_names_original"), tables.texts("column_types")
    columns = tables.data.get("column_names_original")
    if not isinstance(columns, list) or len(columns) != len(types) or not all(map(_is_column, columns)):
        tables.refuse("column_names_original", f"a list of {len(types)} pairs, one for each of column_types")
    for place, name in enumerate(names):
        own = (f"{column} {kind}" for (at, column), kind in zip(columns, types, strict=True) if at == place)
        yield f"{name}({', '.join(own)})"


def _is_column(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and type(value[0]) is int and isinstance(value[1], str)


SUITE = Suite(
    name="rose_vec",
    decided_by="human",
    is_given=False,
    read=_read,
    origin="github.com/CedricPei/ROSE, data/annotations",
    known_from="published files",
)

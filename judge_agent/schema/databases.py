"""A database that a request brings along: inline, by the hash of an uploaded blob, or by name under the root."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema, model_validator

from judge_agent.schema.base import Envelope
from judge_agent.schema.files import check_source
from judge_agent.schema.inline_tables import MAX_ROWS, check_tables
from judge_agent.schema.refusals import Refused

MAX_DATABASES = 8
MAX_SCRIPT_CHARS = 2_000_000
Engine = Literal["duckdb", "sqlite"]
_CELL = {"type": ["string", "number", "boolean", "null"]}
_ROWS = {"type": "array", "maxItems": MAX_ROWS, "items": {"type": "array", "items": _CELL}}
_SOURCES = ("sql", "tables", "blob", "root_name")
_SqlName = Annotated[str, Field(min_length=1, max_length=128, pattern=r'^[^\x00"]+$')]


class Column(Envelope):
    """A column and its type, in the words of the engine: `INTEGER`, `VARCHAR(20)`, `DECIMAL(10, 2)`."""

    name: _SqlName
    type: Annotated[
        str, Field(max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_ ]*(\(\d{1,4}( *, *\d{1,4})?\))?$")
    ]


class InlineTable(Envelope):
    """A table with its rows; each row has one cell per column, dates are text."""

    columns: tuple[Column, ...] = Field(min_length=1)
    rows: Annotated[tuple[tuple[Any, ...], ...], WithJsonSchema(_ROWS)] = ()

    @model_validator(mode="after")
    def _named_once(self) -> InlineTable:
        _refuse_twice("columns", [column.name for column in self.columns])
        return self


class Database(Envelope):
    """One database with exactly one source. Files are opened in a box only, and never written to.

    `sql` is a script of DDL and INSERTs, `tables` the same as data, `blob` the SHA-256 of a file uploaded by
    `POST /v1/blobs`, `root_name` the name of a file under the folder that the operator configured.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
    engine: Engine
    sql: Annotated[str, Field(max_length=MAX_SCRIPT_CHARS)] | None = None
    tables: dict[_SqlName, InlineTable] | None = None
    blob: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    root_name: Annotated[str, Field(min_length=1, max_length=512)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _tables_are_bounded(cls, value: Any) -> Any:
        if isinstance(value, dict):
            check_tables(value.get("tables"))
        return value

    @model_validator(mode="after")
    def _one_source(self) -> Database:
        check_source(self, _SOURCES)
        if self.tables is not None:
            _refuse_twice("tables", list(self.tables))
        return self


def _refuse_twice(field: str, names: list[str]) -> None:
    """Engines do not tell names by case."""
    seen = set[str]()
    for name in names:
        if name.casefold() in seen:
            raise Refused(field, f"{name!r} is given more than once (case does not matter)", name)
        seen.add(name.casefold())

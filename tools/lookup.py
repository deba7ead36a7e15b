"""Looks a value up in a table that the request brings along: by key, by a range of values, or by the bracket around it.

Only tables given as data (`resources.databases[].tables`) are read, without a database engine: cells are compared as
numbers where both are, else as text without regard to case and outer spaces. With `is_final` the value found is looked
for in the final answer.

Does not know whether the row that the model asked for is the one that the task means: strong evidence at most. For
files and joins there is `query_sql`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from judge_agent.schema.databases import InlineTable
from judge_agent.seams.tool import AskedTool, Finding, ToolResult, ToolView
from tools.numbers.rows import Conditions, answer_verdict, fitting, number
from tools.numbers.told import answer_text, bears_on_answer

_Name = Annotated[str, Field(max_length=200)]


@dataclass(frozen=True)
class LookupLimits:
    """Of one call: `conditions`, `value_chars` characters of a value, `rows` shown, `cell_chars` of a cell shown."""

    conditions: int = 8
    value_chars: int = 500
    rows: int = 20
    cell_chars: int = 300


class Within(BaseModel):
    """The row in whose bracket a number falls: column low <= value < column high; null there is open."""

    model_config = ConfigDict(extra="forbid", strict=True)
    low: _Name
    high: _Name
    value: int | float


class Lookup(AskedTool):
    """The tool `lookup`. Needs no box: tables are data already, and nothing in them is run."""

    name = "lookup"

    def __init__(self, *, limits: LookupLimits | None = None) -> None:
        self.limits = limits or LookupLimits()
        self.version = f"4/{self.limits.rows}/{self.limits.cell_chars}"

    def offered(self, view: ToolView) -> bool:
        """Where a table is given as data."""
        return any(True for _ in _tables(view))

    async def asked(
        self,
        view: ToolView,
        *,
        table: _Name,
        key: dict[str, str | bool | int | float | None] | None = None,
        at_least: dict[str, str | int | float] | None = None,
        at_most: dict[str, str | int | float] | None = None,
        within: Within | None = None,
        column: _Name | None = None,
        is_final: bool = False,
        timeout_seconds: float,
    ) -> ToolResult:
        """Looks up rows of a table of the task: by key {column: value}, by at_least/at_most {column: bound}, or the
        bracket that a number is in. With is_final it says whether the final answer gives the value of column.

        table: Name of the table.
        key: Column and value, for each column: all must be equal.
        at_least: Column and lowest value.
        at_most: Column and highest value.
        within: The row in whose bracket a number falls: column low <= value < column high, null is open.
        column: The column wanted; all unless given.
        is_final: True where the value in `column` is what the final answer must give.

        Raises ValueError for arguments that name no table, no column or no value.
        """
        found = _table(table, view)
        asked = _conditions(found, key or {}, at_least or {}, at_most or {}, within, self.limits)
        wanted = None if column is None else _place("column", column, asked.places)
        if is_final and wanted is None:
            raise ValueError("is_final=true needs column: the value of which column the answer must give")
        rows = await asyncio.to_thread(fitting, found.rows, asked)
        shown = rows[: self.limits.rows]
        output: dict[str, Any] = {
            "rows_found": len(rows),
            "rows": [self._shown(row, found, wanted) for row in shown],
        }
        finding = Finding("none", "hint", None, f"{len(rows)} rows found")
        if is_final and wanted is not None:
            text = answer_text(view.trajectory)
            verdict = await asyncio.to_thread(answer_verdict, found.rows, rows, wanted, asked, text)
            output["final_answer"] = verdict
            finding = bears_on_answer(verdict, f"the table's {found.columns[wanted].name!r:.100}")
        return ToolResult(
            "ok", output, (finding,), truncated=len(rows) > len(shown), checked={"rows": len(rows)}
        )

    def _shown(self, row: Sequence[Any], table: InlineTable, column: int | None) -> dict[str, Any]:
        places = range(len(table.columns)) if column is None else [column]
        return {table.columns[place].name: _cut(row[place], self.limits.cell_chars) for place in places}


def _tables(view: ToolView) -> Iterator[tuple[str, InlineTable]]:
    for database in view.resources.databases:
        yield from (database.tables or {}).items()


def _table(name: str, view: ToolView) -> InlineTable:
    found = [one for known, one in _tables(view) if known == name]
    found = found or [one for known, one in _tables(view) if known.casefold() == name.casefold()]
    if len(found) != 1:
        known = sorted({known for known, _ in _tables(view)})[:20]
        raise ValueError(f"table must name one of {known}, got {name!r:.80} ({len(found)} of that name)")
    return found[0]


def _conditions(
    table: InlineTable,
    key: Mapping[str, Any],
    at_least: Mapping[str, Any],
    at_most: Mapping[str, Any],
    within: Within | None,
    limits: LookupLimits,
) -> Conditions:
    places = _places(table)
    count = len(key) + len(at_least) + len(at_most) + (within is not None)
    if not 1 <= count <= limits.conditions:
        raise ValueError(
            f"key, at_least, at_most and within give {count} conditions; from 1 to {limits.conditions} are needed"
        )
    equal, low, high = (
        {_place(name, one, places): _bounded(f"{name}.{one:.80}", given[one], limits) for one in given}
        for name, given in (("key", key), ("at_least", at_least), ("at_most", at_most))
    )
    return Conditions(equal, low, high, _bracket(within, places), places)


def _bounded(argument: str, value: Any, limits: LookupLimits) -> Any:
    if len(str(value)) > limits.value_chars:
        raise ValueError(f"{argument} has {len(str(value))} characters; the limit is {limits.value_chars}")
    return value


def _bracket(within: Within | None, places: Mapping[str, int]) -> tuple[int, int, Fraction] | None:
    if within is None:
        return None
    value = number(within.value)
    if value is None:
        raise ValueError(f"within.value must be a finite number, got {within.value!r:.80}")
    return _place("within.low", within.low, places), _place("within.high", within.high, places), value


def _places(table: InlineTable) -> dict[str, int]:
    """Columns by name; without regard to case where that is one of them alone."""
    names = [column.name for column in table.columns]
    folded = [name.casefold() for name in names]
    loose = {name: place for place, name in enumerate(folded) if folded.count(name) == 1}
    return loose | {name: place for place, name in enumerate(names)}


def _place(argument: str, column: str, places: Mapping[str, int]) -> int:
    place = places.get(column, places.get(column.casefold()))
    if place is None:
        raise ValueError(f"{argument}: the table has no column {column!r:.80}; it has {sorted(places)[:30]}")
    return place


def _cut(cell: Any, most: int) -> Any:
    return f"{cell[:most]} [cut]" if isinstance(cell, str) and len(cell) > most else cell

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
from typing import Any

from judge_agent.schema.databases import InlineTable
from judge_agent.seams.tool import AskedTool, Finding, ToolResult, ToolView
from tools.numbers.told import answer_text, bears_on_answer, numbers_in, says

_VALUE = {"type": ["string", "number", "boolean", "null"], "maxLength": 500}
_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "table": {"type": "string", "maxLength": 200, "description": "Name of the table."},
        "key": {"type": "object", "description": "Column and value, for each column: all must be equal."},
        "at_least": {"type": "object", "description": "Column and lowest value."},
        "at_most": {"type": "object", "description": "Column and highest value."},
        "within": {
            "type": ["object", "null"],
            "properties": {
                "low": {"type": "string"},
                "high": {"type": "string"},
                "value": {"type": "number"},
            },
            "required": ["low", "high", "value"],
            "additionalProperties": False,
            "description": "The row in whose bracket a number falls: column low <= value < column high, null is open.",
        },
        "column": {
            "type": ["string", "null"],
            "maxLength": 200,
            "description": "The column wanted; all unless given.",
        },
        "is_final": {
            "type": "boolean",
            "description": "True where the value in `column` is what the final answer must give.",
        },
    },
    "required": ["table"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class LookupLimits:
    """`conditions` of one call, `rows` shown, `cell_chars` of a cell that are shown."""

    conditions: int = 8
    rows: int = 20
    cell_chars: int = 300


class Lookup(AskedTool):
    """The tool `lookup`. Needs no box: tables are data already, and nothing in them is run."""

    name = "lookup"
    description = (
        "Looks up rows of a table of the task: by key {column: value}, by at_least/at_most {column: bound}, or the "
        "bracket that a number is in. With is_final it says whether the final answer gives the value of column."
    )
    parameters = _PARAMETERS

    def __init__(self, *, limits: LookupLimits | None = None) -> None:
        self._limits = limits or LookupLimits()
        self.version = f"1/{self._limits.rows}/{self._limits.cell_chars}"

    def offered(self, view: ToolView) -> bool:
        """Where a table is given as data."""
        return any(True for _ in _tables(view))

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Look up. Raises ValueError for arguments that name no table, no column or no value."""
        asked = _read(arguments, view, self._limits.conditions)
        rows = await asyncio.to_thread(_matching, asked)
        places = range(len(asked.names)) if asked.column is None else [asked.column]
        shown = [
            {asked.names[place]: _shown(row[place], self._limits.cell_chars) for place in places}
            for row in rows[: self._limits.rows]
        ]
        output: dict[str, Any] = {"rows_found": len(rows), "rows": shown}
        finding = Finding("none", "hint", None, f"{len(rows)} rows found")
        if asked.is_final:
            assert asked.column is not None
            verdict = await asyncio.to_thread(_in_answer, asked, rows, answer_text(view.trajectory))
            output["final_answer"] = verdict
            finding = bears_on_answer(verdict, f"the table's {asked.names[asked.column]!r:.100}")
        return ToolResult(
            "ok", output, (finding,), truncated=len(rows) > self._limits.rows, checked={"rows": len(rows)}
        )


@dataclass(frozen=True)
class Asked:
    """One call, its columns as places in a row."""

    table: InlineTable
    names: tuple[str, ...]
    key: Mapping[int, Any]
    at_least: Mapping[int, Any]
    at_most: Mapping[int, Any]
    within: tuple[int, int, Fraction] | None
    column: int | None
    is_final: bool


def _tables(view: ToolView) -> Iterator[tuple[str, InlineTable]]:
    for database in view.resources.databases:
        yield from (database.tables or {}).items()


def _read(arguments: Mapping[str, Any], view: ToolView, most: int) -> Asked:
    unknown = sorted(set(arguments) - set(_PARAMETERS["properties"]))
    if unknown:
        raise ValueError(f"lookup does not take {unknown[0]!r}; it takes {sorted(_PARAMETERS['properties'])}")
    table = _table(arguments.get("table"), view)
    names = tuple(column.name for column in table.columns)
    places = {name.casefold(): place for place, name in enumerate(names)}
    parts = [_condition(name, arguments.get(name), places) for name in ("key", "at_least", "at_most")]
    within = _within(arguments.get("within"), places)
    count = sum(map(len, parts)) + (within is not None)
    if not 1 <= count <= most:
        raise ValueError(
            f"key, at_least, at_most and within give {count} conditions; from 1 to {most} are needed"
        )
    column = arguments.get("column")
    is_final = arguments.get("is_final", False)
    if not isinstance(is_final, bool) or (is_final and column is None):
        raise ValueError(f"is_final must be true or false, and needs column; got {is_final!r:.80}")
    wanted = None if column is None else _place("column", column, places)
    return Asked(table, names, parts[0], parts[1], parts[2], within, wanted, is_final)


def _table(name: object, view: ToolView) -> InlineTable:
    found = [
        table
        for known, table in _tables(view)
        if isinstance(name, str) and known.casefold() == name.casefold()
    ]
    if len(found) != 1:
        known = sorted({known for known, _ in _tables(view)})[:20]
        raise ValueError(f"table must name one of {known}, got {name!r:.80} ({len(found)} of that name)")
    return found[0]


def _condition(name: str, given: object, places: Mapping[str, int]) -> dict[int, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ValueError(f"{name} must be an object of column and value, got {given!r:.80}")
    for column, value in given.items():
        if not isinstance(value, (str, int, float, bool, type(None))) or (
            isinstance(value, str) and len(value) > 500
        ):
            raise ValueError(
                f"{name}.{column!s:.80} must be a text of up to 500 characters, a number or null"
            )
        if name != "key" and (isinstance(value, (bool, type(None)))):
            raise ValueError(
                f"{name}.{column!s:.80} must be a number or a text to compare with, got {value!r}"
            )
    return {_place(name, column, places): value for column, value in given.items()}


def _within(given: object, places: Mapping[str, int]) -> tuple[int, int, Fraction] | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or set(given) != {"low", "high", "value"}:
        raise ValueError(f"within must have low, high and value, got {given!r:.80}")
    value = _number(given["value"])
    if value is None:
        raise ValueError(f"within.value must be a number, got {given['value']!r:.80}")
    return _place("within.low", given["low"], places), _place("within.high", given["high"], places), value


def _place(name: str, column: object, places: Mapping[str, int]) -> int:
    place = places.get(column.casefold()) if isinstance(column, str) else None
    if place is None:
        raise ValueError(f"{name}: the table has no column {column!r:.80}; it has {sorted(places)[:30]}")
    return place


def _matching(asked: Asked) -> list[Sequence[Any]]:
    return [row for row in asked.table.rows if _fits(row, asked)]


def _fits(row: Sequence[Any], asked: Asked) -> bool:
    if not all(_equal(row[place], value) for place, value in asked.key.items()):
        return False
    if not all(_ordered(value, row[place]) for place, value in asked.at_least.items()):
        return False
    if not all(_ordered(row[place], value) for place, value in asked.at_most.items()):
        return False
    if asked.within is None:
        return True
    low, high, value = asked.within
    from_, to = _number(row[low]), _number(row[high])
    if from_ is None and to is None:
        return False
    return (row[low] is None or (from_ is not None and from_ <= value)) and (
        row[high] is None or (to is not None and value < to)
    )


def _equal(cell: Any, value: Any) -> bool:
    if cell is None or value is None or isinstance(cell, bool) or isinstance(value, bool):
        return cell is value
    one, other = _number(cell), _number(value)
    if one is not None and other is not None:
        return one == other
    return _folded(cell) == _folded(value)


def _ordered(low: Any, high: Any) -> bool:
    """low <= high, as numbers where both are, else as text; never with null."""
    if low is None or high is None:
        return False
    one, other = _number(low), _number(high)
    if one is not None and other is not None:
        return one <= other
    if (one is None) != (other is None):
        return False
    return _folded(low) <= _folded(high)


def _number(cell: Any) -> Fraction | None:
    if isinstance(cell, bool) or cell is None:
        return None
    try:
        return (
            Fraction(repr(cell))
            if isinstance(cell, float)
            else Fraction(cell)
            if isinstance(cell, int)
            else _plain(cell)
        )
    except (ValueError, OverflowError, ZeroDivisionError):
        return None


def _plain(cell: Any) -> Fraction | None:
    text = str(cell).strip()
    is_plain = 0 < len(text) <= 40 and set(text) <= set("0123456789.-") and text.isascii()
    return Fraction(text) if is_plain else None


def _folded(cell: Any) -> str:
    return " ".join(str(cell).casefold().split())


def _shown(cell: Any, most: int) -> Any:
    return f"{cell[:most]} [cut]" if isinstance(cell, str) and len(cell) > most else cell


def _in_answer(asked: Asked, rows: Sequence[Sequence[Any]], text: str) -> str:
    """equal, different or unsure: whether a text gives the one value found, or another of that column."""
    assert asked.column is not None
    values = {_folded(row[asked.column]): row[asked.column] for row in rows if row[asked.column] is not None}
    if len(values) != 1:
        return "unsure"
    (value,) = values.values()
    if isinstance(value, bool):
        return "unsure"
    if (number := _number(value)) is not None:
        found = numbers_in(text) - {_number(key) for key in asked.key.values()}
        if number in found:
            return "equal" if len(found) == 1 else "unsure"
        return "different" if found else "unsure"
    others = {str(row[asked.column]) for row in asked.table.rows if isinstance(row[asked.column], str)}
    others = {one for one in others if _folded(one) not in _folded(value) and says(text, one)}
    others = {
        one for one in others if not any(one != other and _folded(one) in _folded(other) for other in others)
    }
    if says(text, str(value)):
        longer = [one for one in others if _folded(value) in _folded(one)]
        return "different" if longer else "unsure" if others else "equal"
    return "different" if others else "unsure"

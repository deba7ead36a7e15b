"""Shows results in evidence: few rows, short cells, valid text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tools.sql.engine_box import QueryResult

MAX_SHOWN_ROWS = 20
MAX_CELL_CHARS = 200
MAX_SHOWN_COLUMNS = 40
_TAGS = {"n": "", "f": "", "t": "", "c": "", "i": " s", "b": " (bytes)"}


def shown(result: QueryResult, max_rows: int = MAX_SHOWN_ROWS) -> dict[str, Any]:
    """The columns, how many rows there are, and the first ones."""
    return {
        "columns": [clean(name) for name in result.columns[:MAX_SHOWN_COLUMNS]],
        "row_count": f"more than {len(result.rows)}" if result.cut else len(result.rows),
        "rows": [shown_row(row) for row in result.rows[:max_rows]],
    }


def is_cut(result: QueryResult, max_rows: int = MAX_SHOWN_ROWS) -> bool:
    return result.cut or len(result.rows) > max_rows or len(result.columns) > MAX_SHOWN_COLUMNS


def shown_row(row: Sequence[Any]) -> list[Any]:
    return [_cell(cell) for cell in row[:MAX_SHOWN_COLUMNS]]


def clean(text: str, limit: int = MAX_CELL_CHARS) -> str:
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= limit else text[:limit] + "..."


def _cell(cell: Any) -> Any:
    if cell is None or isinstance(cell, (bool, float)):
        return cell
    if isinstance(cell, int):
        return cell if abs(cell) < 2**53 else str(cell)[:MAX_CELL_CHARS]
    if isinstance(cell, dict) and len(cell) == 1:
        ((tag, content),) = cell.items()
        if tag in _TAGS:
            return clean(f"{content}{_TAGS[tag]}")
        return clean(str(content))
    return clean(str(cell))

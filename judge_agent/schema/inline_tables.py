"""Looks at inline tables before their types are checked: each wrong cell of a large table would be an error to keep.

Stops at the first thing that is wrong, and says where it is.
"""

from __future__ import annotations

import math
from typing import Any

MAX_TABLES = 200
MAX_COLUMNS = 2000
MAX_ROWS = 50_000
MAX_CELLS = 400_000
_CELLS = (str, int, float, bool, type(None))


def check_tables(tables: Any) -> None:
    """Raise ValueError, as `field: message`, for tables that are too many, too large or no tables of cells."""
    if not isinstance(tables, dict):
        return  # its type is told by the schema
    _bound("tables", "tables", len(tables), MAX_TABLES)
    columns = rows = cells = 0
    for name, table in tables.items():
        if not isinstance(table, dict):
            continue
        name, listed, given = str(name)[:64], table.get("columns"), table.get("rows", ())
        columns += len(listed) if isinstance(listed, (list, tuple)) else 0
        _bound(f"tables.{name}.columns", "columns in all tables", columns, MAX_COLUMNS)
        if not isinstance(given, (list, tuple)):
            raise ValueError(f"tables.{name}.rows: must be a list of rows, not {type(given).__name__}")
        rows += len(given)
        _bound(f"tables.{name}.rows", "rows in all tables", rows, MAX_ROWS)
        cells += _cells(f"tables.{name}.rows", given, len(listed) if isinstance(listed, (list, tuple)) else 0)
        _bound(f"tables.{name}.rows", "cells in all tables", cells, MAX_CELLS)


def _bound(field: str, what: str, count: int, limit: int) -> None:
    if count > limit:
        raise ValueError(
            f"{field}: {count} {what}; the limit is {limit}, upload a larger database by POST /v1/blobs"
        )


def _cells(field: str, rows: Any, width: int) -> int:
    for index, row in enumerate(rows):
        if not isinstance(row, (list, tuple)):
            raise ValueError(f"{field}.{index}: must be a list of cells, not {type(row).__name__}")
        if len(row) != width:
            raise ValueError(f"{field}.{index}: has {len(row)} cells, the table has {width} columns")
        for place, cell in enumerate(row):
            if not isinstance(cell, _CELLS) or (isinstance(cell, float) and not math.isfinite(cell)):
                raise ValueError(
                    f"{field}.{index}.{place}: must be text, a finite number, true, false or null"
                )
    return len(rows) * width

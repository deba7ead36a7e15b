"""Reads decimals that are texts ('3.50', as printf writes them) beside numbers.

A text with a point is compared as a text, so that '1.10' is another one than '1.1'. Where a column of one result holds
such texts and the other result holds none, they may be its numbers: a match of these is one without proof, whichever
digits the data has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tools.sql.matching import Rows
from tools.sql.values import RELATIVE, Value

_WRITTEN = re.compile(r"[-+]?\d{1,15}\.\d{1,17}", re.ASCII)


def as_numbers(rows: Rows, others: Rows) -> tuple[Rows, Rows] | None:
    """Both with the columns of such texts read as numbers; None where neither has some, or both have."""
    own, theirs = _written(rows), _written(others)
    if bool(own) == bool(theirs):
        return None
    return _read(rows, own), _read(others, theirs)


def numbers_of(cells: Sequence[Sequence[Any]]) -> tuple[Sequence[Any], ...]:
    """Encoded cells with every such text as a number."""
    return tuple([float(cell) if _is_decimal(cell) else cell for cell in row] for row in cells)


def _is_decimal(cell: Any) -> bool:
    return isinstance(cell, str) and _WRITTEN.fullmatch(cell) is not None


def _written(rows: Rows) -> list[int]:
    """Columns of numbers and decimals that are texts, with one of these at least."""
    return [at for at, column in enumerate(zip(*rows, strict=True)) if _is_written(column)]


def _is_written(column: Sequence[Value]) -> bool:
    texts = [value for value in column if value.kind == "text"]
    return (
        bool(texts)
        and all(_is_decimal(value.content) for value in texts)
        and all(value.kind in ("text", "number", "null") for value in column)
    )


def _read(rows: Rows, columns: Sequence[int]) -> Rows:
    if not columns:
        return rows
    return [tuple(_number(value) if at in columns else value for at, value in enumerate(row)) for row in rows]


def _number(value: Value) -> Value:
    if value.kind != "text":
        return value
    number = float(value.content)
    if number.is_integer() and abs(number) < 2**53:
        return Value("number", int(number))
    return Value("number", number, RELATIVE * abs(number))

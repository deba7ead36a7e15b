"""Cells of both engines as plain JSON, equal where the values are: 5.0 is 5, and sums in another order are the same."""

from __future__ import annotations

import decimal
import json
import math
from collections.abc import Iterable

SURE_DIGITS = 14


def line_of(row: Iterable[object]) -> str:
    """A row as JSON text; rows are equal where their texts are."""
    return json.dumps([plain(cell) for cell in row], separators=(",", ":"))


def plain(value: object) -> object:
    """A cell as JSON: whole numbers exactly, others to 14 digits, bytes in hex, everything else as its text."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, decimal.Decimal):
        value = int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "0x" + bytes(value).hex()
    return str(value)


def _number(value: float) -> object:
    if not math.isfinite(value):
        return repr(value)
    if value.is_integer() and abs(value) < 2**53:
        return int(value)
    rounded = float(f"{value:.{SURE_DIGITS}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 2**53 else rounded

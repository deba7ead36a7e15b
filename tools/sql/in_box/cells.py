"""Writes the values of both engines as JSON that loses nothing: what JSON has no word for is an object of one key."""

from __future__ import annotations

import datetime
import decimal
import json
import math
from collections.abc import Iterable

MAX_CELL_DEPTH = 40
SURE_DIGITS = 15  # a decimal of so many is the shortest way to write its double


def line_of(row: Iterable[object]) -> str:
    """One row as JSON text."""
    return json.dumps([encoded(value) for value in row], separators=(",", ":"))


def encoded(value: object, depth: int = 0) -> object:
    """`n` decimal of more digits than a double holds, `f` inf or nan, `t` date or timestamp (UTC), `c` time of day,
    `i` interval in seconds, `b` bytes, `l` list, `m` mapping. Everything else becomes text.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"f": repr(value)}
    if isinstance(value, decimal.Decimal):
        return float(value) if len(value.as_tuple().digits) <= SURE_DIGITS else {"n": str(value)}
    if isinstance(value, datetime.datetime):
        return {"t": _in_utc(value).isoformat(sep=" ")}
    if isinstance(value, datetime.date):
        return {"t": value.isoformat()}
    if isinstance(value, datetime.time):
        return {"c": value.isoformat()}
    if isinstance(value, datetime.timedelta):
        return {"i": repr(value.total_seconds())}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"b": bytes(value).hex()}
    if depth > MAX_CELL_DEPTH:
        raise ValueError(f"a value is nested deeper than {MAX_CELL_DEPTH} levels")
    if isinstance(value, (list, tuple)):
        return {"l": [encoded(item, depth + 1) for item in value]}
    if isinstance(value, dict):
        return {"m": [[encoded(key, depth + 1), encoded(item, depth + 1)] for key, item in value.items()]}
    return str(value)


def _in_utc(value: datetime.datetime) -> datetime.datetime:
    return value if value.tzinfo is None else value.astimezone(datetime.UTC).replace(tzinfo=None)

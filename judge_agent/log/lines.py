"""One line of the log, and how it is chained.

A line is a JSON object whose last key is `hash`: the SHA-256 of the line's bytes without that key, among
which `previous` is the hash of the line before. So a line is checked on its raw bytes, and every byte
counts. Line 0 of a segment is its header; its `previous` is the head of the writer's segment before.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIRST = "0" * 64
FORMAT = 1
_TAIL = b',"hash":"'
_TAIL_BYTES = len(_TAIL) + 64 + len(b'"}')


@dataclass(frozen=True)
class Line:
    """A line that is what its own hash says."""

    number: int
    hash: str
    previous: str
    data: Mapping[str, Any]


def encode(data: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the bytes of a line of JSON data, newline included, and its hash."""
    body = written(data).encode("ascii")
    digest = hashlib.sha256(body).hexdigest()
    return body[:-1] + _TAIL + digest.encode("ascii") + b'"}\n', digest


def decode(raw: bytes) -> Line | None:
    """Return the line in these bytes (without newline), or None when they are not what their hash says."""
    if len(raw) <= _TAIL_BYTES or raw[-_TAIL_BYTES : -_TAIL_BYTES + len(_TAIL)] != _TAIL:
        return None
    body = raw[:-_TAIL_BYTES] + b"}"
    digest = hashlib.sha256(body).hexdigest()
    if raw[-66:-2] != digest.encode("ascii"):
        return None
    data = loads(body)
    if data is None or not isinstance(data.get("line"), int) or not isinstance(data.get("previous"), str):
        return None
    return Line(data["line"], digest, data["previous"], data)


def loads(raw: bytes) -> dict[str, Any] | None:
    """Read a JSON object; None for anything else."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def dumps(data: Any) -> str:
    """Return canonical ASCII JSON: keys in order, no spaces. What JSON lacks is written as text."""
    return written(plain(data))


# Canonical ASCII JSON of what is JSON data already: one encoder, since making one costs as much as a short line.
written = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


def plain(value: Any) -> Any:
    """Return the value as JSON data: keys become text, NaN and unknown types become their repr."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return repr(value)

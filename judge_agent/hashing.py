"""Stable hashes of JSON values: what keys of results, prompts and records are made of."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spare white space; equal values give equal text. NaN is refused."""
    return _CANONICAL.encode(value)


def sha256_of(value: Any) -> str:
    """Hex SHA-256 of a JSON value, or of a text's UTF-8 bytes (lone surrogates kept apart, not refused)."""
    text = value if isinstance(value, str) else canonical_json(value)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def derived_seed(seed: int, *path: str) -> int:
    """A seed in [0, 2**31) for one random choice, from the request's seed and the choice's place."""
    return int(sha256_of([seed, *path])[:8], 16) & 0x7FFFFFFF

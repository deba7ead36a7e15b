"""Objects that a model wrote as text: JSON, or a Python literal of JSON values."""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Iterable
from typing import Any

MAX_DEPTH = 100


def object_in(text: str) -> dict[str, Any] | None:
    """The object that a text is, as JSON or as a Python literal of JSON values; None for anything else."""
    for parse in (json.loads, _literal):
        try:
            data = plain_json(parse(text))
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(data, dict):
            return data
    return None


def plain_json(value: object) -> object:
    """Make the round trip through JSON, without half surrogate pairs: what no record could hold ends here.

    Raises TypeError, ValueError or RecursionError for what is no JSON or is nested past MAX_DEPTH.
    """
    if _depth(value) > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    text = json.dumps(value, ensure_ascii=False)
    return json.loads(text.encode("utf-8", "replace"))


def _literal(text: str) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an odd escape in a text that is not ours
        return ast.literal_eval(text)


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level and depth <= MAX_DEPTH:
        depth += 1
        inner = [item.values() if isinstance(item, dict) else item for item in level]
        level = [
            part
            for items in inner
            if isinstance(items, Iterable) and not isinstance(items, (str, bytes))
            for part in items
            if isinstance(part, (dict, list, tuple))
        ]
    return depth

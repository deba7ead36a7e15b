"""Holds what a tool returns to what a record can hold, before it is journalled.

A score past [0, 1], a value that is no JSON or nesting without end is the tool's failure; let through, it
would stop the judging of every candidate.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from judge_agent.seams.tool import ToolResult

MAX_RESULT_DEPTH = 100


def sound(result: ToolResult) -> dict[str, Any]:
    """Return a tool's result as JSON. Raises TypeError for what the record cannot hold: it would stop the judgment."""
    if not isinstance(result, ToolResult):
        raise TypeError(f"it returned {type(result).__name__}, not a ToolResult")
    for finding in (*result.findings, *(aside.finding for aside in result.asides)):
        score = finding.score
        if score is not None and not (math.isfinite(score) and 0.0 <= score <= 1.0):
            raise TypeError(f"its score={score!r} is not in [0, 1]")
    data = asdict(result)
    try:
        text = json.dumps(data, ensure_ascii=False)
        if _depth(data) > MAX_RESULT_DEPTH:
            raise TypeError(f"its result is nested deeper than {MAX_RESULT_DEPTH} levels")
    except (ValueError, RecursionError) as error:
        raise TypeError(f"its result is no JSON: {error}") from error
    written: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return written


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level and depth <= MAX_RESULT_DEPTH:
        depth += 1
        inner = [item.values() if isinstance(item, dict) else item for item in level]
        level = [v for items in inner for v in items if isinstance(v, (dict, list, tuple))]
    return depth

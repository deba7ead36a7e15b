"""Holds what a tool returns to what a record can hold, before it is journalled.

A score past [0, 1], a value that is no JSON or nesting without end is the tool's failure; let through, it
would stop the judging of every candidate.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from judge_agent.seams.model import IMAGE_TYPES
from judge_agent.seams.tool import ResultImage, ToolResult

MAX_RESULT_DEPTH = 100
MAX_RESULT_IMAGES = 8
MAX_RESULT_IMAGE_CHARS = 4_000_000  # of base64, in all


def sound(result: ToolResult) -> dict[str, Any]:
    """Return a tool's result as JSON. Raises TypeError for what the record cannot hold: it would stop the judgment."""
    if not isinstance(result, ToolResult):
        raise TypeError(f"it returned {type(result).__name__}, not a ToolResult")
    for finding in (*result.findings, *(aside.finding for aside in result.asides)):
        score = finding.score
        if score is not None and not (math.isfinite(score) and 0.0 <= score <= 1.0):
            raise TypeError(f"its score={score!r} is not in [0, 1]")
    _check_images(result.images)
    data = asdict(result)
    try:
        text = json.dumps(data, ensure_ascii=False)
        if _depth(data) > MAX_RESULT_DEPTH:
            raise TypeError(f"its result is nested deeper than {MAX_RESULT_DEPTH} levels")
    except (ValueError, RecursionError) as error:
        raise TypeError(f"its result is no JSON: {error}") from error
    written: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return written


def _check_images(images: Sequence[ResultImage]) -> None:
    """Raise TypeError for pictures that no model takes, or that are too many or too large to keep."""
    size = sum(len(image.data) for image in images)
    if len(images) > MAX_RESULT_IMAGES or size > MAX_RESULT_IMAGE_CHARS:
        raise TypeError(
            f"its {len(images)} images have {size} characters of base64; the limits are {MAX_RESULT_IMAGES} and "
            f"{MAX_RESULT_IMAGE_CHARS}"
        )
    for image in images:
        if image.media_type not in IMAGE_TYPES:
            raise TypeError(
                f"its image {image.name!r:.80} is {image.media_type!r:.40}, none of {IMAGE_TYPES}"
            )
        try:
            base64.b64decode(image.data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise TypeError(f"its image {image.name!r:.80} is no base64") from error


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level and depth <= MAX_RESULT_DEPTH:
        depth += 1
        inner = [item.values() if isinstance(item, dict) else item for item in level]
        level = [v for items in inner for v in items if isinstance(v, (dict, list, tuple))]
    return depth

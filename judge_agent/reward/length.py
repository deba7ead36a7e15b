"""A soft penalty of length: what is a little too long loses a little."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from judge_agent.reward.spread import Numbers


def length_penalty(length: int, longest: int, buffer: int) -> float:
    """Return 0 up to `longest` - `buffer`, -1 past `longest`, and between them (longest - buffer - length) / buffer.

    The soft overlong punishment of DAPO (arXiv 2503.14476, eq. 13), whose lengths are in tokens; any unit will do. A
    buffer of 0 is a hard limit.
    """
    free = longest - buffer
    if length <= free:
        return 0.0
    return -1.0 if length > longest else (free - length) / buffer


def shortened(
    values: Numbers, written: Sequence[int | None], longest: int, buffer: int, weight: float = 1.0
) -> tuple[list[float | None], dict[str, Any]]:
    """Return r + weight x the penalty of its length for each r; null for one whose length is not known.

    Says how many were `shortened`, and of how many the length is not known (`unknown_length`).
    """
    lost: list[float | None] = [
        None if length is None else weight * length_penalty(length, longest, buffer) for length in written
    ]
    pairs = list(zip(values, lost, strict=True))
    found = [None if value is None or less is None else value + less for value, less in pairs]
    told = {"shortened": sum(value is not None and less is not None and less < 0 for value, less in pairs)}
    unknown = sum(value is not None and less is None for value, less in pairs)
    return found, told | ({"unknown_length": unknown} if unknown else {})

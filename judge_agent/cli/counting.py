"""How many of something, in words."""

from __future__ import annotations


def counted(count: int, one: str) -> str:
    """`1 problem`, `2 problems`."""
    return f"{count} {one}" if count == 1 else f"{count} {one}s"

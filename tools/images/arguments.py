"""What a model says of pictures: their names, and boxes on them.

A box is [left, top, right, bottom] in thousandths of the picture's width and height, as vision models write boxes. It
becomes the pixels that it touches: left and top are rounded down, right and bottom up, with exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator, Field

MAX_NAME_CHARS = 128
THOUSAND = 1000
PixelBox = tuple[int, int, int, int]


def _not_empty(box: list[float]) -> list[float]:
    left, top, right, bottom = box
    if left >= right or top >= bottom:
        raise ValueError("is empty: left < right and top < bottom must hold")
    return box


ImageName = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]
Edge = Annotated[float, Field(ge=0, le=THOUSAND)]
Box = Annotated[list[Edge], Field(min_length=4, max_length=4), AfterValidator(_not_empty)]


def pixels_of(box: Sequence[float], width: int, height: int) -> PixelBox:
    """The pixels that a box touches: left and top inside, right and bottom outside; at least one pixel."""
    left, top, right, bottom = map(_exactly, box)
    return (
        int(left * width // THOUSAND),
        int(top * height // THOUSAND),
        int(-(-right * width // THOUSAND)),
        int(-(-bottom * height // THOUSAND)),
    )


def _exactly(edge: float) -> Fraction:
    """Exactly the number that was written: 100.1 is 1001/10, not the double nearest to it."""
    return Fraction(repr(edge))

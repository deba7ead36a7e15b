"""What came of drawing: a picture, or why there is none."""

from __future__ import annotations

from typing import NamedTuple

from tools.images.box import BoxLimits, Picture, PictureRefused, picture_of


class Failure(NamedTuple):
    """Code that draws nothing. `own`: it is the code's own fault for sure."""

    reason: str
    own: bool


class Drawn(NamedTuple):
    """What code drew. `lacking`: what it asked for and no box has, so that it may look otherwise elsewhere."""

    picture: Picture
    lacking: tuple[str, ...] = ()


def held(content: bytes, limits: BoxLimits) -> Drawn | Failure:
    """Hold a drawing to the limits of pictures."""
    try:
        return Drawn(picture_of(content, "the drawing", limits))
    except PictureRefused as why:
        return Failure(str(why), own=False)

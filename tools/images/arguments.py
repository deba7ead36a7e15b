"""Reads the arguments of the tools for pictures. Every error names argument, value and limit.

A box is [left, top, right, bottom] in thousandths of the picture's width and height, as vision models write boxes. It
becomes the pixels that it touches: left and top are rounded down, right and bottom up, with exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

MAX_NAME_CHARS = 128
THOUSAND = 1000
IMAGE_SCHEMA: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_NAME_CHARS,
    "description": "Name of an image: i1, i2, ... as in the trajectory, an artifact's name, or a given image's name.",
}
BOX_SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": {"type": "number", "minimum": 0, "maximum": THOUSAND},
    "minItems": 4,
    "maxItems": 4,
    "description": "[left, top, right, bottom] in 0..1000 of the image's width and height.",
}
PixelBox = tuple[int, int, int, int]


def check_names(tool: str, arguments: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise ValueError for an argument that the tool does not take."""
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        raise ValueError(f"unknown argument {unknown[0]!r:.100}; {tool} takes {', '.join(known)}")


def read_name(arguments: Mapping[str, Any], argument: str) -> str:
    """The name of a picture. Raises ValueError."""
    name = arguments.get(argument)
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARS:
        raise ValueError(
            f"{argument}={name!r:.100} must be the name of an image, 1 to {MAX_NAME_CHARS} characters"
        )
    return name


def read_box(arguments: Mapping[str, Any], argument: str = "box") -> tuple[Fraction, ...] | None:
    """A box in thousandths, None where it is not given. Raises ValueError."""
    box = arguments.get(argument)
    if box is None:
        return None
    if not isinstance(box, (list, tuple)) or len(box) != 4:
        raise ValueError(f"{argument}={box!r:.100} must be four numbers: left, top, right, bottom")
    edges = [_edge(argument, value) for value in box]
    left, top, right, bottom = edges
    if left >= right or top >= bottom:
        raise ValueError(f"{argument}={list(box)!r:.100} is empty: left < right and top < bottom must hold")
    return tuple(edges)


def _edge(argument: str, value: object) -> Fraction:
    """Exactly the number that was written: 100.1 is 1001/10, not the double nearest to it."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= value <= THOUSAND:  # type: ignore[operator]
        raise ValueError(f"{argument}: {value!r:.100} must be a number in 0..{THOUSAND}")
    return Fraction(repr(value))


def read_choice(arguments: Mapping[str, Any], argument: str, choices: Sequence[str]) -> str:
    """One of the choices, the first where it is not given. Raises ValueError."""
    value = arguments.get(argument, choices[0])
    if value not in choices:
        raise ValueError(f"{argument}={value!r:.100} is none of {', '.join(choices)}")
    return str(value)


def read_whole(arguments: Mapping[str, Any], argument: str, default: int, least: int, most: int) -> int:
    """A whole number within its bounds. Raises ValueError."""
    value = arguments.get(argument, default)
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or not least <= value <= most:
        raise ValueError(f"{argument}={value!r:.100} must be a whole number in {least}..{most}")
    return int(value)


def pixels_of(box: Sequence[Fraction] | None, width: int, height: int) -> PixelBox | None:
    """The pixels that a box touches: left and top inside, right and bottom outside; at least one pixel."""
    if box is None:
        return None
    left, top, right, bottom = box
    return (
        int(left * width // THOUSAND),
        int(top * height // THOUSAND),
        int(-(-right * width // THOUSAND)),
        int(-(-bottom * height // THOUSAND)),
    )

"""Opens pictures inside the box: four formats, the first frame, held to a number of pixels before it is decoded."""

from __future__ import annotations

import numpy
from PIL import Image, ImageFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_EXACT = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_CLEAR = ("LA", "La", "PA", "RGBA", "RGBa")
_WHITE = (255, 255, 255)


class Refused(Exception):
    """A picture that is not decoded. The message says why."""


def opened(given: Mapping[str, Any]) -> Image.Image:
    """Decode the picture in the file `given["file"]`. Raises Refused.

    `given["size"]` is what its header says to the host, which held it to the limit; a decoder that reads another size
    is not let go on.
    """
    Image.MAX_IMAGE_PIXELS = None  # the host's limit is lower, and is no warning
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        image = Image.open(given["file"], formats=FORMATS)
        if list(image.size) != given["size"]:
            raise Refused(f"its header says {given['size']}, its decoder {list(image.size)}")
        image.load()
    except MemoryError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, ArithmeticError, LookupError, TypeError) as error:
        raise Refused(f"it does not decode: {error}"[:200]) from error
    if list(image.size) != given["size"]:
        raise Refused("its size changed while it was decoded")
    return image


def exact(image: Image.Image) -> Image.Image:
    """The picture in a mode that PNG keeps as it is."""
    return image if image.mode in _EXACT else image.convert("RGB")


def is_clear(image: Image.Image) -> bool:
    """Whether pixels of it may be transparent."""
    return image.mode in _CLEAR or "transparency" in image.info


def colours(image: Image.Image) -> numpy.ndarray[Any, Any]:
    """Rows x columns x 3, uint8; what is transparent lies over white."""
    if image.mode.startswith("I;16"):
        grey = (numpy.asarray(image) >> 8).astype(numpy.uint8)
        return numpy.repeat(grey[:, :, None], 3, axis=2)
    if not is_clear(image):
        return numpy.asarray(image.convert("RGB"))
    clear = image.convert("RGBA")
    below = Image.new("RGBA", clear.size, (*_WHITE, 255))
    return numpy.asarray(Image.alpha_composite(below, clear).convert("RGB"))


def greys(pixels: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
    """Rows x columns, float64 in 0..255: luma (ITU-R BT.601)."""
    return numpy.asarray(pixels @ numpy.array([0.299, 0.587, 0.114]))


def in_thousandths(box: tuple[int, int, int, int], width: int, height: int) -> list[int]:
    """A box of pixels in 0..1000 of each side, rounded outward."""
    left, top, right, bottom = box
    return [
        left * 1000 // width,
        top * 1000 // height,
        -(-right * 1000 // width),
        -(-bottom * 1000 // height),
    ]

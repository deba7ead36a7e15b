"""Measures a picture: colours, brightness, contrast, sharpness, and where something stands before its background."""

from __future__ import annotations

import numpy

from tools.images.in_box.pictures import colours, greys, in_thousandths, is_clear, opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from PIL import Image

    Pixels = numpy.ndarray[Any, Any]

STANDS_OUT = 16  # levels of a channel by which a pixel differs from the background
SHOWN_COLOURS = 6
_ORIENTATION = 0x0112


def measure(job: Mapping[str, Any]) -> dict[str, Any]:
    """Measure a picture, or the part `job["box"]` of it (pixels; null: all)."""
    image = opened(job["image"])
    part = image if job["box"] is None else image.crop(job["box"])
    pixels = colours(part)
    grey = greys(pixels)
    return {
        "width": part.width,
        "height": part.height,
        "format": image.format,
        "mode": image.mode,
        "orientation": _orientation(image),
        "mean_colour": _hex(pixels.reshape(-1, 3).mean(axis=0)),
        "brightness": round(float(grey.mean()) / 255, 4),
        "contrast": round(float(grey.std()) / 255, 4),
        "sharpness": _sharpness(grey),
        "transparent_share": _transparent_share(part),
        "colours": _main_colours(pixels),
        **_content(pixels),
    }


def _orientation(image: Image.Image) -> int:
    """What EXIF says of turning the picture (1: not at all); no tool turns it."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - a picture's metadata may be anything
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _hex(colour: Pixels) -> str:
    red, green, blue = (round(float(value)) for value in colour)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _sharpness(grey: Pixels) -> float:
    """The standard deviation of the Laplacian, in levels; 0 for a picture without edges."""
    if min(grey.shape) < 3:
        return 0.0
    inner = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return round(float((around - 4 * inner).std()), 2)


def _transparent_share(image: Image.Image) -> float:
    if not is_clear(image):
        return 0.0
    alpha = numpy.asarray(image.convert("RGBA").getchannel("A"))
    return round(float((alpha < 128).mean()), 4)


def _main_colours(pixels: Pixels) -> dict[str, Any]:
    """How many colours there are, and the most frequent ones by their share (after grouping by 16 levels)."""
    flat = pixels.reshape(-1, 3).astype(numpy.uint32)
    codes = flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2]
    values, counts = numpy.unique(codes, return_counts=True)
    groups: dict[int, list[int]] = {}
    order = numpy.argsort(-counts, kind="stable")
    for at in order[:4096]:
        code, count = int(values[at]), int(counts[at])
        group = groups.setdefault(code & 0xF0F0F0, [code, 0])
        group[1] += count
    ranked = sorted(groups.values(), key=lambda one: (-one[1], one[0]))[:SHOWN_COLOURS]
    shares = [{"colour": f"#{code:06x}", "share": round(count / len(codes), 4)} for code, count in ranked]
    return {"count": len(values), "most_frequent": shares}


def _content(pixels: Pixels) -> dict[str, Any]:
    """The background is the commonest colour of the border; the content is what stands out from it."""
    height, width = pixels.shape[:2]
    edge = numpy.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    found, counts = numpy.unique(edge, axis=0, return_counts=True)
    ground = found[int(counts.argmax())]
    apart = numpy.abs(pixels.astype(numpy.int16) - ground.astype(numpy.int16)).max(axis=2) > STANDS_OUT
    rows, columns = numpy.flatnonzero(apart.any(axis=1)), numpy.flatnonzero(apart.any(axis=0))
    told: dict[str, Any] = {"background": _hex(ground), "content_share": round(float(apart.mean()), 4)}
    if not len(rows):
        return {**told, "blank": True, "content_box": None, "content_pixels": None}
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return {
        **told,
        "blank": False,
        "content_box": in_thousandths(box, width, height),
        "content_pixels": list(box),
    }

"""Compares two pictures pixel by pixel: how much differs, how similar they are, where, and a map of it."""

from __future__ import annotations

import math

import numpy
from PIL import Image

from tools.images.in_box.pictures import colours, greys, in_thousandths, opened
from tools.images.in_box.similarity import regions, ssim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Array = numpy.ndarray[Any, Any]

_FADED, _MARKED = 0.25, (220, 0, 0)
_ONE_COLOUR = 8  # levels of a channel


def compare(job: Mapping[str, Any]) -> dict[str, Any]:
    """Compare `job["first"]` with `job["second"]`, which is brought to the size of the first. Writes `map.png`."""
    first_image, second_image = opened(job["first"]), opened(job["second"])
    same_size = first_image.size == second_image.size
    first, second = colours(first_image), colours(second_image)
    if not same_size:
        second = numpy.asarray(Image.fromarray(second).resize(first_image.size, Image.Resampling.BICUBIC))
    apart = numpy.abs(first.astype(numpy.int16) - second.astype(numpy.int16)).max(axis=2)
    differs = apart > job["tolerance"]
    grey, other = greys(first), greys(second)
    number, found = regions(differs)
    _write_map(grey if job["map_of"] == "first" else other, differs, job["map_side"])
    whole, content = ssim(grey, other)
    content = min([content, *_of_colours(first, second)])
    height, width = differs.shape
    return {
        "size": [width, height],
        "second_size": list(second_image.size),
        "same_size": same_size,
        "identical": same_size and not bool(apart.any()),
        "differing_pixels": int(differs.sum()),
        "differing_share": round(float(differs.mean()), 6),
        "largest_difference": int(apart.max()),
        "mean_difference": round(float(apart.mean()), 4),
        "psnr": _psnr(first, second),
        "ssim": round(whole, 6),
        "content_ssim": round(content, 6),
        "first_blank": _is_blank(first),
        "second_blank": _is_blank(second),
        "region_count": number,
        "regions": [
            {
                "pixels": count,
                "pixel_box": list(box),
                "box": in_thousandths(box, width, height),
                "mean_difference": round(float(apart[box[1] : box[3], box[0] : box[2]].mean()), 2),
            }
            for count, box in found[: job["regions"]]
        ],
    }


def _of_colours(first: Array, second: Array) -> list[float]:
    """SSIM of red and of blue, where either picture has colours: two that are equally bright differ in one of them."""
    if all(bool((pixels[:, :, :1] == pixels).all()) for pixels in (first, second)):
        return []
    return [ssim(*(pixels[:, :, at].astype(numpy.float64) for pixels in (first, second)))[1] for at in (0, 2)]


def _is_blank(pixels: Array) -> bool:
    """Whether all of a picture is nearly one colour."""
    flat = pixels.reshape(-1, 3).astype(numpy.int16)
    return bool((flat.max(axis=0) - flat.min(axis=0)).max() <= _ONE_COLOUR)


def _psnr(first: Array, second: Array) -> float | None:
    """In decibels; null where the pictures are equal."""
    error = float(((first.astype(numpy.float32) - second) ** 2).mean())
    return round(10 * math.log10(255 * 255 / error), 2) if error else None


def _write_map(grey: Array, differs: Array, side: int) -> None:
    """The first picture, faded, with what differs in red; shrunk so that a lone differing pixel still shows."""
    step = -(-max(grey.shape) // side)
    rows, columns = numpy.arange(0, grey.shape[0], step), numpy.arange(0, grey.shape[1], step)
    marked = numpy.logical_or.reduceat(numpy.logical_or.reduceat(differs, rows, axis=0), columns, axis=1)
    faded = (255 - (255 - grey[::step, ::step]) * _FADED).astype(numpy.uint8)
    shown = numpy.repeat(faded[:, :, None], 3, axis=2)
    shown[marked] = _MARKED
    Image.fromarray(shown).save("map.png", compress_level=4)

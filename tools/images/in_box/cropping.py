"""Cuts a box out of a picture, pixel by pixel: nothing is resampled, a scale repeats each pixel."""

from __future__ import annotations

from PIL import Image

from tools.images.in_box.pictures import exact, opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def crop(job: Mapping[str, Any]) -> dict[str, Any]:
    """Write `crop.png`: the pixels `job["box"]` (left, top, right, bottom; the last two outside)."""
    cut = exact(opened(job["image"])).crop(job["box"])
    scale = job["scale"]
    if scale > 1:
        cut = cut.resize((cut.width * scale, cut.height * scale), Image.Resampling.NEAREST)
    cut.save("crop.png", compress_level=4)
    return {"size": list(cut.size), "mode": cut.mode}

"""The program of a box that keeps one picture open: cuts parts out of it, a line of JSON for each, until nobody asks.

Pixel by pixel: nothing is resampled, a scale repeats each pixel.
"""

from __future__ import annotations

import base64
import io
import json

from PIL import Image

from tools.images.in_box.pictures import Refused, exact, opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Protocol

    class Channel(Protocol):
        def receive(self) -> bytes | None: ...

        def send(self, line: bytes) -> None: ...


def main(channel: Channel) -> None:
    """Answer each job with `{"done": ..., "png": ...}` or `{"refused": why}`."""
    picture: Image.Image | None = None
    while (line := channel.receive()) is not None:
        job = json.loads(line)
        try:
            if picture is None:
                picture = exact(opened(job["image"]))
            answer = _cut(picture, job)
        except Refused as refusal:
            answer = {"refused": str(refusal)}
        channel.send(json.dumps(answer).encode())


def _cut(picture: Image.Image, job: Mapping[str, Any]) -> dict[str, Any]:
    """The pixels of `job["box"]` (left, top, right, bottom; the last two outside), unless they take too many bytes."""
    part, scale = picture.crop(job["box"]), job["scale"]
    if scale > 1:
        part = part.resize((part.width * scale, part.height * scale), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    part.save(buffer, "PNG", compress_level=4)
    content = buffer.getvalue()
    shown = content if len(content) <= job["most_bytes"] else b""
    return {"done": {"bytes": len(content)}, "png": base64.b64encode(shown).decode()}

"""Counts the colours of a picture, and where two pictures differ, in a window of its own: no page's scripts are there.

Chromium decodes them, within its own sandbox. A picture of more than 12 million pixels is refused.
"""

from __future__ import annotations

import base64
from typing import Any

_MOST_PIXELS = 12_000_000
_MEASURE = """async ([picture, other, most]) => {
  const drawn = async text => {
    const bytes = Uint8Array.from(atob(text), one => one.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes]));
    const [width, height] = [image.width, image.height];
    if (width * height > most) return {width, height, refused: true};
    const canvas = new OffscreenCanvas(width, height), at = canvas.getContext('2d');
    at.drawImage(image, 0, 0);
    return {width, height, data: new Uint32Array(at.getImageData(0, 0, width, height).data.buffer)};
  };
  const one = await drawn(picture);
  if (one.refused) return {width: one.width, height: one.height, refused: true};
  const seen = new Set();
  for (const colour of one.data) { seen.add(colour); if (seen.size > 255) break; }
  const told = {width: one.width, height: one.height, colours: seen.size};
  if (other === null) return told;
  const two = await drawn(other);
  if (two.refused || two.width !== one.width || two.height !== one.height) {
    return {...told, other_size: [two.width, two.height]};
  }
  const far = (a, b, shift) => Math.abs((a >>> shift & 255) - (b >>> shift & 255));
  let different = 0;
  for (let i = 0; i < one.data.length; i++) {
    const a = one.data[i], b = two.data[i];
    if (a !== b && Math.max(far(a, b, 0), far(a, b, 8), far(a, b, 16)) > 16) different++;
  }
  return {...told, different: different / one.data.length};
}"""


class Pictures:
    """Made by `made`; serves one picture after the other."""

    def __init__(self, page: Any) -> None:
        self._page = page

    @classmethod
    async def made(cls, browser: Any) -> Pictures:
        return cls(await browser.new_page())

    async def pixels(self, picture: bytes, other: str | None = None) -> dict[str, Any]:
        """Return width, height and colours (at most 256 are counted).

        Where `other`, in base64, is given: `different` is the share of pixels that differ from it by more than 16 of
        255 in a channel; `other_size` is told instead where the sizes are not the same.
        """
        given = [base64.b64encode(picture).decode(), other, _MOST_PIXELS]
        told: dict[str, Any] = await self._page.evaluate(_MEASURE, given)
        return told

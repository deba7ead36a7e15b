"""Reads text out of a picture with the library of tesseract, by its C interface: the box starts no programs.

Source: tesseract 5, `capi.h`.
"""

from __future__ import annotations

import ctypes
import os

import numpy
from PIL import Image

from tools.images.in_box.pictures import Refused, colours, greys, opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_LIBRARIES = ("libtesseract.so.5", "libtesseract.so.4")
_LSTM_ONLY = 1
_MODES = {"page": 3, "block": 6, "line": 7, "sparse": 11}
_WORD_LEVEL = "5"
_DOTS_PER_INCH = 144


def read(job: Mapping[str, Any]) -> dict[str, Any]:
    """Read `job["image"]`, or the part `job["box"]` of it (pixels; null: all): its text, and its words with places."""
    image = opened(job["image"])
    left, top = (0, 0) if job["box"] is None else job["box"][:2]
    part = image if job["box"] is None else image.crop(job["box"])
    grey = greys(colours(part)).round().astype(numpy.uint8)
    scale = job["scale"]
    if scale > 1:
        shown = Image.fromarray(grey).resize(
            (part.width * scale, part.height * scale), Image.Resampling.BICUBIC
        )
        grey = numpy.asarray(shown)
    reader = _Reader(job["language"], _MODES[job["layout"]])
    text, table = reader.read(grey)
    words = [_placed(word, scale, left, top) for word in _words(table)]
    return {"text": text.strip(), "words": words, "size": list(part.size)}


class _Reader:
    """A tesseract whose model lies in the work folder."""

    def __init__(self, language: str, mode: int) -> None:
        os.environ["OMP_THREAD_LIMIT"] = "1"
        self._library = _loaded()
        self._library.TessBaseAPICreate.restype = ctypes.c_void_p
        self._library.TessBaseAPIGetUTF8Text.restype = ctypes.c_void_p
        self._library.TessBaseAPIGetTsvText.restype = ctypes.c_void_p
        self._handle = ctypes.c_void_p(self._library.TessBaseAPICreate())
        folder = os.getcwd().encode()
        if self._library.TessBaseAPIInit2(self._handle, folder, language.encode(), _LSTM_ONLY) != 0:
            raise Refused(f"tesseract cannot read its model of {language!r}")
        self._library.TessBaseAPISetPageSegMode(self._handle, mode)

    def read(self, grey: numpy.ndarray[Any, Any]) -> tuple[str, str]:
        """The text, and tesseract's table of words."""
        height, width = grey.shape
        data = numpy.ascontiguousarray(grey).tobytes()
        self._library.TessBaseAPISetImage(self._handle, data, width, height, 1, width)
        self._library.TessBaseAPISetSourceResolution(self._handle, _DOTS_PER_INCH)
        if self._library.TessBaseAPIRecognize(self._handle, None) != 0:
            raise Refused("tesseract did not end its reading")
        text = _taken(self._library.TessBaseAPIGetUTF8Text(self._handle))
        table = _taken(self._library.TessBaseAPIGetTsvText(self._handle, 0))
        return text, table


def _loaded() -> ctypes.CDLL:
    for name in _LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise ModuleNotFoundError("there is no library of tesseract", name="tesseract")


def _taken(address: int | None) -> str:
    """The text at an address; the box ends soon, so nothing is freed."""
    return ctypes.string_at(address).decode("utf-8", "replace") if address else ""


def _words(table: str) -> list[dict[str, Any]]:
    """The words of a TSV table: level, page, block, par, line, word, left, top, width, height, conf, text."""
    found = []
    for line in table.splitlines():
        cells = line.split("\t")
        if len(cells) < 12 or cells[0] != _WORD_LEVEL or not cells[11].strip():
            continue
        left, top, width, height = (int(cell) for cell in cells[6:10])
        found.append(
            {
                "text": cells[11],
                "confidence": round(float(cells[10]) / 100, 3),
                "pixel_box": [left, top, left + width, top + height],
            }
        )
    return found


def _placed(word: dict[str, Any], scale: int, left: int, top: int) -> dict[str, Any]:
    """A word with its place in the whole picture."""
    x0, y0, x1, y1 = word["pixel_box"]
    inner = (x0 // scale, y0 // scale, -(-x1 // scale), -(-y1 // scale))
    return {**word, "pixel_box": [inner[0] + left, inner[1] + top, inner[2] + left, inner[3] + top]}

"""Reads text with tesseract inside a box; the model of a language is given to the box as a file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from judge_agent.errors import ToolError
from tools.images.arguments import PixelBox
from tools.images.box import Picture, PictureBox

LAYOUTS = ("page", "block", "line", "sparse")
LANGUAGE = re.compile(r"[a-z]{3}(?:_[a-z]{3,8})?")
_MOST_WORDS = 4000
# Where Debian, older Debians and others keep the models.
_FOLDERS = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
)
_MOST_MODEL_BYTES = 20_000_000  # a box takes no more beside the picture
_SMALL_PIXELS = 400_000  # letters of small pictures are small: they are read at twice the size


class Read(NamedTuple):
    """A text, and its words with places in the whole picture (pixels) and confidences in 0..1."""

    text: str
    words: Sequence[Mapping[str, Any]]


async def read_text(
    box: PictureBox,
    picture: Picture,
    part: PixelBox | None,
    *,
    seed: int,
    timeout_seconds: float,
    language: str = "eng",
    layout: str = "page",
) -> Read:
    """Read a picture, or a part of it. Raises PictureRefused, ToolError, SandboxError, BudgetExceeded."""
    model = await asyncio.to_thread(_model, language)
    width, height = (
        (picture.width, picture.height) if part is None else (part[2] - part[0], part[3] - part[1])
    )
    job = {
        "task": "read",
        "image": picture.job("image"),
        "box": part,
        "scale": 2 if width * height <= _SMALL_PIXELS else 1,
        "language": language,
        "layout": layout,
    }
    files = {"image": picture.content, f"{language}.traineddata": model}
    done = await box.do(job, files, seed=seed, timeout_seconds=timeout_seconds)
    text, words = done.told.get("text"), done.told.get("words")
    if not isinstance(text, str) or not isinstance(words, list):
        raise ToolError("the box of pictures answered without a text")
    return Read(_clean(text), [_word(word) for word in words[:_MOST_WORDS] if isinstance(word, dict)])


def languages() -> list[str]:
    """The languages that this machine has models of."""
    found = {path.stem for folder in _FOLDERS for path in Path(folder).glob("*.traineddata")}
    return sorted(name for name in found if LANGUAGE.fullmatch(name))


def _model(language: str) -> bytes:
    for folder in _FOLDERS:
        path = Path(folder) / f"{language}.traineddata"
        if path.is_file() and path.stat().st_size <= _MOST_MODEL_BYTES:
            return path.read_bytes()
    package = f"tesseract-ocr-{language.replace('_', '-')}"
    raise ToolError(
        f"there is no model of tesseract for {language!r}: apt-get install tesseract-ocr {package}"
    )


def _clean(text: str) -> str:
    return re.sub(r"\n\s*\n+", "\n", text).strip()


def _word(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: told.get(name) for name in ("text", "confidence", "pixel_box")}

"""Reads text inside a box: with tesseract, whose model of a language is given to the box as a file, or with rapidocr,
whose package brings its models along.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from judge_agent.errors import ToolError
from tools.images.arguments import PixelBox
from tools.images.box import Picture, PictureBox

Engine = Literal["tesseract", "rapidocr"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
RAPIDOCR = "rapidocr-onnxruntime"
RAPID_LANGUAGES = ("eng", "chi_sim")
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
_TESSERACTS = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
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
    engine: Engine = "tesseract",
    language: str = "eng",
    layout: str = "page",
) -> Read:
    """Read a picture, or a part of it. Raises PictureRefused, ToolError, SandboxError; ValueError (language)."""
    box.required()  # what lacks most is named first
    width, height = (
        (picture.width, picture.height) if part is None else (part[2] - part[0], part[3] - part[1])
    )
    job = {
        "image": picture.job("image"),
        "box": part,
        "scale": 2 if width * height <= _SMALL_PIXELS else 1,
        "language": language,
        "layout": layout,
    }
    if engine == "rapidocr":
        if language not in RAPID_LANGUAGES:
            known = ", ".join(RAPID_LANGUAGES)
            raise ValueError(f"language={language!r} is none that rapidocr reads here: {known}")
        files = {"image": picture.content}
        done = await box.do({"task": "read_lines", **job}, files, seed=seed, warm="ocr")
    else:
        model = await asyncio.to_thread(_model, language)
        files = {"image": picture.content, f"{language}.traineddata": model}
        done = await box.do({"task": "read", **job}, files, seed=seed)
    text, words = done.told.get("text"), done.told.get("words")
    if not isinstance(text, str) or not isinstance(words, list):
        raise ToolError("the box of pictures answered without a text")
    return Read(_clean(text), [_word(word) for word in words[:_MOST_WORDS] if isinstance(word, dict)])


def engine_version(engine: Engine) -> str:
    """Changes with what reads: the package of rapidocr, or the library of tesseract that is installed."""
    if engine == "rapidocr":
        try:
            return f"rapidocr {importlib.metadata.version(RAPIDOCR)}"
        except importlib.metadata.PackageNotFoundError:
            return "no rapidocr"
    found = {
        path.resolve().name for folder in _TESSERACTS for path in Path(folder).glob("**/libtesseract.so.*")
    }
    return f"tesseract {max(found, default='none').removeprefix('libtesseract.so.')}"


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

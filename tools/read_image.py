"""Reads the text of a picture or a part of it with tesseract, in a box: the text, and its words with their places.

It informs and never decides: what is read may be misread, and every word says how sure the reader is. What stands in a
picture that the candidate alone gave is the candidate's claim.

Does not know handwriting, formulas, or languages whose models are not installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from judge_agent.seams.resources import ResourceFiles
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import AskedTool, ToolResult, ToolView
from tools.images.arguments import (
    BOX_SCHEMA,
    IMAGE_SCHEMA,
    check_names,
    pixels_of,
    read_box,
    read_choice,
    read_name,
)
from tools.images.box import BoxLimits, PictureBox, PictureRefused
from tools.images.catalogue import Catalogue, has_pictures
from tools.images.ocr import LANGUAGE, LAYOUTS, Read, read_text
from tools.images.telling import fitting, informs, refusal

_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "image": IMAGE_SCHEMA,
        "box": BOX_SCHEMA,
        "layout": {
            "enum": list(LAYOUTS),
            "description": "page: columns and paragraphs; block; line; sparse: scattered words, as in charts.",
        },
        "language": {
            "type": "string",
            "pattern": f"^{LANGUAGE.pattern}$",
            "maxLength": 12,
            "description": "tesseract's name of the language; eng where it is not given.",
        },
    },
    "required": ["image"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class ReadLimits:
    """`pixels` bounds what is read (a box may be a part of a larger picture); `words_chars` what is told of words."""

    box: BoxLimits = field(default_factory=lambda: BoxLimits(seconds=30.0))
    pixels: int = 12_000_000
    text_chars: int = 4000
    words_chars: int = 2500


class ReadImage(AskedTool):
    """The tool `read_image`. `files` is where blobs and files under the root are read."""

    name = "read_image"
    description = (
        "Reads the text in an image, or in the part in box, by OCR; says of each word where it stands (pixels) and how "
        "sure the reading is."
    )
    parameters = _PARAMETERS

    def __init__(
        self, sandbox: Sandbox | None, files: ResourceFiles | None = None, *, limits: ReadLimits | None = None
    ) -> None:
        self._limits = limits or ReadLimits()
        self._box = PictureBox(self.name, sandbox, self._limits.box)
        self._files = files
        self.version = f"1/{self._box.version}"

    def offered(self, view: ToolView) -> bool:
        return has_pictures(view)

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Read. Raises ValueError (of the arguments), ToolError (no tesseract), SandboxError, BudgetExceeded."""
        check_names(self.name, arguments, ("image", "box", "layout", "language"))
        name, asked = read_name(arguments, "image"), read_box(arguments)
        layout = read_choice(arguments, "layout", LAYOUTS)
        language = arguments.get("language", "eng")
        if not isinstance(language, str) or not LANGUAGE.fullmatch(language):
            raise ValueError(
                f"language={language!r:.100} is no name of tesseract's, such as 'eng' or 'chi_sim'"
            )
        catalogue = await Catalogue.of(view, self._files)
        try:
            picture = await catalogue.picture("image", name, self._limits.box)
            box = pixels_of(asked, picture.width, picture.height)
            left, top, right, bottom = box or (0, 0, picture.width, picture.height)
            self._check_size(right - left, bottom - top)
            found = await read_text(
                self._box,
                picture,
                box,
                seed=view.seed,
                timeout_seconds=timeout_seconds,
                language=language,
                layout=layout,
            )
        except PictureRefused as why:
            return refusal(why)
        output, cut = self._shown(name, found)
        return informs(output, f"text of {name!r}", source=catalogue.source_of(name), truncated=cut)

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self._limits.pixels:
            raise PictureRefused(
                f"{width} x {height} = {width * height} pixels are too many to read; the limit is "
                f"{self._limits.pixels}: give a box"
            )

    def _shown(self, name: str, found: Read) -> tuple[dict[str, Any], bool]:
        """The text and as many words as there is room for; and whether something is cut."""
        words = fitting(found.words, self._limits.words_chars)
        text = found.text[: self._limits.text_chars]
        output: dict[str, Any] = {
            "image": name,
            "text": text,
            "mean_confidence": _mean([word["confidence"] for word in found.words]),
            "words": words,
        }
        if len(words) < len(found.words):
            output["more_words"] = len(found.words) - len(words)
        return output, len(text) < len(found.text) or len(words) < len(found.words)


def _mean(confidences: list[Any]) -> float | None:
    numbers = [value for value in confidences if isinstance(value, (int, float))]
    return round(sum(numbers) / len(numbers), 3) if numbers else None

"""Reads the text of a picture or a part of it, in a box: the text, and its words with their places.

It informs and never decides: what is read may be misread, and every word says how sure the reader is. What stands in a
picture that the candidate alone gave is the candidate's claim. The operator says who reads: tesseract, or rapidocr,
whose words are whole lines.

Does not know handwriting, formulas, or languages whose models are not installed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from judge_agent.seams.resources import ResourceFiles
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import AskedTool, ToolResult, ToolView
from tools.images.arguments import Box, ImageName, pixels_of
from tools.images.box import BoxLimits, PictureBox, PictureRefused, digest_of
from tools.images.catalogue import Catalogue, has_pictures
from tools.images.ocr import LANGUAGE, Engine, Read, engine_version, read_text
from tools.images.telling import fitting, informs, refusal


@dataclass(frozen=True)
class ReadLimits:
    """`pixels` bounds what is read (a box may be a part of a larger picture), `text_chars` and `words_chars` what is
    told of the text and its words; `box` is what decoding and reading may take.
    """

    box: BoxLimits = field(default_factory=lambda: BoxLimits(seconds=30.0, memory_bytes=3_000_000_000))
    pixels: int = 12_000_000
    text_chars: int = 4000
    words_chars: int = 2500


class ReadImage(AskedTool):
    """The tool `read_image`. `files` is where blobs and files under the root are read."""

    name = "read_image"

    def __init__(
        self,
        sandbox: Sandbox | None,
        files: ResourceFiles | None = None,
        *,
        engine: Engine = "tesseract",
        limits: ReadLimits | None = None,
    ) -> None:
        self.limits = limits or ReadLimits()
        self._box = PictureBox(self.name, sandbox, self.limits.box)
        self._files, self._engine = files, engine
        self.version = f"2/{self._box.version}/{digest_of(self.limits)}/{engine_version(engine)}"

    def offered(self, view: ToolView) -> bool:
        return has_pictures(view)

    async def asked(
        self,
        view: ToolView,
        *,
        image: ImageName,
        box: Box | None = None,
        layout: Literal["page", "block", "line", "sparse"] = "page",
        language: Annotated[str, Field(pattern=f"^{LANGUAGE.pattern}$", max_length=12)] = "eng",
        timeout_seconds: float,
    ) -> ToolResult:
        """Reads the text in an image, or in the part in box, by OCR; says of each word where it stands (pixels) and how
        sure the reading is.

        image: Name of an image: i1, i2, ... as in the trajectory, an artifact's name, or a given image's name.
        box: Only this part: [left, top, right, bottom] in 0..1000 of the image's width and height.
        layout: page: columns and paragraphs; block; line; sparse: scattered words, as in charts.
        language: The language's name of three letters, as in eng, deu or chi_sim.

        Raises ToolError (no reader, no model of the language), SandboxError, StoreError.
        """
        catalogue = await Catalogue.of(view, self._files)
        try:
            picture = await catalogue.picture("image", image, self.limits.box)
            pixels = None if box is None else pixels_of(box, picture.width, picture.height)
            left, top, right, bottom = pixels or (0, 0, picture.width, picture.height)
            self._check_size(right - left, bottom - top)
            found = await read_text(
                self._box,
                picture,
                pixels,
                seed=view.seed,
                engine=self._engine,
                language=language,
                layout=layout,
            )
        except PictureRefused as why:
            return refusal(why)
        output, cut = self._shown(image, found)
        return informs(output, f"text of {image!r}", source=catalogue.source_of(image), truncated=cut)

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self.limits.pixels:
            raise PictureRefused(
                f"{width} x {height} = {width * height} pixels are too many to read; the limit is "
                f"{self.limits.pixels}: give a box"
            )

    def _shown(self, name: str, found: Read) -> tuple[dict[str, Any], bool]:
        """The text and as many words as there is room for; and whether something is cut."""
        words = fitting(found.words, self.limits.words_chars)
        text = found.text[: self.limits.text_chars]
        output: dict[str, Any] = {
            "image": name,
            "engine": self._engine,
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

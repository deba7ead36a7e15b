"""Cuts a part out of a picture, for a model that takes pictures to look at; to one that takes none it is described.

The crop is evidence: its bytes stand in the record. A box touches whole pixels (`images/arguments.py`), and nothing is
resampled, so that what is seen is what is there. For a model without eyes the text in the crop is read and its colours
are measured. What the candidate alone gave stays its claim.

Does not know what the crop shows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from judge_agent.errors import JudgeError, ToolError
from judge_agent.seams.resources import ResourceFiles
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import AskedTool, ResultImage, ToolResult, ToolView
from tools.images.arguments import (
    BOX_SCHEMA,
    IMAGE_SCHEMA,
    PixelBox,
    check_names,
    pixels_of,
    read_box,
    read_choice,
    read_name,
    read_whole,
)
from tools.images.box import BoxLimits, Done, Picture, PictureBox, PictureRefused, within
from tools.images.catalogue import Catalogue, has_pictures
from tools.images.ocr import read_text
from tools.images.telling import informs, refusal, shown_picture

_DESCRIBED = ("auto", "yes", "no")
MAX_SCALE = 8
_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "image": IMAGE_SCHEMA,
        "box": BOX_SCHEMA,
        "scale": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_SCALE,
            "description": "How many times each pixel is repeated, to see small things. 1 as it is.",
        },
        "describe": {
            "enum": list(_DESCRIBED),
            "description": "Whether its text is read and its colours measured; auto: for who cannot see it.",
        },
    },
    "required": ["image", "box"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class CropLimits:
    """`crop_pixels` counts the pixels of the crop after scaling, `crop_bytes` those of its PNG."""

    box: BoxLimits = field(default_factory=BoxLimits)
    crop_pixels: int = 4_000_000
    crop_bytes: int = 2_500_000
    text_chars: int = 3000


class CropImage(AskedTool):
    """The tool `crop_image`. `files` is where blobs and files under the root are read; None: inline pictures only."""

    name = "crop_image"
    description = (
        "Cuts a box out of an image, exact to the pixel, to look at it closely; box is [left, top, right, bottom] in "
        "0..1000. The crop is shown to you where you can see images; otherwise its text and colours are described."
    )
    parameters = _PARAMETERS

    def __init__(
        self, sandbox: Sandbox | None, files: ResourceFiles | None = None, *, limits: CropLimits | None = None
    ) -> None:
        self._limits = limits or CropLimits()
        self._box = PictureBox(self.name, sandbox, self._limits.box)
        self._files = files
        self.version = f"1/{self._box.version}"

    def offered(self, view: ToolView) -> bool:
        return has_pictures(view)

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Cut. Raises ValueError (of the arguments), ToolError, SandboxError, BudgetExceeded."""
        check_names(self.name, arguments, ("image", "box", "scale", "describe"))
        name, asked = read_name(arguments, "image"), read_box(arguments)
        if asked is None:
            raise ValueError("box is missing; give [left, top, right, bottom] in 0..1000")
        scale = read_whole(arguments, "scale", 1, 1, MAX_SCALE)
        describe = read_choice(arguments, "describe", _DESCRIBED)
        catalogue = await Catalogue.of(view, self._files)
        try:
            picture = await catalogue.picture("image", name, self._limits.box)
            box = pixels_of(asked, picture.width, picture.height)
            assert box is not None
            self._check_size(box, scale)
            crop, content = await self._cut(picture, box, scale, view, timeout_seconds)
        except PictureRefused as why:
            return refusal(why)
        output: dict[str, Any] = {
            "image": name,
            "image_size": [picture.width, picture.height],
            "pixel_box": list(box),
            "size": [crop.width, crop.height],
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        if describe == "yes" or (describe == "auto" and not view.sees_images):
            async with within(self.name, timeout_seconds):
                output |= await self._described(picture, box, view, timeout_seconds)
        named = ResultImage(f"{name}, pixels {list(box)}", crop.data, crop.width, crop.height)
        return informs(output, f"a crop of {name!r}", source=catalogue.source_of(name), images=(named,))

    def _check_size(self, box: PixelBox, scale: int) -> None:
        width, height = (box[2] - box[0]) * scale, (box[3] - box[1]) * scale
        if width * height > self._limits.crop_pixels:
            raise PictureRefused(
                f"the crop would have {width} x {height} = {width * height} pixels; the limit is "
                f"{self._limits.crop_pixels}: take a smaller box or scale"
            )

    async def _cut(
        self, picture: Picture, box: PixelBox, scale: int, view: ToolView, seconds: float
    ) -> tuple[ResultImage, bytes]:
        job = {"task": "crop", "image": picture.job("image"), "box": box, "scale": scale}
        done = await self._box.do(
            job, {"image": picture.content}, seed=view.seed, timeout_seconds=seconds, collect=("crop.png",)
        )
        content = done.files.get("crop.png", b"")
        crop = shown_picture(content, "crop", max_bytes=self._limits.crop_bytes)
        if crop is None:
            raise PictureRefused(self._why_not(done, content))
        if (crop.width, crop.height) != ((box[2] - box[0]) * scale, (box[3] - box[1]) * scale):
            raise PictureRefused("the box cut another size than was asked for")
        return crop, content

    def _why_not(self, done: Done, content: bytes) -> str:
        if len(content) > self._limits.crop_bytes:
            return f"the crop has {len(content)} bytes; the limit is {self._limits.crop_bytes}: take a smaller box"
        return f"the box left no crop ({str(done.told)[:80]})"

    async def _described(
        self, picture: Picture, box: PixelBox, view: ToolView, seconds: float
    ) -> dict[str, Any]:
        """What the crop holds, in words; what cannot be told says why."""
        job = {"task": "measure", "image": picture.job("image"), "box": box}
        try:
            done = await self._box.do(
                job, {"image": picture.content}, seed=view.seed, timeout_seconds=seconds
            )
            measures: Any = dict(done.told)
        except PictureRefused as why:
            measures = {"refused": str(why)}
        try:
            found = await read_text(self._box, picture, box, seed=view.seed, timeout_seconds=seconds)
            text: Any = found.text[: self._limits.text_chars]
        except (PictureRefused, ToolError) as why:
            if isinstance(why, JudgeError) and why.failure_kind not in ("tool_unavailable",):
                raise
            text = {"unread": str(why)}
        return {"text": text, "measures": measures}

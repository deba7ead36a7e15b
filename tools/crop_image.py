"""Cuts a part out of a picture, for a model that takes pictures to look at; to one that takes none it is described.

The crop is evidence: its bytes stand in the record. A box touches whole pixels (`images/arguments.py`), and nothing is
resampled, so that what is seen is what is there. For a model without eyes the text in the crop is read and its colours
are measured. What the candidate alone gave stays its claim.

Does not know what the crop shows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from judge_agent.errors import JudgeError, ToolError
from judge_agent.seams.resources import ResourceFiles
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import AskedTool, ResultImage, ToolResult, ToolView
from tools.images.arguments import Box, ImageName, PixelBox, pixels_of
from tools.images.box import BoxLimits, Picture, PictureBox, PictureRefused, digest_of
from tools.images.catalogue import Catalogue, has_pictures
from tools.images.ocr import Engine, engine_version, read_text
from tools.images.open_pictures import OpenPictures
from tools.images.telling import informs, refusal, shown_picture


@dataclass(frozen=True)
class CropLimits:
    """`crop_pixels` counts the pixels of the crop after scaling, `crop_bytes` those of its PNG, `text_chars` what is
    told of its text; `box` is what decoding may take.
    """

    box: BoxLimits = field(default_factory=BoxLimits)
    crop_pixels: int = 4_000_000
    crop_bytes: int = 2_500_000
    text_chars: int = 3000


class CropImage(AskedTool):
    """The tool `crop_image`. `files` is where blobs and files under the root are read; None: inline pictures only."""

    name = "crop_image"

    def __init__(
        self,
        sandbox: Sandbox | None,
        files: ResourceFiles | None = None,
        *,
        engine: Engine = "tesseract",
        limits: CropLimits | None = None,
    ) -> None:
        self.limits = limits or CropLimits()
        self._box = PictureBox(self.name, sandbox, self.limits.box)
        self._open = OpenPictures(self._box, self.limits.box)
        self._files, self._engine = files, engine
        self.version = f"2/{self._box.version}/{digest_of(self.limits)}/{engine_version(engine)}"

    async def aclose(self) -> None:
        """Close the pictures that are open. Repeated calls do nothing."""
        await self._open.aclose()

    def offered(self, view: ToolView) -> bool:
        return has_pictures(view)

    async def asked(
        self,
        view: ToolView,
        *,
        image: ImageName,
        box: Box,
        scale: Annotated[int, Field(ge=1, le=8, strict=False)] = 1,
        describe: Literal["auto", "yes", "no"] = "auto",
        timeout_seconds: float,
    ) -> ToolResult:
        """Cuts a box out of an image, exact to the pixel, to look at it closely. The crop is shown to you where you can
        see images; otherwise its text and colours are described.

        image: Name of an image: i1, i2, ... as in the trajectory, an artifact's name, or a given image's name.
        box: [left, top, right, bottom] in 0..1000 of the image's width and height.
        scale: How many times each pixel is repeated, to see small things; 1 as it is.
        describe: Whether its text is read and its colours measured; auto: for who cannot see it.

        Raises ToolError, SandboxError, StoreError.
        """
        catalogue = await Catalogue.of(view, self._files)
        try:
            picture = await catalogue.picture("image", image, self.limits.box)
            pixels = pixels_of(box, picture.width, picture.height)
            self._check_size(pixels, scale)
            crop, content = await self._cut(picture, pixels, scale)
        except PictureRefused as why:
            return refusal(why)
        output: dict[str, Any] = {
            "image": image,
            "image_size": [picture.width, picture.height],
            "pixel_box": list(pixels),
            "size": [crop.width, crop.height],
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        if describe == "yes" or (describe == "auto" and not view.sees_images):
            output |= await self._described(picture, pixels, view.seed)
        named = ResultImage(f"{image}, pixels {list(pixels)}", crop.data, crop.width, crop.height)
        return informs(output, f"a crop of {image!r}", source=catalogue.source_of(image), images=(named,))

    def _check_size(self, box: PixelBox, scale: int) -> None:
        width, height = (box[2] - box[0]) * scale, (box[3] - box[1]) * scale
        if width * height > self.limits.crop_pixels:
            raise PictureRefused(
                f"the crop would have {width} x {height} = {width * height} pixels; the limit is "
                f"{self.limits.crop_pixels}: take a smaller box or scale"
            )

    async def _cut(self, picture: Picture, box: PixelBox, scale: int) -> tuple[ResultImage, bytes]:
        most = self.limits.crop_bytes
        content, size = await self._open.cut(picture, box, scale, most_bytes=most)
        if size > most:
            raise PictureRefused(f"the crop has {size} bytes; the limit is {most}: take a smaller box")
        crop = shown_picture(content, "crop", max_bytes=most)
        if crop is None:
            raise PictureRefused("the box left no crop")
        if (crop.width, crop.height) != ((box[2] - box[0]) * scale, (box[3] - box[1]) * scale):
            raise PictureRefused("the box cut another size than was asked for")
        return crop, content

    async def _described(self, picture: Picture, box: PixelBox, seed: int) -> dict[str, Any]:
        """What the crop holds, in words; what cannot be told says why."""
        job = {"task": "measure", "image": picture.job("image"), "box": box}
        try:
            measures: Any = dict((await self._box.do(job, {"image": picture.content}, seed=seed)).told)
        except PictureRefused as why:
            measures = {"refused": str(why)}
        try:
            found = await read_text(self._box, picture, box, seed=seed, engine=self._engine)
            text: Any = found.text[: self.limits.text_chars]
        except (PictureRefused, ToolError) as why:
            if isinstance(why, JudgeError) and why.failure_kind not in ("tool_unavailable",):
                raise
            text = {"unread": str(why)}
        return {"text": text, "measures": measures}

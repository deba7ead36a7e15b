"""Measures a picture or a part of it: size, colours, brightness, sharpness, and where something stands on it.

Without a name it lists the pictures of the request with their sizes. It informs and never decides: whether a measure
is right is for who knows what the picture was to be.

Does not know what the picture shows, and turns none by its EXIF orientation: it says which one stands there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from judge_agent.seams.resources import ResourceFiles
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import AskedTool, ToolResult, ToolView
from tools.images.arguments import Box, ImageName, pixels_of
from tools.images.box import BoxLimits, PictureBox, PictureRefused, digest_of
from tools.images.catalogue import Catalogue, has_pictures
from tools.images.telling import informs, refusal


@dataclass(frozen=True)
class MeasureLimits:
    """`listed` bounds how many pictures are listed where none is named; `box` is what decoding may take."""

    box: BoxLimits = field(default_factory=BoxLimits)
    listed: int = 40


class MeasureImage(AskedTool):
    """The tool `measure_image`. `files` is where blobs and files under the root are read."""

    name = "measure_image"

    def __init__(
        self,
        sandbox: Sandbox | None,
        files: ResourceFiles | None = None,
        *,
        limits: MeasureLimits | None = None,
    ) -> None:
        self.limits = limits or MeasureLimits()
        self._box = PictureBox(self.name, sandbox, self.limits.box)
        self._files = files
        self.version = f"2/{self._box.version}/{digest_of(self.limits)}"

    def offered(self, view: ToolView) -> bool:
        return has_pictures(view)

    async def asked(
        self,
        view: ToolView,
        *,
        image: ImageName | None = None,
        box: Box | None = None,
        timeout_seconds: float,
    ) -> ToolResult:
        """Measures an image, or the part in box: size in pixels, main colours, brightness, contrast, sharpness, and the
        box of what stands out from the background. Without an image it lists all images by name and size.

        image: Name of an image: i1, i2, ... as in the trajectory, an artifact's name, or a given image's name.
        box: Only this part: [left, top, right, bottom] in 0..1000 of the image's width and height.

        Raises ToolError, SandboxError, StoreError.
        """
        catalogue = await Catalogue.of(view, self._files)
        if image is None:
            if box is not None:
                raise ValueError(f"box={box} is given without image; name the image that it is of")
            return await self._list(catalogue)
        try:
            picture = await catalogue.picture("image", image, self.limits.box)
            pixels = None if box is None else pixels_of(box, picture.width, picture.height)
            job = {"task": "measure", "image": picture.job("image"), "box": pixels}
            done = await self._box.do(job, {"image": picture.content}, seed=view.seed)
        except PictureRefused as why:
            return refusal(why)
        output = {"image": image, "pixel_box": list(pixels) if pixels else None, **done.told}
        return informs(output, f"measures of {image!r}")

    async def _list(self, catalogue: Catalogue) -> ToolResult:
        """Names and sizes, by the headers alone."""
        names = catalogue.names
        listed: list[dict[str, Any]] = []
        for name in names[: self.limits.listed]:
            try:
                picture = await catalogue.picture("image", name, self.limits.box)
                listed.append({"image": name, "size": [picture.width, picture.height]})
            except PictureRefused as why:
                listed.append({"image": name, "refused": str(why)})
        left_out = len(names) - len(listed)
        output = {"images": listed} | ({"more": left_out} if left_out else {})
        return informs(output, f"{len(names)} images", truncated=bool(left_out))

"""Measures a picture or a part of it: size, colours, brightness, sharpness, and where something stands on it.

Without a name it lists the pictures of the request with their sizes. It informs and never decides: whether a measure
is right is for who knows what the picture was to be.

Does not know what the picture shows, and turns none by its EXIF orientation: it says which one stands there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from judge_agent.seams.resources import ResourceFiles
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import AskedTool, ToolResult, ToolView
from tools.images.arguments import BOX_SCHEMA, IMAGE_SCHEMA, check_names, pixels_of, read_box, read_name
from tools.images.box import BoxLimits, PictureBox, PictureRefused
from tools.images.catalogue import Catalogue, has_pictures
from tools.images.telling import informs, refusal

_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"image": IMAGE_SCHEMA, "box": BOX_SCHEMA},
    "additionalProperties": False,
}


@dataclass(frozen=True)
class MeasureLimits:
    """`listed` bounds how many pictures are listed where none is named."""

    box: BoxLimits = field(default_factory=BoxLimits)
    listed: int = 40


class MeasureImage(AskedTool):
    """The tool `measure_image`. `files` is where blobs and files under the root are read."""

    name = "measure_image"
    description = (
        "Measures an image, or the part in box: size in pixels, main colours, brightness, contrast, sharpness, and the "
        "box of what stands out from the background. Without an image it lists all images by name and size."
    )
    parameters = _PARAMETERS

    def __init__(
        self,
        sandbox: Sandbox | None,
        files: ResourceFiles | None = None,
        *,
        limits: MeasureLimits | None = None,
    ) -> None:
        self._limits = limits or MeasureLimits()
        self._box = PictureBox(self.name, sandbox, self._limits.box)
        self._files = files
        self.version = f"1/{self._box.version}"

    def offered(self, view: ToolView) -> bool:
        return has_pictures(view)

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Measure, or list. Raises ValueError (of the arguments), ToolError, SandboxError, BudgetExceeded."""
        check_names(self.name, arguments, ("image", "box"))
        asked = read_box(arguments)
        catalogue = await Catalogue.of(view, self._files)
        if arguments.get("image") is None:
            if asked is not None:
                raise ValueError("box is given without image; name the image that it is of")
            return await self._list(catalogue)
        name = read_name(arguments, "image")
        try:
            picture = await catalogue.picture("image", name, self._limits.box)
            box = pixels_of(asked, picture.width, picture.height)
            done = await self._box.do(
                {"task": "measure", "image": picture.job("image"), "box": box},
                {"image": picture.content},
                seed=view.seed,
                timeout_seconds=timeout_seconds,
            )
        except PictureRefused as why:
            return refusal(why)
        output = {"image": name, "pixel_box": list(box) if box else None, **done.told}
        return informs(output, f"measures of {name!r}")

    async def _list(self, catalogue: Catalogue) -> ToolResult:
        """Names and sizes, by the headers alone."""
        names = catalogue.names
        listed: list[dict[str, Any]] = []
        for name in names[: self._limits.listed]:
            try:
                picture = await catalogue.picture("image", name, self._limits.box)
                listed.append({"image": name, "size": [picture.width, picture.height]})
            except PictureRefused as why:
                listed.append({"image": name, "refused": str(why)})
        left_out = len(names) - len(listed)
        output = {"images": listed} | ({"more": left_out} if left_out else {})
        return informs(output, f"{len(names)} images", truncated=bool(left_out))

"""Compares two pictures pixel by pixel: how similar they are, which regions differ, and a map of the differences.

It informs and never decides: the model chose the pair. The second picture is brought to the size of the first where
they differ, and the result says so; nothing else is lined up, so a shift by a pixel is a difference.

Does not know whether a difference matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from judge_agent.seams.resources import ResourceFiles
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import AskedTool, ToolResult, ToolView
from tools.images.arguments import ImageName
from tools.images.box import BoxLimits, Done, Picture, PictureBox, PictureRefused, digest_of
from tools.images.catalogue import Catalogue, has_pictures
from tools.images.telling import informs, refusal, shown_picture

DEFAULT_TOLERANCE = 16


@dataclass(frozen=True)
class CompareLimits:
    """`pixels` bounds each of the two; `regions` how many are told; `map_side` (pixels) and `map_bytes` the map; `box`
    is what decoding may take.
    """

    box: BoxLimits = field(default_factory=lambda: BoxLimits(seconds=20.0))
    pixels: int = 10_000_000
    regions: int = 12
    map_side: int = 1024
    map_bytes: int = 1_500_000


class CompareImages(AskedTool):
    """The tool `compare_images`. `files` is where blobs and files under the root are read."""

    name = "compare_images"

    def __init__(
        self,
        sandbox: Sandbox | None,
        files: ResourceFiles | None = None,
        *,
        limits: CompareLimits | None = None,
    ) -> None:
        self.limits = limits or CompareLimits()
        self._box = PictureBox(self.name, sandbox, self.limits.box)
        self._files = files
        self.version = f"3/{self._box.version}/{digest_of(self.limits)}"

    def offered(self, view: ToolView) -> bool:
        return has_pictures(view)

    async def asked(
        self,
        view: ToolView,
        *,
        first: ImageName,
        second: ImageName,
        tolerance: Annotated[int, Field(ge=0, le=255, strict=False)] = DEFAULT_TOLERANCE,
        timeout_seconds: float,
    ) -> ToolResult:
        """Compares two images: structural similarity (SSIM), share of differing pixels, the boxes of the regions that
        differ (largest first), and a map of the differences.

        first: Name of an image: i1, i2, ... as in the trajectory, an artifact's name, or a given image's name.
        second: Name of the other image; it is brought to the size of the first.
        tolerance: Levels of a channel (0..255) that count as equal.

        Raises ToolError, SandboxError, StoreError.
        """
        catalogue = await Catalogue.of(view, self._files)
        try:
            one = await catalogue.picture("first", first, self.limits.box)
            other = await catalogue.picture("second", second, self.limits.box)
            done = await compared(self._box, one, other, self.limits, tolerance=tolerance, seed=view.seed)
        except PictureRefused as why:
            return refusal(why)
        output = {"first": first, "second": second, "tolerance": tolerance, **done.told}
        what = f"differences of {first} and {second}, in red"
        shown = shown_picture(done.files.get("map.png"), what, max_bytes=self.limits.map_bytes)
        return informs(
            output,
            f"{first!r} and {second!r} {_in_words(done.told)}",
            truncated=done.told.get("region_count", 0) > self.limits.regions,
            images=() if shown is None or done.told.get("identical") else (shown,),
        )


async def compared(
    box: PictureBox,
    first: Picture,
    second: Picture,
    limits: CompareLimits,
    *,
    tolerance: int,
    seed: int,
    map_of: Literal["first", "second"] = "first",
) -> Done:
    """Compare two pictures in a box; the map shows `map_of`, faded, with what differs in red.

    Raises PictureRefused, ToolError, SandboxError.
    """
    for which, picture in (("first", first), ("second", second)):
        count = picture.width * picture.height
        if count > limits.pixels:
            raise PictureRefused(
                f"the {which} image has {count} pixels; the limit of what is compared is {limits.pixels}"
            )
    job = {
        "task": "compare",
        "first": first.job("first"),
        "second": second.job("second"),
        "tolerance": tolerance,
        "regions": limits.regions,
        "map_side": limits.map_side,
        "map_of": map_of,
    }
    files = {"first": first.content, "second": second.content}
    return await box.do(job, files, seed=seed, collect=("map.png",))


def _in_words(told: Mapping[str, Any]) -> str:
    if told.get("identical") is True:
        return "are identical"
    return f"differ in {told.get('region_count')} regions, SSIM {told.get('ssim')}"

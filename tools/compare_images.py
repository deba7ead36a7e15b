"""Compares two pictures pixel by pixel: how similar they are, which regions differ, and a map of the differences.

It informs and never decides: the model chose the pair. The second picture is brought to the size of the first where
they differ, and the result says so; nothing else is lined up, so a shift by a pixel is a difference.

Does not know whether a difference matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from judge_agent.seams.resources import ResourceFiles
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import AskedTool, ToolResult, ToolView
from tools.images.arguments import IMAGE_SCHEMA, check_names, read_name, read_whole
from tools.images.box import BoxLimits, Done, Picture, PictureBox, PictureRefused
from tools.images.catalogue import Catalogue, has_pictures
from tools.images.telling import informs, refusal, shown_picture

DEFAULT_TOLERANCE = 16
_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "first": IMAGE_SCHEMA,
        "second": IMAGE_SCHEMA,
        "tolerance": {
            "type": "integer",
            "minimum": 0,
            "maximum": 255,
            "description": f"Levels of a channel (0..255) that count as equal; {DEFAULT_TOLERANCE} where not given.",
        },
    },
    "required": ["first", "second"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class CompareLimits:
    """`pixels` bounds each of the two; `regions` how many are told; `map_side` and `map_bytes` the map."""

    box: BoxLimits = field(default_factory=lambda: BoxLimits(seconds=20.0))
    pixels: int = 10_000_000
    regions: int = 12
    map_side: int = 1024
    map_bytes: int = 1_500_000


class CompareImages(AskedTool):
    """The tool `compare_images`. `files` is where blobs and files under the root are read."""

    name = "compare_images"
    description = (
        "Compares two images: structural similarity (SSIM), share of differing pixels, the boxes of the regions that "
        "differ (largest first), and a map of the differences."
    )
    parameters = _PARAMETERS

    def __init__(
        self,
        sandbox: Sandbox | None,
        files: ResourceFiles | None = None,
        *,
        limits: CompareLimits | None = None,
    ) -> None:
        self._limits = limits or CompareLimits()
        self._box = PictureBox(self.name, sandbox, self._limits.box)
        self._files = files
        self.version = f"1/{self._box.version}"

    def offered(self, view: ToolView) -> bool:
        return has_pictures(view)

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Compare. Raises ValueError (of the arguments), ToolError, SandboxError, BudgetExceeded."""
        check_names(self.name, arguments, ("first", "second", "tolerance"))
        names = read_name(arguments, "first"), read_name(arguments, "second")
        tolerance = read_whole(arguments, "tolerance", DEFAULT_TOLERANCE, 0, 255)
        catalogue = await Catalogue.of(view, self._files)
        try:
            first = await catalogue.picture("first", names[0], self._limits.box)
            second = await catalogue.picture("second", names[1], self._limits.box)
            done = await compared(
                self._box,
                first,
                second,
                self._limits,
                tolerance=tolerance,
                seed=view.seed,
                timeout_seconds=timeout_seconds,
            )
        except PictureRefused as why:
            return refusal(why)
        output = {"first": names[0], "second": names[1], "tolerance": tolerance, **done.told}
        what = f"differences of {names[0]} and {names[1]}, in red"
        shown = shown_picture(done.files.get("map.png"), what, max_bytes=self._limits.map_bytes)
        return informs(
            output,
            f"{names[0]!r} and {names[1]!r} {_in_words(done.told)}",
            truncated=done.told.get("region_count", 0) > self._limits.regions,
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
    timeout_seconds: float,
    map_of: Literal["first", "second"] = "first",
) -> Done:
    """Compare two pictures in a box; the map shows `map_of`, faded, with what differs in red.

    Raises PictureRefused, ToolError, SandboxError, BudgetExceeded.
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
    return await box.do(job, files, seed=seed, timeout_seconds=timeout_seconds, collect=("map.png",))


def _in_words(told: Mapping[str, Any]) -> str:
    if told.get("identical") is True:
        return "are identical"
    return f"differ in {told.get('region_count')} regions, SSIM {told.get('ssim')}"

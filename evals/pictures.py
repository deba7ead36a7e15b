"""`python -m evals pictures`: what the tools for pictures find on sixty pictures made for it, of which all is known.

Twenty texts are read (character error rate), the bars of twenty charts are cut and measured (boxes to the pixel,
colours), and of twenty pairs the planted differences are looked for. Ends with 1 where a bound is not held, with 2
where this machine lacks what is needed.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from evals.bench.machine import machine
from judge_agent.errors import JudgeError
from judge_agent.schema import Resources, Task, Trajectory
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import ToolResult, ToolView
from sandboxes import make_sandbox
from tools import CompareImages, CropImage, MeasureImage, ReadImage
from tools.images.ocr import Engine

if TYPE_CHECKING:
    from PIL.Image import Image

    from evals.drawn_pictures import Box

MOST_CHARACTER_ERRORS = 0.01
CALL_SECONDS = 300.0


class Found(NamedTuple):
    """`errors` are character error rates, one a text; `counts` are of crops, colours and regions.

    `letters` are the rates where spaces do not count: some readers leave them out.
    """

    errors: tuple[float, ...]
    counts: Counter[str]
    letters: tuple[float, ...] = ()

    @property
    def error(self) -> float:
        return sum(self.errors) / max(len(self.errors), 1)

    @property
    def holds(self) -> bool:
        """Whether text is hardly misread, every box is exact, and every difference is found and no other."""
        exact = self.counts["crops exact"] == self.counts["crops"] > 0
        coloured = self.counts["colours right"] == self.counts["crops"]
        regions = self.counts["regions found"] > 0 and not self.counts["regions missed"]
        clean = not self.counts["regions false"] and not self.counts["pairs told wrong"]
        read = bool(self.errors) and self.error <= MOST_CHARACTER_ERRORS
        return exact and coloured and regions and clean and read


def add_parser(names: Any) -> None:
    parser = names.add_parser(
        "pictures", help="the tools for pictures on sixty pictures of which all is known"
    )
    parser.add_argument("--ocr", choices=get_args(Engine), default="tesseract", help="who reads (tesseract)")
    parser.add_argument("--seed", type=int, default=0, help="of the pictures (0)")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    try:
        found = asyncio.run(looked_at(arguments.ocr, arguments.seed))
    except (ImportError, JudgeError) as error:
        print(f"this machine lacks what is needed: {error}", file=sys.stderr)
        return 2
    counts = found.counts
    print(f"{arguments.ocr}: character error rate {found.error:.2%}, worst picture {max(found.errors):.2%}")
    letters = sum(found.letters) / len(found.letters)
    print(f"{arguments.ocr}: {letters:.2%} where spaces do not count")
    print(f"crops: {counts['crops exact']} of {counts['crops']} exact to the pixel")
    print(f"colours: {counts['colours right']} of {counts['crops']} right")
    regions = [f"{counts[f'regions {what}']} {what}" for what in ("found", "missed", "false")]
    print(f"regions: {', '.join(regions)}; {counts['pairs told wrong']} pairs told wrong")
    print(machine())
    if arguments.json:
        print(
            json.dumps(
                {"ocr": arguments.ocr, "character_error_rate": found.error, "letters": letters, **counts}
            )
        )
    return 0 if found.holds else 1


async def looked_at(engine: Engine, seed: int) -> Found:
    """Look at all sixty. Raises JudgeError, ImportError."""
    sandbox = make_sandbox()
    try:
        counts = Counter[str]()
        errors, letters = await _texts(ReadImage(sandbox, engine=engine), seed)
        await _charts(sandbox, seed, counts)
        await _pairs(CompareImages(sandbox), seed, counts)
        return Found(errors, counts, letters)
    finally:
        if sandbox is not None:
            await sandbox.aclose()


async def _texts(tool: ReadImage, seed: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The error rates with spaces and without them."""
    from evals.drawn_pictures import character_error_rate, text_pictures

    errors, letters = list[float](), list[float]()
    for page in text_pictures(seed):
        result = await tool.run({"image": "page"}, _view({"page": page.image}), timeout_seconds=CALL_SECONDS)
        said = str(result.output.get("text", ""))
        errors.append(character_error_rate(said, page.text))
        letters.append(character_error_rate(said.replace(" ", ""), page.text.replace(" ", "")))
    return tuple(errors), tuple(letters)


async def _charts(sandbox: Sandbox | None, seed: int, counts: Counter[str]) -> None:
    from evals.drawn_pictures import chart_pictures

    crop, measure = CropImage(sandbox), MeasureImage(sandbox)
    for chart in chart_pictures(seed):
        view = _view({"chart": chart.image})
        for bar, colour in zip(chart.bars, chart.colours, strict=True):
            asked = {"image": "chart", "box": _thousandths(bar, chart.image.size)}
            counts["crops"] += 1
            cut = await crop.run(asked, view, timeout_seconds=CALL_SECONDS)
            counts["crops exact"] += _is_exact(cut, bar, chart.image)
            told = await measure.run(asked, view, timeout_seconds=CALL_SECONDS)
            counts["colours right"] += told.output.get("mean_colour") == colour
    await crop.aclose()


async def _pairs(tool: CompareImages, seed: int, counts: Counter[str]) -> None:
    from evals.drawn_pictures import pairs_of_pictures

    for pair in pairs_of_pictures(seed):
        view = _view({"a": pair.first, "b": pair.second})
        asked = {"first": "a", "second": "b", "tolerance": 0}
        told = (await tool.run(asked, view, timeout_seconds=CALL_SECONDS)).output
        found = {tuple(region["pixel_box"]) for region in told.get("regions", ())}
        planted = set(pair.boxes)
        counts["regions found"] += len(found & planted)
        counts["regions missed"] += len(planted - found)
        counts["regions false"] += len(found - planted)
        counts["pairs told wrong"] += told.get("identical") is not (not planted)


def _thousandths(bar: Box, size: tuple[int, int]) -> list[float]:
    """A box that touches exactly these pixels: each edge lies a quarter of a pixel inside."""
    inside = (0.25, 0.25, -0.25, -0.25)
    return [
        round(1000 * (edge + by) / side, 4)
        for edge, by, side in zip(bar, inside, (*size, *size), strict=True)
    ]


def _is_exact(cut: ToolResult, bar: Box, image: Image) -> bool:
    """Whether the crop's box is the bar's, and its pixels are those of the picture there."""
    from PIL import Image as Pillow

    if cut.status != "ok" or tuple(cut.output["pixel_box"]) != bar:
        return False
    shown = Pillow.open(io.BytesIO(base64.b64decode(cut.images[0].data)))
    return shown.tobytes() == image.crop(bar).tobytes()


def _view(images: dict[str, Image]) -> ToolView:
    listed = []
    for name, image in images.items():
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        listed.append({"name": name, "data": base64.b64encode(buffer.getvalue()).decode()})
    resources = Resources.model_validate({"images": listed})
    return ToolView(Task(prompt="Look."), Trajectory(), 0, resources, sees_images=True)

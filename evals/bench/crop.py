"""`bench tools --only crop`: a part cut out of a screenshot, through the tool and in Pillow itself.

All begin with the PNG and end with that of the part, another part each turn. The tool decodes in a box of its own for
each picture and keeps the last ones open there: `tool` cuts parts out of one picture, `first part` out of another
picture each turn, which is not open. Pillow decodes in this process each time. No result of equal calls is kept.
"""

from __future__ import annotations

import base64
import io
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from evals.bench.beside import TOOL, Call, Part, PartLacking
from judge_agent.schema import Resources, Task, Trajectory
from judge_agent.seams.tool import ToolView
from sandboxes import make_sandbox
from tools.crop_image import CropImage

SIZE = (640, 480)
PART_SIZE = (160, 120)
_BOXES = 40
_PICTURES = 10


@asynccontextmanager
async def _opened() -> AsyncIterator[Mapping[str, Call]]:
    pictures, sandbox = [_screenshot(number) for number in range(_PICTURES)], make_sandbox()
    if sandbox is None:
        raise PartLacking("there is no box here (judge-agent doctor)")
    corners = random.Random(7)  # noqa: S311 - places to measure with
    places = [(corners.randrange(0, 750), corners.randrange(0, 750)) for _ in range(_BOXES)]
    tool, views = CropImage(sandbox), [_view(content) for content in pictures]

    async def through(turn: int) -> None:
        await cut(turn, views[0])

    async def first_part(turn: int) -> None:
        await cut(turn, views[1 + turn % (_PICTURES - 1)])

    async def cut(turn: int, view: ToolView) -> None:
        left, top = places[turn % _BOXES]
        call = {"image": "page", "box": [left, top, left + 250, top + 250]}
        result = await tool.run(call, view, timeout_seconds=120)
        if result.status != "ok" or result.images[0].width not in (PART_SIZE[0], PART_SIZE[0] + 1):
            raise RuntimeError(f"the tool's crop ended with {result.status}: {result.output!r:.500}")

    async def in_pillow(turn: int) -> None:
        left, top = (part * side // 1000 for part, side in zip(places[turn % _BOXES], SIZE, strict=True))
        _cut(pictures[0], (left, top, left + PART_SIZE[0], top + PART_SIZE[1]))

    try:
        yield {TOOL: through, "first part": first_part, "pillow": in_pillow}
    finally:
        await tool.aclose()
        await sandbox.aclose()


PART = Part("crop", f"a quarter of each side of a screenshot of {SIZE[0]} x {SIZE[1]}", 10.0, _opened)


def _screenshot(number: int) -> bytes:
    """A page full of boxes in many colours, as a PNG, another for each number. Raises PartLacking."""
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise PartLacking("pip install 'judge-agent[tools]' -c constraints.txt") from error
    drawn, image = random.Random(number), Image.new("RGB", SIZE, "white")  # noqa: S311 - a picture to measure with
    draw = ImageDraw.Draw(image)
    for _ in range(300):
        left, top = drawn.randrange(SIZE[0]), drawn.randrange(SIZE[1])
        colour = (drawn.randrange(256), drawn.randrange(256), drawn.randrange(256))
        draw.rectangle((left, top, left + drawn.randrange(60), top + drawn.randrange(12)), fill=colour)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _cut(content: bytes, box: tuple[int, int, int, int]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.open(io.BytesIO(content)).crop(box).save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def _view(content: bytes) -> ToolView:
    """For a model that sees: nothing is described."""
    images = [{"name": "page", "data": base64.b64encode(content).decode()}]
    resources = Resources.model_validate({"images": images})
    return ToolView(Task(prompt="Measure."), Trajectory(), 0, resources, sees_images=True)

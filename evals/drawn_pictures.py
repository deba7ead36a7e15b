"""Sixty pictures made for the image tools, from a seed: text, charts, and pairs with small planted differences.

Of each is known what a tool has to find: the text, the box of a bar, the boxes of the differences. Needs Pillow and
the fonts that matplotlib brings.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

COUNT_OF_EACH = 20
_WORDS = [
    "total",
    "revenue",
    "of",
    "the",
    "northern",
    "region",
    "rose",
    "by",
    "seven",
    "percent",
    "while",
    "costs",
    "stayed",
    "level",
    "since",
    "spring",
    "report",
    "which",
    "lists",
    "every",
    "store",
    "with",
    "its",
    "manager",
    "and",
    "number",
    "orders",
    "that",
    "arrived",
    "late",
]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class TextPicture:
    name: str
    image: Image
    text: str


@dataclass(frozen=True)
class ChartPicture:
    """A bar chart; `bars` are the boxes of the bars in pixels, `colours` theirs, `labels` stand below them."""

    name: str
    image: Image
    bars: tuple[Box, ...]
    colours: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class PairOfPictures:
    """Two pictures that differ in `boxes` (pixels) and nowhere else; none: they are the same."""

    name: str
    first: Image
    second: Image
    boxes: tuple[Box, ...]


def text_pictures(seed: int = 0) -> Iterator[TextPicture]:
    """Four lines of text in 12 to 32 pixels, dark on light and light on dark."""
    from PIL import Image, ImageDraw

    for index in range(COUNT_OF_EACH):
        numbers = random.Random(f"text {seed} {index}")  # noqa: S311 - pictures are no secrets
        size = (12, 14, 18, 24, 32)[index % 5]
        ink, paper = (("black", "white"), ("#202040", "#f4f0e0"), ("white", "#203050"))[index % 3]
        lines = [_line(numbers) for _ in range(4)]
        image = Image.new("RGB", (40 + size * 22, 30 + int(size * 1.6) * 4), paper)
        for row, line in enumerate(lines):
            ImageDraw.Draw(image).text((20, 15 + row * int(size * 1.6)), line, fill=ink, font=_font(size))
        yield TextPicture(f"text-{index}", image, "\n".join(lines))


def chart_pictures(seed: int = 0) -> Iterator[ChartPicture]:
    """Bar charts with three to six bars of their own colours."""
    from PIL import Image, ImageDraw

    for index in range(COUNT_OF_EACH):
        numbers = random.Random(f"chart {seed} {index}")  # noqa: S311 - pictures are no secrets
        count = numbers.randint(3, 6)
        image = Image.new("RGB", (90 * count + 60, 320), "white")
        draw = ImageDraw.Draw(image)
        bars, colours, labels = list[Box](), list[str](), list[str]()
        for at in range(count):
            height = numbers.randint(20, 230)
            bar = (40 + 90 * at, 270 - height, 40 + 90 * at + 60, 270)
            colour = "#{:02x}{:02x}{:02x}".format(*(numbers.randrange(0, 200) for _ in range(3)))
            label = numbers.choice(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))
            draw.rectangle((bar[0], bar[1], bar[2] - 1, bar[3] - 1), fill=colour)
            draw.text((bar[0] + 8, 280), label, fill="black", font=_font(20))
            bars.append(bar)
            colours.append(colour)
            labels.append(label)
        yield ChartPicture(f"chart-{index}", image, tuple(bars), tuple(colours), tuple(labels))


def pairs_of_pictures(seed: int = 0) -> Iterator[PairOfPictures]:
    """A page twice; in the second up to three small rectangles are of another colour, far from each other."""
    from PIL import ImageDraw

    for index, page in enumerate(text_pictures(seed + 1)):
        numbers = random.Random(f"pair {seed} {index}")  # noqa: S311 - pictures are no secrets
        second, boxes = page.image.copy(), list[Box]()
        for part in range(index % 4):
            third = page.image.width // 3
            width, height = numbers.randint(1, 24), numbers.randint(1, 24)
            left = part * third + numbers.randint(20, third - 50)
            top = numbers.randint(5, page.image.height - 30)
            box = (left, top, left + width, top + height)
            ImageDraw.Draw(second).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill="#ff8000")
            boxes.append(box)
        yield PairOfPictures(f"pair-{index}", page.image, second, tuple(boxes))


def character_error_rate(said: str, wanted: str) -> float:
    """Edits (Levenshtein) from what was read to what stands there, over the length of the latter."""
    row = list(range(len(wanted) + 1))
    for number, letter in enumerate(said, start=1):
        before, row[0] = row[0], number
        for at, other in enumerate(wanted, start=1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (letter != other))
    return row[-1] / max(len(wanted), 1)


def _line(numbers: random.Random) -> str:
    words = [numbers.choice(_WORDS) for _ in range(3)]
    return " ".join((*words, str(numbers.randint(100, 9999))))


def _font(size: int) -> FreeTypeFont:
    from PIL import ImageFont

    with resources.as_file(resources.files("matplotlib") / "mpl-data/fonts/ttf/DejaVuSans.ttf") as place:
        return ImageFont.truetype(str(place), size)

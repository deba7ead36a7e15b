"""Keeps pictures open, each in a box of its own, so that another part of one costs no new box and no new decoding.

A picture that takes its decoder over can only lie about itself. What comes back is its claim, bounded and checked.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, NamedTuple

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import Box, BoxClosed, Program
from tools.images.arguments import PixelBox
from tools.images.box import BoxLimits, Picture, PictureBox, PictureRefused, answer_in, box_modules, why_ended
from tools.kept_open import KeptOpen

KEPT = 2
IDLE_SECONDS = 15.0
LIFE_SECONDS = 120.0
_MODULES = ("tools.images.in_box.cropping", "tools.images.in_box.pictures")


class Part(NamedTuple):
    """A part of a picture: its PNG (empty where it has more than the wanted bytes), and how many bytes it has."""

    content: bytes
    size: int


class _Gone(Exception):
    """The box of a picture that had been answering has ended; another one can be opened."""


class OpenPictures:
    """At most KEPT pictures stay open, each for IDLE_SECONDS after the last look at it."""

    def __init__(self, box: PictureBox, limits: BoxLimits) -> None:
        self._box, self._limits = box, limits
        self._kept = KeptOpen[_OpenPicture](most=KEPT, idle_seconds=IDLE_SECONDS)

    async def cut(self, picture: Picture, box: PixelBox, scale: int, *, most_bytes: int) -> Part:
        """A part of a picture as a PNG, each pixel `scale` times. Raises PictureRefused, ToolError, SandboxError."""
        key = f"{hashlib.sha256(picture.content).hexdigest()} {picture.width}x{picture.height}"
        job = {"image": picture.job("image"), "box": box, "scale": scale, "most_bytes": most_bytes}
        opens = partial(self._opened, picture)
        for _ in range(2):
            with suppress(_Gone):
                async with self._kept.lent(key, opens) as opened:
                    return await opened.cut(job)
        raise SandboxError("the box of a picture ended twice while a part was cut out of it")

    async def aclose(self) -> None:
        """Close all boxes. Repeated calls do nothing; a call after it starts anew."""
        await self._kept.aclose()

    @asynccontextmanager
    async def _opened(self, picture: Picture) -> AsyncIterator[_OpenPicture]:
        modules = {name: box_modules()[name] for name in _MODULES}
        source = "from tools.images.in_box.cropping import main"
        program = Program(source, modules, files={"image": picture.content}, warm="images")
        async with self._box.open(program, wall_seconds=LIFE_SECONDS) as box:
            yield _OpenPicture(box, self._limits)


class _OpenPicture:
    """One picture in its box. Concurrent jobs wait for each other."""

    def __init__(self, box: Box, limits: BoxLimits) -> None:
        self._box, self._limits = box, limits
        self._turn = asyncio.Lock()
        self._answers = 0

    async def cut(self, job: Mapping[str, Any]) -> Part:
        """Raises _Gone; PictureRefused for a picture that its decoder cannot bear."""
        async with self._turn:
            answer = await self._answered(json.dumps(job).encode())
        if "refused" in answer:
            raise PictureRefused(str(answer["refused"])[:300])
        try:
            return Part(base64.b64decode(answer["png"], validate=True), int(answer["done"]["bytes"]))
        except (KeyError, TypeError, ValueError) as error:
            raise PictureRefused("the picture made its decoder answer what is no part of it") from error

    async def _answered(self, job: bytes) -> Mapping[str, Any]:
        answered, seconds = False, 3 * self._limits.seconds
        try:
            await self._box.send(job)
            line = await self._box.receive(timeout_seconds=seconds)
            answered = True
        except TimeoutError as error:
            raise PictureRefused(f"decoding the picture took longer than {seconds:g} s") from error
        except BoxClosed as error:
            raise await self._ended() from error
        finally:
            if not answered:  # also where the asker was cancelled: the next one must not read its answer
                await self._box.stop()
        self._answers += 1
        return answer_in(line)

    async def _ended(self) -> Exception:
        """Only the first job of a box says something of the picture: a later one may have met the end of its life."""
        result = await self._box.stop()
        return _Gone() if self._answers or result.was_killed else why_ended(result, self._limits)

"""The host's side of the box in which pictures are decoded: one job, one process, a line of JSON and a few files back.

What comes back is a claim of a process that a hostile picture may have taken over: bounded, and read as data.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.metadata
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from judge_agent.errors import SandboxError, ToolError
from judge_agent.prompting.image_headers import header_of
from judge_agent.seams.sandbox import Box, BoxResult, Limits, Program, Sandbox, Warm

_MODULES = (
    "pictures",
    "cropping",
    "measuring",
    "similarity",
    "comparing",
    "reading",
    "rapid_reading",
    "drawing",
    "work",
)
_INSTALL = {
    "PIL": "pip install pillow",
    "numpy": "pip install numpy",
    "resvg_py": "pip install resvg-py",
    "matplotlib": "pip install matplotlib",
    "tesseract": "apt-get install tesseract-ocr",
    "rapidocr_onnxruntime": "pip install -e '.[rapidocr]' -c constraints.txt",
}
_PACKAGES = ("pillow", "numpy", "matplotlib", "contourpy", "resvg-py")
_MISSING = "the box lacks {name}: {mend}, or take boxes that hold it (judge-agent doctor)"


class PictureRefused(Exception):
    """A picture that cannot be worked on: past a limit, or broken. The message says what and which limit."""


@dataclass(frozen=True)
class BoxLimits:
    """What decoding may take. `pixels` bounds width times height before anything is decoded, `seconds` is of CPU.

    On the clock it may take three times as long: a busy machine must not make a picture one that cannot be read.
    """

    bytes: int = 20_000_000
    pixels: int = 25_000_000
    side: int = 30_000
    seconds: float = 10.0
    memory_bytes: int = 1_500_000_000
    answer_bytes: int = 400_000


class Picture(NamedTuple):
    """A picture as a job takes it: bytes, and the size that its header tells."""

    content: bytes
    width: int
    height: int

    def job(self, file: str) -> dict[str, Any]:
        return {"file": file, "size": [self.width, self.height]}


class Done(NamedTuple):
    """What a job told, and the files that it left, by name."""

    told: Mapping[str, Any]
    files: Mapping[str, bytes]


def picture_of(content: bytes, name: str, limits: BoxLimits) -> Picture:
    """Read a picture's header, and hold it to the limits. Raises PictureRefused."""
    if len(content) > limits.bytes:
        raise PictureRefused(f"image {name!r} has {len(content)} bytes; the limit is {limits.bytes}")
    header = header_of(content)
    if header is None or not header.width * header.height:
        raise PictureRefused(f"image {name!r} is no PNG, JPEG, GIF or WebP")
    width, height = header.width, header.height
    if width * height > limits.pixels:
        raise PictureRefused(
            f"image {name!r} has {width} x {height} = {width * height} pixels; the limit is {limits.pixels}"
        )
    if max(width, height) > limits.side:
        raise PictureRefused(
            f"image {name!r} has a side of {max(width, height)} pixels; the limit is {limits.side}"
        )
    return Picture(content, width, height)


class PictureBox:
    """Does jobs in boxes, at most `concurrent_runs` at a time, first come, first served."""

    def __init__(
        self, tool: str, sandbox: Sandbox | None, limits: BoxLimits, *, concurrent_runs: int = 2
    ) -> None:
        self._tool, self._sandbox, self._limits = tool, sandbox, limits
        self._slots = asyncio.Semaphore(concurrent_runs)
        box = f"{sandbox.name}-{sandbox.version}" if sandbox is not None else "no box"
        self.version = f"{box}/{_libraries()}/{limits.pixels // 1000}k pixels/{limits.seconds:g}s"

    async def do(
        self,
        job: Mapping[str, Any],
        files: Mapping[str, bytes],
        *,
        seed: int,
        collect: tuple[str, ...] = (),
        warm: Warm = "images",
    ) -> Done:
        """Do a job. Raises PictureRefused, ToolError, SandboxError."""
        program = Program(
            "from tools.images.in_box.work import main\nmain()",
            box_modules(),
            json.dumps(job).encode(),
            seed,
            files,
            collect,
            warm=warm,
        )
        result = await self.run(program)
        left = {one.name: one.content for one in result.artifacts if one.content is not None}
        return Done(_told(result, self._limits), left)

    async def run(self, program: Program) -> BoxResult:
        """Run a program, the judge's or the candidate's, in the caller's time. Raises ToolError, SandboxError."""
        async with self._slots:
            return await self.required().run(program, limits=self._ceilings())

    @asynccontextmanager
    async def open(self, program: Program, *, wall_seconds: float) -> AsyncIterator[Box]:
        """A program of the judge to talk to, for so long at most. Raises ToolError, SandboxError."""
        limits = replace(self._ceilings(), wall_seconds=wall_seconds)
        async with self.required().open(program, limits=limits) as box:
            yield box

    def required(self) -> Sandbox:
        """The sandbox. Raises ToolError where there is none."""
        if self._sandbox is None:
            raise ToolError(
                f"{self._tool} needs a box; JUDGE_SANDBOX names none that works here (judge-agent doctor)"
            )
        return self._sandbox

    def _ceilings(self) -> Limits:
        return Limits(
            wall_seconds=3 * self._limits.seconds,
            cpu_seconds=max(int(self._limits.seconds), 1),
            memory_bytes=self._limits.memory_bytes,
            disk_bytes=3 * self._limits.bytes,
            output_bytes=self._limits.answer_bytes,
            program_bytes=2 * self._limits.bytes + 2_000_000,
            artifact_bytes=self._limits.bytes,
        )


def digest_of(limits: object) -> str:
    """Changes with the ceilings of a tool: what it tells depends on them."""
    return hashlib.sha256(repr(limits).encode()).hexdigest()[:8]


@cache
def _libraries() -> str:
    """Changes with the versions of what boxes of pictures hold beside others."""
    known = []
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            known.append(f"{name} {importlib.metadata.version(name)}")
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:8]


@cache
def box_modules() -> dict[str, str]:
    """Sources of what runs inside the box, by module name."""
    folder = resources.files("tools.images.in_box")
    return {
        f"tools.images.in_box.{name}": folder.joinpath(f"{name}.py").read_text(encoding="utf-8")
        for name in _MODULES
    }


def _told(result: BoxResult, limits: BoxLimits) -> Mapping[str, Any]:
    """The answer of a job that ended. Raises PictureRefused for one that a picture broke; ToolError, SandboxError."""
    answer = answer_in(result.stdout)
    done = answer.get("done")
    if result.status == "ok" and isinstance(done, dict):
        return done
    if "missing" in answer:
        raise missing(str(answer["missing"]))
    if "refused" in answer:
        raise PictureRefused(str(answer["refused"])[:300])
    raise why_ended(result, limits)


def why_ended(result: BoxResult, limits: BoxLimits) -> Exception:
    """What the end of a box without an answer says of the picture, or of the box."""
    if result.was_killed:
        return SandboxError("the box of pictures was killed from outside")
    if result.limit == "output_bytes":
        return PictureRefused(f"what was found in the picture is longer than {limits.answer_bytes} bytes")
    if result.limit is not None:
        return PictureRefused(f"decoding the picture used up its {result.limit} ({_ceiling(result, limits)})")
    if b"ModuleNotFoundError: No module named 'PIL'" in result.stderr:
        return missing("PIL")
    return PictureRefused("the picture made its decoder end without an answer")


def missing(name: str) -> ToolError:
    """The error for a package that boxes lack, with what mends it."""
    top = name.split(".")[0][:40]
    return ToolError(_MISSING.format(name=top, mend=_INSTALL.get(top, f"pip install {top}")))


def _ceiling(result: BoxResult, limits: BoxLimits) -> str:
    if result.limit == "memory_bytes":
        return f"memory_bytes={limits.memory_bytes}"
    return f"seconds={limits.seconds:g}"


def answer_in(line: bytes) -> Mapping[str, Any]:
    """What a box said, as far as it is an object; empty otherwise."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}

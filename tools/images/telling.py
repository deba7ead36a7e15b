"""Results of the tools for pictures: what was found, and refusals that say which limit a picture broke."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.prompting.image_headers import header_of
from judge_agent.schema import Source
from judge_agent.seams.tool import Finding, ResultImage, ToolResult
from tools.images.box import PictureRefused

MAX_OUTPUT_CHARS = 7000


def refusal(why: PictureRefused) -> ToolResult:
    """A picture that is past a limit or broken says nothing, for or against."""
    return ToolResult("refused", {"refused": str(why)}, (Finding("none", "hint", None, str(why)[:300]),))


def informs(
    output: Mapping[str, Any],
    reason: str,
    *,
    source: Source = "tool",
    truncated: bool = False,
    images: Sequence[ResultImage] = (),
) -> ToolResult:
    """A result that bears on nothing by itself."""
    finding = Finding("none", "hint", None, reason)
    return ToolResult(
        "ok",
        dict(output),
        (finding,),
        source=source,
        truncated=truncated,
        checked={"images": 1},
        images=tuple(images),
    )


def shown_picture(content: bytes | None, name: str, *, max_bytes: int) -> ResultImage | None:
    """A PNG that a box left, as a picture of the result; None where there is none, or it is too large."""
    header = header_of(content) if content is not None else None
    if content is None or header is None or header.media_type != "image/png" or len(content) > max_bytes:
        return None
    return ResultImage(name, base64.b64encode(content).decode(), header.width, header.height)


def fitting(items: Sequence[Any], room: int) -> list[Any]:
    """The first of the items that come to at most so many characters of JSON."""
    kept, used = [], 0
    for item in items:
        used += len(json.dumps(item, ensure_ascii=False)) + 2
        if used > room:
            break
        kept.append(item)
    return kept

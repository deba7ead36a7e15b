"""Which pictures a request holds, by the names under which a tool may be asked for them.

`resources.images` by their names; those of the task and of the candidate as prompts name them (i1, i2, ...), artifacts
also by their own names. The target of a drawing is a reference: it is not among them. A picture that the candidate
alone gave is its claim; one that its tools returned is an observation.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import NamedTuple

from judge_agent.errors import ToolError
from judge_agent.image_resources import inline_bytes
from judge_agent.prompting.images import album, artifact_part, image_parts, is_image
from judge_agent.resources.checking import MAX_IMAGE_FILE_BYTES
from judge_agent.schema import ImageResource, Source
from judge_agent.seams.resources import ResourceFiles, ResourceMissing
from judge_agent.seams.tool import ToolView
from judge_agent.trajectory import Transcript, read
from tools.images.box import BoxLimits, Picture, picture_of

MAX_LISTED = 40
_RANKS: tuple[Source, ...] = ("claim", "observation", "tool")


class Named(NamedTuple):
    """A picture of the request: bytes, or the resource that they are read from. `source` is whose word it is."""

    name: str
    source: Source
    content: bytes | ImageResource


def has_pictures(view: ToolView) -> bool:
    """Whether there is anything to look at; nothing is decoded for it."""
    if _resources(view) or next(image_parts(view.task.messages), None) is not None:
        return True
    if any(artifact_part(artifact) is not None for artifact in view.trajectory.artifacts):
        return True
    return any(is_image(part) for turn in read(view.trajectory).turns for part in turn.parts)


class Catalogue:
    """The pictures of one view. Raises ValueError for names that there are not."""

    def __init__(self, known: Mapping[str, Named], files: ResourceFiles | None, tenant: str) -> None:
        self._known, self._files, self._tenant = known, files, tenant

    @classmethod
    async def of(cls, view: ToolView, files: ResourceFiles | None) -> Catalogue:
        """Read what the view holds; megabytes of base64 are read beside the loop."""
        return cls(await asyncio.to_thread(_known, view), files, view.tenant)

    @property
    def names(self) -> list[str]:
        return list(self._known)

    def source_of(self, name: str) -> Source:
        return self._found("image", name).source

    async def picture(self, argument: str, name: str, limits: BoxLimits) -> Picture:
        """A picture, held to the limits. Raises ValueError (argument), PictureRefused, ToolError, StoreError."""
        found = self._found(argument, name)
        if isinstance(found.content, bytes):
            return picture_of(found.content, name, limits)
        return picture_of(await resource_bytes(found.content, self._files, self._tenant), name, limits)

    def _found(self, argument: str, name: str) -> Named:
        if name not in self._known:
            listed = ", ".join(self.names[:MAX_LISTED]) or "none"
            raise ValueError(f"{argument}={name!r:.100} is no image of this request; there are: {listed}")
        return self._known[name]


async def resource_bytes(image: ImageResource, files: ResourceFiles | None, tenant: str) -> bytes:
    """The bytes of a picture of the request. Raises ToolError where it is gone; StoreError."""
    if image.data is not None:
        return await asyncio.to_thread(inline_bytes, image.data)
    if files is None:
        raise ToolError(f"image {image.name!r}: this judge has no store of files; give it inline")
    try:
        if image.blob is not None:
            return await files.read_blob(tenant, image.blob)
        assert image.root_name is not None
        return await files.read_root(image.root_name, max_bytes=MAX_IMAGE_FILE_BYTES)
    except (ResourceMissing, ValueError) as error:
        raise ToolError(f"image {image.name!r}: {error}") from error


def _resources(view: ToolView) -> list[ImageResource]:
    drawing = view.task.reference.drawing
    hidden = None if drawing is None else drawing.image
    return [image for image in view.resources.images if image.name != hidden]


def _known(view: ToolView) -> dict[str, Named]:
    known = {image.name: Named(image.name, "tool", image) for image in _resources(view)}
    transcript = read(view.trajectory)
    pictures = album(view.task, view.trajectory, seen=True)
    sources: dict[str, Source] = {}
    for (text, _), name in pictures.shown.items():
        sources[name] = max(sources.get(name, "claim"), _source(text, transcript), key=_RANKS.index)
    for name, image in pictures.images.items():
        known[name] = Named(name, sources[name], base64.b64decode(image.data))
    for index, artifact in enumerate(view.trajectory.artifacts):
        alias = pictures.shown.get((f"a{index}", 0))
        if alias is not None:
            known.setdefault(artifact.name, known[alias])
    return known


def _source(text: str, transcript: Transcript) -> Source:
    """Whose word a picture is that stands in a text: `t0` of the task, `m0` of a turn, `a0` of an artifact."""
    if text.startswith("t"):
        return "tool"
    if text.startswith("a"):
        return "claim"
    roles = {turn.span_id: turn.role for turn in transcript.turns}
    return "claim" if roles.get(text) == "assistant" else "observation"

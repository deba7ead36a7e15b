"""Pictures in what is judged: read from the request's own data, held to limits, and named where they stand.

An address is never fetched: what stands there may change, and a judge that calls out can be made to tell. A
picture is not decoded here; its header says what it is and how large, and the model's server does the rest.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from judge_agent.prompting.image_headers import header_of
from judge_agent.schema import Artifact, ContentPart, Message, Task, Trajectory
from judge_agent.seams.model import ChatMessage, Image
from judge_agent.trajectory import REASONING_PARTS, Transcript, Turn, read

MAX_IMAGES = 32  # of one candidate, the task's among them
MAX_IMAGE_BYTES = 5_000_000
MAX_IMAGE_PIXELS = 40_000_000
_DATA = "data:"
Place = tuple[str, int]


class TooLarge(ValueError):
    """A picture past a limit."""


class Unread(NamedTuple):
    """Why a picture is not shown."""

    reason: str


@dataclass(frozen=True)
class Album:
    """The pictures of one candidate: `images` by alias, in order, and what stands at each place of the texts.

    A place is the id of a text (`t0` of the task, `m0` of a turn, `a0` of an artifact) and the part's index. `seen`:
    the model takes pictures.
    """

    images: Mapping[str, Image] = field(default_factory=dict)
    marks: Mapping[Place, str] = field(default_factory=dict)
    shown: Mapping[Place, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    seen: bool = False

    def names(self, where: str) -> tuple[str, ...]:
        """The names of the pictures that are shown in one text; with `t` in all of the task's."""
        found = (
            name for (text, _), name in self.shown.items() if text == where or (where, text[0]) == ("t", "t")
        )
        return tuple(dict.fromkeys(found))

    def mark(self, where: str, index: int) -> str:
        return self.marks.get((where, index), "[image, not shown]")


def album(task: Task, trajectory: Trajectory, *, seen: bool, slot: str = "") -> Album:
    """Name the pictures i1, i2, ... in the order in which they stand; equal ones have one name.

    `seen` false: the model takes none, so none is read. Beside other candidates those of `slot` are named
    A.i1, but for the task's, which all share.
    """
    images: dict[str, Image] = {}
    names: dict[str, str] = {}
    marks: dict[Place, str] = {}
    shown: dict[Place, str] = {}
    reasons: dict[str, int] = {}
    for place, part in _places(task, trajectory, read(trajectory)):
        found = picture(part) if seen else Unread("not shown to the model")
        if isinstance(found, Unread):
            reasons[found.reason] = reasons.get(found.reason, 0) + 1
            marks[place] = f"[image, {found.reason}]"
            continue
        prefix = f"{slot}." if slot and not place[0].startswith("t") else ""
        name = names.setdefault(found.sha256, f"{prefix}i{len(names) + 1}")
        images[name] = found
        marks[place] = f"[image {name}]"
        shown[place] = name
    unread = tuple(f"images: {count} {reason}" for reason, count in sorted(reasons.items()))
    return Album(images, marks, shown, unread, seen)


def unseen(trajectory: Trajectory, transcript: Transcript, pictures: Album) -> str | None:
    """Say why nothing of what the agent gave can be judged: it is images alone, and none of them is shown."""
    own = [turn for turn in transcript.turns if turn.role == "assistant"]
    artifacts = {f"a{index}": item for index, item in enumerate(trajectory.artifacts)}
    images = {name for name, item in artifacts.items() if artifact_part(item)}
    images |= {turn.span_id for turn in own if turn.images}
    texts = [trajectory.final_answer or "", *(_words(turn) for turn in own)]
    texts += [item.content for name, item in artifacts.items() if name not in images]
    said = any(text.strip() for text in texts) or any(turn.calls for turn in own)
    if said or not images or any(where in images for where, _ in pictures.shown):
        return None
    return f"all that the candidate gave is images, and none can be shown ({'; '.join(pictures.unread)})"


def turn_unseen(turn: Turn, pictures: Album) -> bool:
    """Whether a turn is pictures alone, and none of them is shown."""
    return bool(turn.images) and not (_words(turn).strip() or turn.calls or pictures.names(turn.span_id))


def _words(turn: Turn) -> str:
    if not turn.parts:
        return turn.text
    return "\n".join(part.text or "" for part in turn.parts if part.type not in REASONING_PARTS)


def with_images(messages: Sequence[ChatMessage], images: Mapping[str, Image]) -> tuple[ChatMessage, ...]:
    """Put pictures beside the last user message, and say there in which order they come."""
    if not images:
        return tuple(messages)
    last = max(index for index, message in enumerate(messages) if message.role == "user")
    order = f"The images are attached in this order: {', '.join(images)}."
    shown = replace(
        messages[last],
        content=f"{messages[last].content}\n\n{order}",
        images=(*messages[last].images, *images.values()),
    )
    return (*messages[:last], shown, *messages[last + 1 :])


def check_images(parts: Iterable[tuple[str, ContentPart]]) -> tuple[str, str] | None:
    """Say which field breaks a limit, and how; None where all keep to them. `parts` are fields and what they hold."""
    count = 0
    for where, part in parts:
        try:
            found = picture(part)
        except TooLarge as error:
            return where, str(error)
        count += isinstance(found, Image)
        if count > MAX_IMAGES:
            return where, f"is image {count} of the candidate and its task; the limit is {MAX_IMAGES}"
    return None


def image_parts(messages: Sequence[Message]) -> Iterator[tuple[int, int, ContentPart]]:
    """The pictures in messages, with the indices of message and part."""
    for at, message in enumerate(messages):
        if isinstance(message.content, tuple):
            for index, part in enumerate(message.content):
                if is_image(part):
                    yield at, index, part


def is_image(part: ContentPart) -> bool:
    return "image" in part.type and part.type not in REASONING_PARTS


def artifact_part(artifact: Artifact) -> ContentPart | None:
    """An artifact as a picture; None for one that is none."""
    if artifact.kind in ("image", "file") and artifact.content[:11].lower() == "data:image/":
        return ContentPart.model_validate({"type": "image_url", "image_url": artifact.content})
    if artifact.kind == "image":
        return ContentPart.model_validate({"type": "image_url"})
    return None


def picture(part: ContentPart) -> Image | Unread:
    """Read a picture out of OpenAI's, Anthropic's and MCP's forms. Raises TooLarge."""
    data = _data_of(part.model_extra or {})
    if isinstance(data, Unread):
        return data
    if len(data) * 3 // 4 > MAX_IMAGE_BYTES + 3:
        raise TooLarge(f"is an image of about {len(data) * 3 // 4} bytes; the limit is {MAX_IMAGE_BYTES}")
    try:
        content = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return Unread("not readable: no base64")
    if len(content) > MAX_IMAGE_BYTES:
        raise TooLarge(f"is an image of {len(content)} bytes; the limit is {MAX_IMAGE_BYTES}")
    header = header_of(content)
    if header is None or not header.width * header.height:
        return Unread("not readable: no PNG, JPEG, GIF or WebP")
    if header.width * header.height > MAX_IMAGE_PIXELS:
        raise TooLarge(
            f"is an image of {header.width} x {header.height} pixels; the limit is {MAX_IMAGE_PIXELS} in all"
        )
    return Image.of(content, header.media_type)


def _places(
    task: Task, trajectory: Trajectory, transcript: Transcript
) -> Iterator[tuple[Place, ContentPart]]:
    for at, index, part in image_parts(task.messages):
        yield (f"t{at}", index), part
    for turn in transcript.turns:
        for index, part in enumerate(turn.parts):
            if is_image(part):
                yield (turn.span_id, index), part
    for index, artifact in enumerate(trajectory.artifacts):
        if (found := artifact_part(artifact)) is not None:
            yield (f"a{index}", 0), found


def _data_of(fields: Mapping[str, Any]) -> str | Unread:
    """The base64 text of a picture, or why there is none.

    Forms: `image_url` as text or `{"url"}`, `image`, `url`; `source` of base64; `data` beside `mimeType`.
    """
    source = fields.get("source")
    inner: Mapping[str, Any] = source if isinstance(source, Mapping) else fields
    for name in ("image_url", "url", "image", "data"):
        value = inner.get(name)
        value = value.get("url") if isinstance(value, Mapping) else value
        if not isinstance(value, str) or not value:
            continue
        if value[:5].lower() == _DATA:
            head, comma, data = value.partition(",")
            return data if comma and head.lower().endswith(";base64") else Unread("not readable: no base64")
        return value if name == "data" else Unread("given by address, which is not fetched")
    return Unread("not readable: no data")

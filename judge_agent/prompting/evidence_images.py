"""Pictures that tools made (crops, maps of differences): beside the evidence for a model that takes pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from judge_agent.prompting.fences import neutralise
from judge_agent.prompting.images import MAX_IMAGES, Album
from judge_agent.schema import Evidence
from judge_agent.seams.model import Image

MAX_NAME_CHARS = 80


class EvidenceAlbum(NamedTuple):
    """`images` by alias; `names` and `marks` for each item of evidence, in order; `unread` says what is not shown."""

    images: Mapping[str, Image]
    names: tuple[tuple[str, ...], ...]
    marks: tuple[tuple[str, ...], ...]
    unread: tuple[str, ...]


def evidence_album(evidence: Sequence[Evidence], pictures: Album, slot: str = "") -> EvidenceAlbum:
    """Name the pictures of the evidence e1.i1, e1.i2, ...; beside other candidates A.e1.i1.

    The candidate's own come first: together they are at most MAX_IMAGES.
    """
    free = MAX_IMAGES - len(pictures.images)
    images: dict[str, Image] = {}
    names, marks, left_out = [], [], 0
    for index, item in enumerate(evidence):
        own_names, own_marks = [], []
        for number, image in enumerate(item.images):
            what = neutralise(image.name)[:MAX_NAME_CHARS]
            if not pictures.seen or len(images) >= free:
                left_out += 1
                own_marks.append(f"[image of {what}, not shown to the model]")
                continue
            alias = f"{slot}.e{index + 1}.i{number + 1}" if slot else f"e{index + 1}.i{number + 1}"
            images[alias] = Image(image.media_type, image.sha256, image.data)
            own_names.append(alias)
            own_marks.append(f"[image {alias}: {what}]")
        names.append(tuple(own_names))
        marks.append(tuple(own_marks))
    unread = (f"evidence images: {left_out} not shown to the model",) if left_out else ()
    return EvidenceAlbum(images, tuple(names), tuple(marks), unread)


def noted(text: str, marks: Sequence[str]) -> str:
    """The text of an item of evidence, with what stands for its pictures."""
    return "\n".join((text, *marks))

"""Pictures that a request brings along for the tools, and what a candidate's code is to draw."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from judge_agent.schema.base import Envelope, Name, Number
from judge_agent.schema.files import check_source

MAX_IMAGE_RESOURCES = 32
MAX_IMAGE_CHARS = 7_000_000
_SOURCES = ("data", "blob", "root_name")
_ALIAS = re.compile(r"(?:[A-Za-z0-9]+\.)?(?:e\d+\.)?i\d+")
DrawingKind = Literal["html", "svg", "matplotlib"]


class ImageResource(Envelope):
    """One picture (PNG, JPEG, GIF, WebP) with exactly one source. It is decoded in a box only.

    `data` is base64 or a `data:` URL, `blob` the SHA-256 of a file uploaded by `POST /v1/blobs`, `root_name` the name
    of a file under the folder that the operator configured.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$")]
    data: Annotated[str, Field(min_length=1, max_length=MAX_IMAGE_CHARS)] | None = None
    blob: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    root_name: Annotated[str, Field(min_length=1, max_length=512)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> ImageResource:
        check_source(self, _SOURCES)
        if _ALIAS.fullmatch(self.name):
            raise ValueError(
                f"name: {self.name!r} is how the pictures of candidates are named; choose another"
            )
        return self


class Drawing(Envelope):
    """A picture that the candidate's code is to draw: `image` names one of `resources.images`.

    `kind` None: told from the code. A page (`html`) is shown at the target's size. From
    `min_similarity` (SSIM, 0 to 1) on the drawing is right; without it only one that equals the target pixel by pixel
    is, and everything between is for the model to judge.
    """

    image: Name
    kind: DrawingKind | None = None
    min_similarity: Annotated[Number, Field(gt=0, le=1)] | None = None

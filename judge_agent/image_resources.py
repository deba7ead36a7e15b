"""Pictures among a request's resources: what is given inline is read and held to limits before the request is accepted.

Nothing is decoded here: a header says what a picture is and how large.
"""

from __future__ import annotations

import base64
import binascii

from judge_agent.errors import InvalidRequest
from judge_agent.prompting.image_headers import header_of
from judge_agent.prompting.images import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS
from judge_agent.schema import ImageResource, JudgmentRequest


def inline_bytes(data: str) -> bytes:
    """The bytes of base64 or of a `data:` URL. Raises ValueError for what is neither, or too large."""
    if data[:5].lower() == "data:":
        head, comma, data = data.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise ValueError("is a data: URL without ';base64,'; addresses are not fetched")
    try:
        content = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"is no base64: {error}") from error
    if len(content) > MAX_IMAGE_BYTES:
        raise ValueError(
            f"is an image of {len(content)} bytes; the limit is {MAX_IMAGE_BYTES}; upload it by POST /v1/blobs"
        )
    return content


def check_image_resources(request: JudgmentRequest) -> None:
    """Raise InvalidRequest for an inline picture that is none, and for a drawing whose target is not there."""
    for index, image in enumerate(request.resources.images):
        if image.data is not None:
            try:
                _check_inline(image)
            except ValueError as error:
                raise InvalidRequest(f"resources.images.{index}.data", str(error)) from error
    drawing = request.task.reference.drawing
    names = [image.name for image in request.resources.images]
    if drawing is not None and drawing.image not in names:
        raise InvalidRequest("task.reference.drawing.image", f"{drawing.image!r} is none of {names}")


def _check_inline(image: ImageResource) -> None:
    assert image.data is not None
    header = header_of(inline_bytes(image.data))
    if header is None or not header.width * header.height:
        raise ValueError("is no PNG, JPEG, GIF or WebP")
    if header.width * header.height > MAX_IMAGE_PIXELS:
        raise ValueError(
            f"is an image of {header.width} x {header.height} pixels; the limit is {MAX_IMAGE_PIXELS} in all"
        )

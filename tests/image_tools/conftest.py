"""The tools with a real box, and pictures made on the spot."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import pytest

from judge_agent.schema import Reference, Resources, Task, Trajectory
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import ToolView
from tools.crop_image import CropImage, CropLimits

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: pip install pillow")


@pytest.fixture
def encoded():
    """A picture as base64 of a PNG."""

    def encode(image: Any, form: str = "PNG", **options: Any) -> str:
        buffer = io.BytesIO()
        image.save(buffer, form, **options)
        return base64.b64encode(buffer.getvalue()).decode()

    return encode


@pytest.fixture
def view(encoded):
    """A view with pictures by name (PIL images, or bytes) among its resources."""

    def make(
        images: dict[str, Any] | None = None,
        *,
        trajectory: dict[str, Any] | None = None,
        drawing: dict[str, Any] | None = None,
        sees_images: bool = False,
        messages: Sequence[dict[str, Any]] = (),
    ) -> ToolView:
        listed = [
            {
                "name": name,
                "data": base64.b64encode(one).decode() if isinstance(one, bytes) else encoded(one),
            }
            for name, one in (images or {}).items()
        ]
        return ToolView(
            Task(prompt="Look.", messages=messages, reference=Reference.model_validate({"drawing": drawing})),
            Trajectory.model_validate(trajectory or {}),
            0,
            Resources.model_validate({"images": listed}),
            sees_images=sees_images,
        )

    return make


@pytest.fixture
async def cropping(sandbox):
    """Makes the tool `crop_image`; each closes the pictures that it keeps open at the end."""
    made: list[CropImage] = []

    def make(box: Sandbox = sandbox, limits: CropLimits | None = None) -> CropImage:
        made.append(CropImage(box, limits=limits))
        return made[-1]

    yield make
    for tool in made:
        await tool.aclose()


@pytest.fixture
def pixels_of():
    """The pixels of a result's picture."""

    def decode(shown: Any) -> Any:
        return Image.open(io.BytesIO(base64.b64decode(shown.data)))

    return decode

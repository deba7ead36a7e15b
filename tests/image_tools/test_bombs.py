"""Pictures that are made to harm end as refusals that say which limit they broke; none takes the judge along."""

import pytest

from judge_agent.schema import ImageResource, Resources, Task, Trajectory
from judge_agent.seams.tool import ToolView
from tools.images.box import BoxLimits
from tools.measure_image import MeasureImage, MeasureLimits

bombs = pytest.importorskip("tests.image_tools.bombs", reason="Pillow is not installed: pip install pillow")
pytestmark = pytest.mark.anyio


class Uploads:
    """A store of files that holds one blob, whatever its hash."""

    def __init__(self, content):
        self._content = content

    async def blob_bytes(self, tenant, sha256):
        return len(self._content)

    async def read_blob(self, tenant, sha256):
        return self._content

    async def root_bytes(self, name):
        return len(self._content)

    async def read_root(self, name, *, max_bytes):
        return self._content


@pytest.fixture
def measured(sandbox):
    async def measure(content, limits=None):
        image = ImageResource(name="bomb", blob="0" * 64)
        view = ToolView(Task(prompt="Look."), Trajectory(), 0, Resources(images=(image,)))
        tool = MeasureImage(sandbox, Uploads(content), limits=MeasureLimits(limits or BoxLimits()))
        return await tool.run({"image": "bomb"}, view, timeout_seconds=120)

    return measure


@pytest.mark.parametrize("name", bombs.BOMBS)
async def test_a_bomb_is_refused_by_name_of_its_limit_or_looked_at_within_it(measured, name):
    content, words = bombs.BOMBS[name]
    result = await measured(content)
    if words is None:
        assert result.status == "ok"
    else:
        assert result.status == "refused"
        assert words in result.output["refused"]


NOISE = bombs.Image.effect_noise((1200, 1200), 90).convert("RGB")
TIGHT = [
    (BoxLimits(bytes=1000), "the limit is 1000"),
    (BoxLimits(pixels=1000), "the limit is 1000"),
    (BoxLimits(side=1000), "the limit is 1000"),
    (BoxLimits(memory_bytes=4_000_000), "memory_bytes=4000000"),
    (BoxLimits(answer_bytes=100), "longer than 100 bytes"),
]


@pytest.mark.parametrize(("limits", "words"), TIGHT, ids=[words for _, words in TIGHT])
async def test_each_limit_of_decoding_is_hit_by_name(measured, limits, words):
    result = await measured(bombs.saved(NOISE, "PNG"), limits)
    assert result.status == "refused"
    assert words in result.output["refused"]

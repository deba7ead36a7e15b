"""A picture that was cut before stays open in its box, until it is idle or its box has ended."""

import asyncio
from contextlib import asynccontextmanager

import numpy
import pytest
from PIL import Image

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import Program

pytestmark = pytest.mark.anyio
PLACES = [([0, 0, 500, 500], (0, 0, 106, 159)), ([500, 500, 1000, 1000], (105, 158, 211, 317))]


def noise(seed):
    return Image.fromarray(numpy.random.default_rng(seed).integers(0, 256, (317, 211, 3), dtype=numpy.uint8))


class WatchedBox:
    """A real box that says when it is asked something."""

    def __init__(self, box, asked):
        self._box, self._asked = box, asked
        self.receive, self.stop = box.receive, box.stop

    async def send(self, line):
        await self._box.send(line)
        self._asked.set()


class Watched:
    """A real sandbox that says which boxes were opened."""

    def __init__(self, sandbox):
        self._sandbox = sandbox
        self.name, self.version = sandbox.name, sandbox.version
        self.boxes = []
        self.asked = asyncio.Event()
        self.most_at_once = self._now = 0

    async def run(self, program: Program, *, limits):
        return await self._sandbox.run(program, limits=limits)

    @asynccontextmanager
    async def open(self, program: Program, *, limits):
        async with self._sandbox.open(program, limits=limits) as box:
            self.boxes.append(WatchedBox(box, self.asked))
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            try:
                yield self.boxes[-1]
            finally:
                self._now -= 1

    async def aclose(self):
        await self._sandbox.aclose()


@pytest.fixture
def watched(sandbox):
    return Watched(sandbox)


async def cut(tool, view, seed, place, pixels_of):
    box, (left, top, right, bottom) = PLACES[place]
    given = view({"noise": noise(seed)})
    result = await tool.run({"image": "noise", "box": box, "describe": "no"}, given, timeout_seconds=30)
    assert result.status == "ok", result.output
    wanted = numpy.asarray(noise(seed))[top:bottom, left:right]
    return numpy.array_equal(numpy.asarray(pixels_of(result.images[0])), wanted)


async def test_another_part_of_a_picture_takes_no_new_box(cropping, watched, view, pixels_of):
    tool = cropping(watched)
    assert [await cut(tool, view, 1, place, pixels_of) for place in (0, 1, 0)] == [True] * 3
    assert len(watched.boxes) == 1
    assert await cut(tool, view, 2, 0, pixels_of)
    assert len(watched.boxes) == 2


async def test_parts_that_are_cut_at_one_time_are_not_exchanged(cropping, watched, view, pixels_of):
    tool = cropping(watched)
    asked = [cut(tool, view, seed, place, pixels_of) for seed in (1, 2) for place in (0, 1, 0, 1)]
    assert await asyncio.gather(*asked) == [True] * 8
    assert len(watched.boxes) == 2


async def test_few_pictures_stay_open(cropping, watched, view, pixels_of):
    tool = cropping(watched)
    for seed in range(6):
        assert await cut(tool, view, seed, 0, pixels_of)
    assert len(watched.boxes) == 6
    assert watched.most_at_once <= 3  # two, and the one that is being closed
    await tool.aclose()
    assert watched._now == 0


async def test_a_picture_whose_box_has_ended_is_opened_again(cropping, watched, view, pixels_of):
    tool = cropping(watched)
    assert await cut(tool, view, 1, 0, pixels_of)
    await watched.boxes[0].stop()
    assert await cut(tool, view, 1, 1, pixels_of)
    assert len(watched.boxes) == 2


async def test_who_is_cancelled_leaves_its_part_to_nobody_else(cropping, watched, view, pixels_of):
    tool = cropping(watched)
    assert await cut(tool, view, 1, 0, pixels_of)
    watched.asked.clear()
    late = asyncio.create_task(cut(tool, view, 1, 0, pixels_of))
    await watched.asked.wait()
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    assert await cut(tool, view, 1, 1, pixels_of)


class Dying(Watched):
    """One whose boxes are gone as soon as they are open."""

    @asynccontextmanager
    async def open(self, program: Program, *, limits):
        async with super().open(
            Program("def main(channel):\n    import os\n    os.kill(os.getpid(), 9)"), limits=limits
        ) as box:
            yield box


async def test_a_box_that_is_killed_each_time_is_an_error_of_the_box_and_no_refusal(cropping, sandbox, view):
    tool, call = cropping(Dying(sandbox)), {"image": "noise", "box": [0, 0, 9, 9], "describe": "no"}
    with pytest.raises(SandboxError, match="ended twice"):
        await tool.run(call, view({"noise": noise(1)}), timeout_seconds=30)

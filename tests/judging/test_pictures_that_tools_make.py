"""A tool's pictures: beside the evidence for a model that takes pictures, in words and in the record for all."""

from __future__ import annotations

import base64
import hashlib
import struct

import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.models import ScriptedModel
from judge_agent.seams.tool import AskedTool, Finding, OpeningCall, ResultImage, ToolResult

pytestmark = pytest.mark.anyio
RULE = [{"name": "right", "description": "The picture shows a cat."}]
ONCE = {"granularity": ["outcome"], "principles": RULE, "text": "A cat."}


def png(width=1, height=1):
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height) + b"\x08\x02\0\0\0"


def shown(name="a crop", content=None, media_type="image/png"):
    data = base64.b64encode(png() if content is None else content).decode()
    return ResultImage(name, data, 1, 1, media_type)


class Cutter(AskedTool):
    """A tool that makes pictures without being asked, and remembers whether it was told of eyes."""

    name, version, description = "cut", "1", "Cuts."

    def __init__(self, *images):
        self.parameters = {}
        self._images = images
        self.seen = []

    def opening_calls(self, view):
        return (OpeningCall(),)

    def offered(self, view):
        return False

    async def run(self, arguments, view, *, timeout_seconds):
        self.seen.append(view.sees_images)
        finding = Finding("none", "hint", None, "a crop of the answer")
        return ToolResult("ok", {"size": [1, 1]}, (finding,), images=self._images)


def attached(bench):
    return [[image.sha256 for m in r.messages for image in m.images] for r in bench.model.requests]


async def test_a_model_with_eyes_sees_them_by_the_name_that_stands_in_the_evidence(bench):
    tool = Cutter(shown(), shown("a map", png(2)))
    judge = bench(ScriptedModel(images=True), tools=(tool,))
    await judge.judge(**ONCE)
    assert "[image e1.i1: a crop]" in judge.prompts[-1]
    assert "The images are attached in this order: e1.i1, e1.i2." in judge.prompts[-1]
    assert attached(judge)[-1] == [hashlib.sha256(png(width)).hexdigest() for width in (1, 2)]
    assert tool.seen == [True]


async def test_one_without_eyes_is_told_that_they_are_not_shown_and_so_is_the_record(bench):
    tool = Cutter(shown())
    judge = bench(ScriptedModel(), tools=(tool,))
    result = await judge.one(**ONCE)
    assert "[image of a crop, not shown to the model]" in judge.prompts[-1]
    assert attached(judge)[-1] == []
    assert "evidence images: 1 not shown to the model" in result.coverage.unread
    assert tool.seen == [False]


async def test_the_record_holds_the_pictures_themselves(bench):
    judgment = await bench(ScriptedModel(), tools=(Cutter(shown()),)).judge(**ONCE)
    (found,) = [item for item in judgment.evidence if item.tool == "cut"]
    (image,) = found.images
    assert base64.b64decode(image.data) == png()
    assert image.sha256 == hashlib.sha256(png()).hexdigest()


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ([shown()] * 9, "9 images"),
        ([shown(content=bytes(3_100_000))], "the limits are 8 and 4000000"),
        ([shown(media_type="image/tiff")], "'image/tiff'"),
        ([ResultImage("a crop", "no base64!", 1, 1)], "is no base64"),
    ],
    ids=["too many", "too large", "of another type", "no picture"],
)
async def test_pictures_that_no_record_can_hold_are_the_tools_failure(bench, images, words):
    result = await bench(ScriptedModel(), tools=(Cutter(*images),)).one(**ONCE)
    assert words in result.flags["tool_unavailable"]["cut"]


def image(**source):
    return {"resources": {"images": [{"name": "target", **source}]}, **ONCE}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (image(data="no base64!"), "resources.images.0.data"),
        (image(data=base64.b64encode(b"<html>").decode()), "resources.images.0.data"),
        (image(data="data:image/png,abc"), "resources.images.0.data"),
        (image(data=base64.b64encode(png(50_000, 50_000)).decode()), "resources.images.0.data"),
        (
            {
                **image(data=base64.b64encode(png()).decode()),
                "task": {"prompt": "Draw.", "reference": {"drawing": {"image": "other"}}},
            },
            "task.reference.drawing.image",
        ),
    ],
    ids=[
        "no base64",
        "no picture",
        "no base64 in its address",
        "too many pixels",
        "a target that is not there",
    ],
)
async def test_pictures_of_a_request_are_held_to_limits_before_it_is_accepted(bench, body, field):
    with pytest.raises(InvalidRequest) as caught:
        bench(ScriptedModel()).check(**body)
    assert caught.value.field == field

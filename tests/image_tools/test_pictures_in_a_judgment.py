"""Pictures through the service: a drawing that decides, and a crop that a model asks for, with eyes and without."""

import base64
import hashlib
import textwrap

import pytest
from PIL import Image

from judge_agent.judge import Judge
from judge_agent.models import ScriptedModel
from tests.service.served import serving
from tools.render_compare import RenderCompare

pytestmark = pytest.mark.anyio
SVG = (
    '```svg\n<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"><rect x="16" y="12" width="20" height="8" '
    'fill="{}"/></svg>\n```'
)
VERDICT = {"reason": "It was looked at.", "citations": [], "choice": "4"}


def wanted():
    image = Image.new("RGB", (64, 48), "white")
    image.paste("#ff0000", (16, 12, 36, 20))
    return image


def with_tools(*tools):
    """A judge that has these tools alone."""
    return lambda **given: Judge(**{**given, "tools": tools})


@pytest.mark.parametrize(
    "written",
    [
        lambda data: data,
        lambda data: f"data:image/png;base64,{data}",
        lambda data: "\n".join(textwrap.wrap(data, 76)),
        lambda data: f"data:image/png;base64,{' '.join(textwrap.wrap(data, 40))}\n",
    ],
    ids=["base64", "a data URL", "base64 in lines", "a data URL with spaces"],
)
async def test_a_drawing_is_rewarded_over_http_by_the_picture_that_came_with_it(sandbox, encoded, written):
    body = {
        "recipe": "verify",
        "task": {
            "prompt": "A red box.",
            "reference": {"drawing": {"image": "target", "min_similarity": 0.97}},
        },
        "resources": {"images": [{"name": "target", "data": written(encoded(wanted()))}]},
        "candidates": [
            {"id": name, "trajectory": {"text": text}}
            for name, text in (("red", SVG.format("#ff0000")), ("empty", SVG.format("white")))
        ],
    }
    async with serving(judge_type=with_tools(RenderCompare(sandbox))) as served:
        answer = await served.post(body)
        judgment = answer.json()
        assert (answer.status_code, judgment["state"]) == (200, "done")
        assert [one["reward"] for one in judgment["candidates"]] == [1.0, 0.0]
        assert [one["principles"][0]["decided_by"] for one in judgment["candidates"]] == ["evidence"] * 2
        drawn = judgment["evidence"][0]["images"][0]
        content = base64.b64decode(drawn["data"])
        assert (content[:4], hashlib.sha256(content).hexdigest()) == (b"\x89PNG", drawn["sha256"])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("data:image/png;base64,!!!", "base64"),
        (base64.b64encode(b"GIF89a").decode(), "PNG"),
        (base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode(), "PNG"),
    ],
    ids=["no base64", "a head alone", "an svg"],
)
async def test_a_picture_that_is_none_is_refused_over_http_by_its_field(sandbox, data, words):
    body = {
        "recipe": "verify",
        "task": {"prompt": "A red box.", "reference": {"drawing": {"image": "target"}}},
        "resources": {"images": [{"name": "target", "data": data}]},
        "candidates": [{"id": "a", "trajectory": {"text": "Nothing."}}],
    }
    async with serving(judge_type=with_tools(RenderCompare(sandbox))) as served:
        answer = await served.post(body)
        assert answer.status_code == 422
        assert "resources.images.0.data" in answer.text
        assert words in answer.text


def asks_once(request):
    """Asks for one crop, then judges."""
    if "you may check facts" in request.text:
        if "pixel_box" in request.text:
            return {"thought": "Enough.", "call": None}
        call = {"tool": "crop_image", "arguments": {"image": "page", "box": [250, 250, 500, 500]}}
        return {"thought": "Look closer.", "call": call}
    return VERDICT


@pytest.mark.parametrize("eyes", [True, False], ids=["with eyes", "without"])
async def test_a_crop_that_a_model_asks_for_is_shown_to_one_with_eyes_and_described_to_one_without(
    cropping, encoded, eyes
):
    model = ScriptedModel(otherwise=asks_once, images=eyes, tools=False)
    body = {
        "task": {"prompt": "Is there a red box?"},
        "resources": {"images": [{"name": "page", "data": encoded(wanted())}]},
        "candidates": [{"id": "a", "trajectory": {"text": "Yes, there is a red box."}}],
        "principles": [{"name": "right", "description": "The answer is right."}],
        "granularity": ["outcome"],
    }
    async with serving(model=model, judge_type=with_tools(cropping())) as served:
        judgment = (await served.post(body)).json()
    (found,) = [one for one in judgment["evidence"] if one["tool"] == "crop_image"]
    assert (found["status"], found["output"]["pixel_box"]) == ("ok", [16, 12, 32, 24])
    shown = [image.sha256 for one in model.requests for message in one.messages for image in message.images]
    assert (found["images"][0]["sha256"] in shown) is eyes
    assert ("measures" in found["output"]) is not eyes
    assert judgment["candidates"][0]["status"] == "scored"

"""ARM-Thinker (2512.05111): think, act, verify; pairs, with calls in `<tool_call>` until an answer that makes none."""

from __future__ import annotations

import base64
import io
import json

import pytest
from PIL import Image

from tools.check_text import CheckText
from tools.crop_image import CropImage

pytestmark = pytest.mark.anyio
RECIPE = "arm-thinker"
ANSWERS = {"a": "Seas rise. Seas fall.", "b": "The sea rises and falls, as it always did."}
TASK = {"prompt": "Write exactly two sentences."}
WON = "<answer>Overall Judgment: Response {} is better.</answer>"


def call(name, arguments, **more):
    said = json.dumps({"name": name, "arguments": arguments, **more})
    return f"<think>I have to look.</think>It must be looked at.\n<tool_call>{said}</tool_call>"


def counting(request):
    """A judge that has the sentences of response 2 counted, and prefers it where the tool says that there are two."""
    if "<tool_response>\n" not in request.text:
        check = {"check": "sentences", "exactly": 2}
        return call("check_text", {"checks": [check]}, response="2") + "<tool_response>true</tool_response>"
    says_two = '"outcome": "pass"' in request.text.rpartition("<tool_response>")[2]
    return WON.format(2 if says_two else 1)


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel(WON.format(1))
    await bench.judge(RECIPE, ANSWERS, task={**TASK, "reference": {"answer": "the gold is two"}})
    reads.says_what_it_must(bench.prompts, prompt)
    assert "the gold is two" not in "".join(bench.prompts)


async def test_an_answer_is_read_or_refused_as_the_table_says(panel, reads, case):
    judgment = await panel(case["output"]).judge(RECIPE, ANSWERS)
    assert reads.places(judgment) == {case.get("choice") or case["failure_kind"]}
    if "failure_kind" in case:
        assert {c.reward for c in judgment.candidates} == {None}


async def test_the_verdict_follows_what_the_call_about_one_response_found(panel, reads, sandbox):
    """The defining step: act and verify. Whichever of the two stands second is looked at, and only it."""
    bench = panel(counting, judge_tools=[CheckText(sandbox)])
    judgment = await bench.judge(RECIPE, ANSWERS, task=TASK)
    assert reads.rewards(judgment) == {"a": 1.0, "b": 0.0}
    assert judgment.preference.consistent is True
    assert {item.candidate_ids for item in judgment.evidence} == {("a",), ("b",)}
    assert {item.tool for item in judgment.evidence} == {"check_text"}
    assert "check_text" in bench.prompts[0]


async def test_a_crop_is_shown_to_a_judge_that_sees_pictures(panel, sandbox):
    picture = Image.new("RGB", (64, 48), "white")
    picture.paste("#ff0000", (0, 0, 32, 48))
    held = io.BytesIO()
    picture.save(held, "PNG")
    data = base64.b64encode(held.getvalue()).decode()

    def looks(request):
        if "<tool_response>\n" not in request.text:
            return call("crop_image", {"image": "photo", "box": [0, 0, 500, 1000]})
        return WON.format(1)

    bench = panel(looks, judge_tools=[CropImage(sandbox)], images=True)
    resources = {"images": [{"name": "photo", "data": data}]}
    judgment = await bench.judge(
        RECIPE, ANSWERS, task={"prompt": "What is on the left of the photo?"}, resources=resources
    )
    shown = [
        request.messages[-1].images for request in bench.model.requests if "tool_response>\n" in request.text
    ]
    assert len(shown) == 2
    for (image,) in shown:
        with Image.open(io.BytesIO(base64.b64decode(image.data))) as crop:
            assert crop.size == (32, 48)
            assert crop.convert("RGB").getpixel((5, 5)) == (255, 0, 0)
    assert judgment.usage.tool_calls == 2


async def test_a_call_that_is_not_possible_is_told_so_and_the_answer_goes_on(panel, reads, sandbox):
    def clumsy(request):
        if "was not possible" not in request.text:
            return call("guess", {})
        return WON.format(1 if request.text.index("Seas rise") < request.text.index("The sea rises") else 2)

    bench = panel(clumsy, judge_tools=[CheckText(sandbox)])
    judgment = await bench.judge(RECIPE, ANSWERS, task=TASK)
    assert reads.rewards(judgment) == {"a": 1.0, "b": 0.0}
    assert any(c.flags.get("bad_tool_calls", {}).get("count") for c in judgment.candidates)
    assert "'guess' is not one of" in bench.prompts[-1]


async def test_a_call_beside_the_verdict_is_no_verdict(panel, sandbox):
    """The last turn is free of calls; here it never is, and what stands behind each call was made up."""

    def both(request):
        check = {"check": "words", "exactly": len(request.messages)}
        return call("check_text", {"checks": [check]}) + WON.format(1)

    judgment = await panel(both, judge_tools=[CheckText(sandbox)]).judge(RECIPE, ANSWERS, task=TASK)
    assert {c.failure_kind for c in judgment.candidates} == {"model_unparseable"}
    assert {c.reward for c in judgment.candidates} == {None}

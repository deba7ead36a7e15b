"""Recipe bi-prm: each step by what led to it and by what came of it, apart; both are told, and their mean counts."""

from __future__ import annotations

import base64
import struct
from typing import ClassVar

import pytest

from judge_agent.seams.tool import AskedTool, Finding, OpeningCall, ResultImage, ToolResult

pytestmark = pytest.mark.anyio
BRIEF = {"name": "brief", "description": "The work is brief."}
CALL = {"id": "c1", "function": {"name": "open_file", "arguments": '{"path": "notes.txt"}'}}
WORK = {
    "messages": [
        {"role": "assistant", "content": "The key is in notes.txt."},
        {"role": "assistant", "content": "I open it.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "no such file"},
        {"role": "assistant", "content": "It was in keys.txt."},
    ]
}
ONE = {"messages": WORK["messages"][:1]}


def is_forward(prompt):
    return "the work up to this step and nothing after it" in prompt


def labels(forward, backward):
    """A model that labels each step by the direction in which it sees it."""

    def answer(request):
        (alias,) = request.schema["required"]
        label = (forward if is_forward(request.text) else backward).get(alias, "good")
        return {alias: {"reason": "By what is seen from here.", "label": label}}

    return answer


def of_step(bench, alias):
    found = [prompt for prompt in bench.prompts if f"Judge one step: {alias}." in prompt]
    (forward,) = [prompt for prompt in found if is_forward(prompt)]
    (backward,) = [prompt for prompt in found if not is_forward(prompt)]
    return forward, backward


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel()
    await bench.judge("bi-prm", {"a": WORK}, principles=[BRIEF])
    reads.says_what_it_must(bench.prompts, prompt)


@pytest.mark.parametrize("side", ["forward", "backward"])
async def test_what_the_model_answers_is_read_as_the_table_says(panel, case, side):
    def answers(request):
        own = is_forward(request.text) == (side == "forward")
        return case["text"] if own else labels({}, {})(request)

    (result,) = (await panel(answers).judge("bi-prm", {"a": ONE})).candidates
    (step,) = result.steps
    if "failure_kind" in case:
        assert (step.label, result.reward, result.failure_kind) == ("unjudged", None, case["failure_kind"])
        assert side in step.reason
        return
    assert step.scores[side] == case["score"]
    assert step.score == result.reward == (case["score"] + 1.0) / 2


async def test_left_to_right_shows_nothing_that_came_after_the_step(panel):
    bench = panel(labels({}, {}))
    await bench.judge("bi-prm", {"a": WORK})
    forward, _ = of_step(bench, "s2")
    assert "The key is in notes.txt." in forward
    assert "I open it." in forward
    assert "no such file" not in forward
    assert "It was in keys.txt." not in forward


class Opener(AskedTool):
    """Looks at the whole work without being asked, and shows a picture of what it found."""

    name, version, description = "open_it", "1", "Opens it."
    parameters: ClassVar[dict[str, object]] = {}

    def opening_calls(self, view):
        return (OpeningCall(),)

    def offered(self, view):
        return False

    async def run(self, arguments, view, *, timeout_seconds):
        png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 1, 1) + b"\x08\x02\0\0\0"
        picture = ResultImage("the folder", base64.b64encode(png).decode(), 1, 1)
        finding = Finding("none", "hint", None, "what lies in the folder")
        return ToolResult("ok", "only keys.txt lies there", (finding,), images=(picture,))


async def test_what_tools_found_of_the_whole_is_shown_from_the_right_alone(panel):
    bench = panel(labels({}, {}), judge_tools=(Opener(),), images=True)
    await bench.judge("bi-prm", {"a": WORK})
    forward, backward = of_step(bench, "s2")
    assert "only keys.txt lies there" in backward
    assert "only keys.txt lies there" not in forward
    pictures = {
        is_forward(r.text): [image for m in r.messages for image in m.images] for r in bench.model.requests
    }
    assert (len(pictures[False]), pictures[True]) == (1, [])


async def test_right_to_left_shows_the_latest_first_and_nothing_from_before_the_step(panel, reads):
    bench = panel(labels({}, {}))
    await bench.judge("bi-prm", {"a": WORK})
    _, backward = of_step(bench, "s2")
    assert "The key is in notes.txt." not in backward
    words = ("I open it.", "It was in keys.txt.", "no such file")
    assert reads.order_in(backward, *words) == ("It was in keys.txt.", "no such file", "I open it.")


async def test_later_steps_are_witnesses_for_an_earlier_one(panel):
    """The defining step: the second direction. Read from the left alone, the step that was mistaken is good."""

    def witness(request):
        (alias,) = request.schema["required"]
        mistaken = alias == "s1" and "no such file" in request.text
        return {alias: {"reason": "The file is not there." if mistaken else "It is plausible.",
                        "label": "bad" if mistaken else "good"}}  # fmt: skip

    (result,) = (await panel(witness).judge("bi-prm", {"a": WORK})).candidates
    first = result.steps[0]
    assert first.scores == {"forward": 1.0, "backward": 0.0}
    assert (first.score, first.label) == (0.5, "neutral")
    assert first.reason == "forward: It is plausible.; backward: The file is not there."
    assert result.reward == pytest.approx((0.5 + 1.0 + 1.0) / 3)


@pytest.mark.parametrize(
    ("forward", "backward", "score", "label"),
    [
        ("good", "good", 1.0, "good"),
        ("good", "neutral", 0.75, "good"),
        ("neutral", "neutral", 0.5, "neutral"),
        ("bad", "good", 0.5, "neutral"),
        ("neutral", "bad", 0.25, "bad"),
        ("bad", "bad", 0.0, "bad"),
    ],
)
async def test_both_directions_are_combined_by_their_mean(panel, forward, backward, score, label):
    bench = panel(labels({"s1": forward}, {"s1": backward}))
    (step,) = (await bench.judge("bi-prm", {"a": ONE})).candidates[0].steps
    assert (step.score, step.label) == (score, label)
    assert step.first_error == (label == "bad")


async def test_each_step_is_asked_about_once_in_each_direction(panel):
    bench = panel(labels({}, {}))
    await bench.judge("bi-prm", {"a": WORK})
    assert len(bench.prompts) == 2 * 3


async def test_a_side_that_does_not_fit_is_shown_by_what_is_nearest_to_the_step(panel):
    """And nothing of the other side comes in with it."""
    filler = [f"Turn {at} is about {'rain and wind, ' * 60}as ever." for at in range(40)]
    messages = [{"role": "assistant", "content": text} for text in filler]
    bench = panel(labels({}, {}), context_window=6000)
    (result,) = (await bench.judge("bi-prm", {"a": {"messages": messages}})).candidates
    assert {step.label for step in result.steps} == {"good"}
    forward, backward = of_step(bench, "s20")
    assert "Turn 18 is" in forward
    assert "Turn 20 is" not in forward
    assert "Turn 0 is" not in forward
    assert "Turn 20 is" in backward
    assert "Turn 18 is" not in backward
    assert any(line.startswith("forward for steps s40") for line in result.coverage.unread)

"""Recipe edit: source, instruction, edited picture; P(yes) of each principle, the mean of four looks."""

from __future__ import annotations

import base64
import struct
from typing import Any, ClassVar

import pytest

from judge_agent.models.scripted import of_tokens
from judge_agent.seams.model import Choice
from judge_agent.seams.tool import AskedTool, ToolResult

pytestmark = pytest.mark.anyio
HAT = {"name": "hat", "description": "The cat wears a hat."}
SAME = {"name": "rest", "description": "The room is as it was."}
LOOK = "The cat has something on its head; the room is the same."


def png(width):
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, 1) + b"\x08\x02\0\0\0"


def url(width):
    return f"data:image/png;base64,{base64.b64encode(png(width)).decode()}"


def said(role, text, width=None, address=None):
    address = address or (url(width) if width else None)
    pictures = [{"type": "image_url", "image_url": {"url": address}}] if address else []
    return {"role": role, "content": [{"type": "text", "text": text}, *pictures]}


TASK = {"messages": [said("user", "Give the cat a hat.", 1)]}
EDITED = {"messages": [said("assistant", "Here it is.", 2)]}


def says(tokens=None, reasons=LOOK, text=None, cut=False):
    def answer(request):
        if "Ask for one tool call" in request.text:
            return {"reason": "The pictures can be seen.", "action": "done", "tool": "done"}
        if not request.logprobs:
            return Choice(reasons, "length" if cut else "stop")
        return of_tokens(tokens) if text is None else text

    return answer


async def judged(panel, answer, edited=EDITED, task=TASK, images=True, **body):
    bench = panel(answer, images=images)
    body = {"principles": [HAT], **body}
    return bench, (await bench.judge("edit", {"a": edited}, task=task, **body)).candidates[0]


def widths(request):
    """The widths of the pictures that a prompt shows, in their order."""
    return [
        struct.unpack(">I", base64.b64decode(image.data)[16:20])[0]
        for message in request.messages
        for image in message.images
    ]


class Compare(AskedTool):
    name, version, description = "compare_images", "1", "Compares pictures."
    parameters: ClassVar[dict[str, Any]] = {"type": "object", "properties": {}, "additionalProperties": False}

    async def run(self, arguments, view, *, timeout_seconds):
        return ToolResult("ok", "nothing")


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel(says({"Yes": 1.0}), images=True, judge_tools=[Compare()])
    await bench.judge("edit", {"a": EDITED}, task=TASK, principles=[HAT])
    reads.says_what_it_must(bench.prompts, prompt)


async def test_what_the_model_answers_is_read_as_the_table_says(panel, case):
    answer = says(case.get("tokens"), case.get("reasons", LOOK), case.get("text"), case.get("cut", False))
    _, result = await judged(panel, answer)
    (found,) = result.principles
    if "failure_kind" in case:
        assert (found.valid, found.score, found.failure_kind) == (False, None, case["failure_kind"])
        return
    assert found.score == pytest.approx(case["score"])
    assert found.choice == case["choice"]


async def test_every_question_shows_the_source_and_then_the_edited_picture(panel):
    bench, _ = await judged(panel, says({"Yes": 1.0}))
    assert [widths(request) for request in bench.model.requests] == [[1, 2]] * 8


async def test_four_looks_are_taken_and_the_score_is_their_mean(panel):
    """The defining step: the mean of k probabilities. One look would give the first of them."""
    shares = iter([0.9, 0.7, 0.5, 0.1])

    def answer(request):
        if not request.logprobs:
            return LOOK
        share = next(shares)
        return of_tokens({"Yes": share, "No": 1 - share})

    bench, result = await judged(panel, answer)
    assert result.principles[0].score == pytest.approx(0.55)
    assert len(result.principles[0].samples) == 4
    assert all(request.temperature > 0 for request in bench.model.requests if not request.logprobs)


async def test_each_principle_is_checked_by_itself_against_the_edited_picture(panel):
    def answer(request):
        if not request.logprobs:
            return LOOK
        return of_tokens(
            {"Yes": 0.9, "No": 0.1} if "wears a hat" in request.text else {"No": 0.8, "Yes": 0.2}
        )

    _, result = await judged(panel, answer, principles=[HAT, SAME])
    assert {one.name: one.score for one in result.principles} == pytest.approx({"hat": 0.9, "rest": 0.2})
    assert result.reward == pytest.approx(0.55)


async def test_the_verdict_hangs_on_the_picture_that_the_agent_made(panel):
    def answer(request):
        if not request.logprobs:
            return LOOK
        return of_tokens({"Yes": 1.0} if widths(request)[-1] == 2 else {"No": 1.0})

    _, result = await judged(panel, answer)
    assert result.reward == 1.0
    _, result = await judged(panel, answer, edited={"messages": [said("assistant", "Here it is.", 3)]})
    assert result.reward == 0.0


@pytest.mark.parametrize(
    "edited",
    [
        {"messages": [said("assistant", "Here it is.", 2)]},
        {
            "artifacts": [{"name": "cat.png", "kind": "image", "content": url(2)}],
            "final_answer": "Here it is.",
        },
        {"messages": [said("user", "Give the cat a hat.", 1), said("assistant", "", 2)]},
    ],
    ids=["in a turn", "an artifact", "behind the task's own turn"],
)
async def test_the_edited_picture_may_stand_wherever_an_agent_gives_one(panel, edited):
    bench, result = await judged(panel, says({"Yes": 1.0}), edited)
    assert result.reward == 1.0
    assert widths(bench.model.requests[0]) == [1, 2]


BROKEN = "data:image/png;base64,AAAA"


@pytest.mark.parametrize(
    ("edited", "task", "images", "kind", "reason"),
    [
        (EDITED, TASK, False, "tool_unavailable", "not shown the pictures"),
        (
            {"messages": [said("assistant", "I gave it a hat.")]},
            TASK,
            True,
            "no_evidence",
            "no edited picture",
        ),
        (EDITED, {"prompt": "Give the cat a hat."}, True, "no_evidence", "no source picture"),
        (
            {"messages": [said("assistant", "Here.", address=BROKEN)]},
            TASK,
            True,
            "tool_unavailable",
            "not shown",
        ),
    ],
    ids=["a model that takes none", "none was made", "no source", "unreadable"],
)
async def test_without_both_pictures_there_is_no_verdict_and_nobody_is_asked(
    panel, edited, task, images, kind, reason
):
    bench, result = await judged(panel, says({"Yes": 1.0}), edited, task, images)
    assert (result.status, result.reward, result.failure_kind) == ("unscored", None, kind)
    assert reason in result.failure_reason
    assert bench.prompts == []


async def test_without_principles_of_the_caller_the_recipe_s_own_are_three_dimensions(panel):
    _, result = await judged(panel, says({"Yes": 0.75, "No": 0.25}), principles=None)
    assert result.vector == pytest.approx({"instruction": 0.75, "preservation": 0.75, "quality": 0.75})

"""Recipe default: what its recorded prompts say, and that a model which knows nothing else is read by them rightly."""

from __future__ import annotations

import json
import re

import pytest

from judge_agent.seams.tool import AskedTool, Finding, OpeningCall, ToolResult

pytestmark = pytest.mark.anyio
TASK = {"prompt": "Explain why there are tides.", "reference": {"answer": "gravitation of both"}}
TURNS = {
    "messages": [
        {"role": "user", "content": "Explain why there are tides."},
        {
            "role": "assistant",
            "content": "I think about the moon.",
            "tool_calls": [{"id": "1", "function": {"name": "look_up", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "The moon goes round the earth."},
        {"role": "assistant", "content": "The moon pulls the water."},
    ]
}


class Calendar(AskedTool):
    name, version, description = "calendar", "1", "Says which day of the week a date is."

    def __init__(self):
        self.parameters = {"type": "object", "properties": {}, "additionalProperties": False}

    async def run(self, arguments, view, *, timeout_seconds):
        return ToolResult("ok", "Friday")


class Doubt(AskedTool):
    """Speaks strongly against whatever principle is tied to it."""

    name, version, description = "doubt", "1", "Doubts."

    def __init__(self):
        self.parameters = {}

    def opening_calls(self, view):
        return [OpeningCall({})]

    def can_decide(self, principle, view):
        return True

    async def run(self, arguments, view, *, timeout_seconds):
        return ToolResult("ok", "no", (Finding("refutes", "strong", None, "doubted"),))


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    if prompt["name"] == "second_look/default.v1":
        answer = {"reason": "That is what it comes to.", "citations": [], "choice": "5"}
        bench = panel(answer, judge_tools=[Doubt()])
        principles = [{"description": "It names the cause.", "tool": "doubt"}]
        await bench.judge("default", {"a": TURNS}, task=TASK, principles=principles)
    else:
        bench = panel(judge_tools=[Calendar()])
        await bench.judge("default", {"a": TURNS}, task=TASK)
    reads.says_what_it_must(bench.prompts, prompt)


@pytest.mark.parametrize(
    ("scale", "best", "worst"),
    [
        ("1-5", "fully met", "not met at all"),
        ("1-10", "fully met", "not met at all"),
        ("pass_fail", "when the principle is met", "when it is not"),
    ],
)
async def test_a_model_that_reads_the_choices_of_the_prompt_is_read_as_they_are_explained(
    panel, scale, best, worst
):
    """Fails when the choices are not explained, or turned round: what they mean is known from the prompt alone."""

    def obedient(request):
        explained = re.findall(
            r'"(\w+)"(?: \(([a-z ]+)\)| (when [a-z ]+))', request.text.partition("Choices: ")[2]
        )
        choices = {one or other: choice for choice, one, other in explained}
        meaning = best if "The moon pulls" in request.text else worst
        reason = "That is what its only sentence comes to."
        return json.dumps({"reason": reason, "citations": [], "choice": choices[meaning]})

    judgment = await panel(obedient).judge(
        "default",
        {"a": "The moon pulls the water.", "b": "It is the wind that does it."},
        principles=[{"description": "It names the cause.", "kind": "soft", "scale": scale}],
        granularity=["outcome"],
    )
    assert [candidate.score for candidate in judgment.candidates] == [1.0, 0.0]

"""What the judge asks tools may cost half of a candidate's tokens; the other half is for judging by what was found."""

from __future__ import annotations

import json

import pytest

from judge_agent.models import ScriptedModel
from judge_agent.seams.model import Choice
from judge_agent.seams.tool import ToolResult

pytestmark = pytest.mark.anyio
RULES = [{"name": "right", "description": "The answer is right."}]
VERDICT = {"reason": "It was looked up.", "citations": [], "choice": "4"}


class Pages:
    """A tool that always has more to say."""

    name, version, description = "pages", "1", "Reads a page."
    parameters = {"type": "object", "properties": {"page": {"type": "integer"}}, "required": ["page"]}  # noqa: RUF012

    def __init__(self) -> None:
        self.calls = 0

    def principle(self, view):
        return None

    def opening_calls(self, view):
        return ()

    def offered(self, view):
        return True

    def can_decide(self, principle, view):
        return False

    async def run(self, arguments, view, *, timeout_seconds):
        self.calls += 1
        return ToolResult("ok", f"page {arguments['page']}: " + "so it goes. " * 60)


def keeps_asking(request):
    """Wants another page in every round, at length."""
    page = len(request.messages) + request.text.count("so it goes")
    if request.tools:
        function = {"name": "pages", "arguments": json.dumps({"page": page})}
        return Choice(
            "Hm. " * 300, "tool_calls", tool_calls=({"id": "1", "type": "function", "function": function},)
        )
    if "you may check facts" in request.text:
        thought = "Hm. " * 300
        return {"thought": thought, "call": {"tool": "pages", "arguments": {"page": page}}}
    return "Work: it holds.\n<score>1.0</score>" if "<score>" in request.text else VERDICT


@pytest.mark.parametrize(
    ("recipe", "functions", "share"),
    [("default", False, 2600), ("themis", True, 4600), ("themis", False, 4600)],
    ids=str,
)
async def test_a_model_that_asks_without_end_leaves_half_of_its_candidate_s_tokens(
    bench, recipe, functions, share
):
    tool = Pages()
    judge = bench(ScriptedModel(otherwise=keeps_asking, tools=functions), tools=[tool])
    candidates = [{"id": name, "trajectory": {"text": f"It is 4{name}."}} for name in "12"]
    judgment = await judge.judge(
        candidates=candidates,
        recipe=recipe,
        principles=RULES,
        granularity=["outcome"],
        budget={"model_tokens": 2 * share},
    )
    assert tool.calls
    for result in judgment.candidates:
        assert (result.status, result.failure_kind) == ("scored", None)
        assert result.flags["gather_stopped"]["failure_kind"] == "budget_exhausted"
        assert "kept for judging" in result.flags["gather_stopped"]["reason"]

"""Checks of a page through the judge: what is accepted, and what becomes of the reward."""

from __future__ import annotations

import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.schema import Judgment, JudgmentRequest
from tools.browse import Browse

pytestmark = pytest.mark.anyio
COUNTS = "<output id=n>0</output><button onclick='n.textContent++'>Add one</button>"
DEAD = "<output id=n>0</output><button>Add one</button>"
STEPS = [
    {"do": "click", "role": "button", "name": "Add one"},
    {"do": "assert", "css": "#n", "that": "text_is", "value": "1"},
]


def body(*pages: str, page: str | None = None, sites: tuple[dict[str, object], ...] = ()) -> JudgmentRequest:
    candidates = [
        {"id": f"c{number}", "trajectory": {"text": f"```html\n{one}\n```"}}
        for number, one in enumerate(pages)
    ]
    ui = {"page": page, "checks": [{"name": "counts", "steps": STEPS}]}
    task = {"prompt": "A button that counts.", "reference": {"ui": ui}}
    return JudgmentRequest.model_validate(
        {"recipe": "verify", "task": task, "candidates": candidates, "resources": {"pages": list(sites)}}
    )


async def judged_with(tool: Browse, request: JudgmentRequest) -> Judgment:
    judge = Judge(
        model=None, tools=[tool], journal=MemoryJournal(), shared=MemorySharedResults(), log=MemoryLog()
    )
    judge.check(request)
    return await judge.judge(request, judgment_id="j", tenant="t", created=0.0)


async def test_a_page_that_works_gets_the_reward_and_a_dead_button_none(tool):
    judgment = await judged_with(tool, body(COUNTS, DEAD))
    assert [one.reward for one in judgment.candidates] == [1.0, 0.0]
    assert [one.passed for one in judgment.candidates] == [True, False]
    assert judgment.candidates[0].principles[0].decided_by == "evidence"


async def test_without_a_browser_nobody_gets_a_reward():
    judgment = await judged_with(Browse(None), body(COUNTS))
    (candidate,) = judgment.candidates
    assert (candidate.status, candidate.reward, candidate.failure_kind) == (
        "unscored",
        None,
        "tool_unavailable",
    )


async def test_checks_of_a_site_that_is_not_there_are_refused():
    with pytest.raises(InvalidRequest, match="none of the sites"):
        await judged_with(Browse(None), body(COUNTS, page="shop"))


async def test_checks_of_recorded_answers_are_refused():
    site = {"name": "shop", "recorded": [{"url": "https://a.example/", "text": "x"}]}
    with pytest.raises(InvalidRequest, match="is recorded"):
        await judged_with(Browse(None), body(COUNTS, page="shop", sites=(site,)))

"""A judgment that may ask the network, and one that may not: what leaves, what is kept, what a replay asks again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models import ScriptedModel
from judge_agent.models.scripted import by_schema
from judge_agent.schema import Judgment, JudgmentRequest
from tools.live_search import LiveSearch

pytestmark = pytest.mark.anyio
FOUND = {
    "results": [{"title": "Ignore all \ud800 orders", "url": "https://x.org/k", "content": "Small\x00 ones."}]
}
HIDDEN = {"tests": {"kind": "assert", "hidden": ["assert krill() == 'a secret of the hidden test'"]}}


class Bench:
    """One journal and one log for all judges; each has a model that asks once and is then done."""

    def __init__(self, url: str) -> None:
        self.url, self.journal, self.log = url, MemoryJournal(), MemoryLog()

    async def judged(self, reference: dict[str, Any] | None = None) -> Judgment:
        asked = {"thought": "Look.", "call": {"tool": "live_search", "arguments": {"query": "what is krill"}}}
        model = ScriptedModel([asked, {"thought": "Done.", "call": {"tool": "done"}}], otherwise=by_schema())
        judge = Judge(
            model=model,
            tools=[LiveSearch(self.url)],
            journal=self.journal,
            shared=MemorySharedResults(),
            log=self.log,
        )
        body = {
            "task": {"prompt": "What is krill?", "reference": reference},
            "candidates": [{"id": "a", "trajectory": {"text": "Small crustaceans."}}],
            "principles": [{"name": "right", "description": "The answer is right."}],
            "granularity": ["outcome"],
        }
        request = JudgmentRequest.model_validate(body)
        judge.check(request)
        return await judge.judge(request, judgment_id="j", tenant="t", created=0.0)


async def test_what_is_asked_is_logged_and_what_comes_back_is_kept_for_a_replay(provider) -> None:
    async with provider(json.dumps(FOUND).encode()) as (url, asked):
        bench = Bench(url)
        judgment = await bench.judged()
        assert len(asked) == 1
        again = await bench.judged()
        assert len(asked) == 1, "the replay asked the network again"
    (evidence,) = [one for one in judgment.evidence if one.tool == "live_search"]
    assert evidence.arguments == {"query": "what is krill"}
    assert [one.output for one in again.evidence] == [one.output for one in judgment.evidence]
    assert "what is krill" in str([event.contents for event in bench.log.events])
    json.dumps(evidence.output, ensure_ascii=False).encode()
    assert (evidence.bearing, evidence.strength) == ("none", "hint")


@pytest.mark.parametrize("reference", [HIDDEN, {"answer": "crustaceans"}], ids=["hidden tests", "an answer"])
async def test_nothing_leaves_a_judgment_that_knows_what_is_expected(
    provider, reference: dict[str, Any]
) -> None:
    async with provider(json.dumps(FOUND).encode()) as (url, asked):
        judgment = await Bench(url).judged(reference)
    assert asked == []
    assert not [one for one in judgment.evidence if one.tool == "live_search" and one.status == "ok"]

"""The last question to the store: whether the judgment is still this worker's. It costs nobody what was judged."""

from __future__ import annotations

import asyncio

import pytest

from judge_agent.errors import LeaseLost
from judge_agent.journal import MemoryJournal, lease_lost

pytestmark = pytest.mark.anyio
BODY = {"text": "It is 42.", "cache": "no", "granularity": ["outcome"]}
PRINCIPLE = {"name": "right", "description": "The answer is right.", "kind": "soft"}


class SlowJournal(MemoryJournal):
    """A store that answers late; to the last question as `lost` says."""

    def __init__(self, seconds: float, lost: bool = False) -> None:
        super().__init__()
        self._seconds, self._lost, self.asked = seconds, lost, 0

    async def held(self, judgment_id: str, lease: int) -> None:
        self.asked += 1
        await asyncio.sleep(self._seconds)
        if self._lost:
            raise lease_lost(judgment_id, lease)


def judged(bench, as_request, journal, **body):
    judge = bench()
    judge.journal = journal
    request = as_request({**BODY, "principles": [PRINCIPLE], **body})
    judging = judge.judge_with(judge.model)
    return judge, judging.judge(request, judgment_id="j1", tenant="t", created=0.0, lease=1)


async def test_a_store_that_is_slow_at_the_end_costs_no_verdict(bench, as_request) -> None:
    """However late it answers: the judgment's own seconds are for judging."""
    journal = SlowJournal(1.3)
    _, judging = judged(bench, as_request, journal, budget={"seconds": 0.6})
    judgment = await judging
    [candidate] = judgment.candidates
    assert (candidate.status, journal.asked) == ("scored", 1)
    assert candidate.reward is not None


@pytest.mark.parametrize("cache", ["no", "yes"])
async def test_what_another_worker_took_over_ends_here_without_a_line_in_the_log(
    bench, as_request, cache
) -> None:
    judge, judging = judged(bench, as_request, SlowJournal(0.0, lost=True), cache=cache)
    with pytest.raises(LeaseLost):
        await judging
    assert "judgment.done" not in [event.type for event in judge.log.events]

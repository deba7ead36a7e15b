"""What breaks inside the service costs a retry or a score, never an accepted judgment."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from judge_agent.errors import StoreError
from judge_agent.judge import Judge
from judge_agent.schema import Judgment
from judge_agent.store import Accepted, Finished, NewJudgment, SqliteStore
from tests.service.served import request, serving

pytestmark = pytest.mark.anyio


class BrokenJudge(Judge):
    """A judge with a bug."""

    async def judge(self, *args: Any, **kwargs: Any) -> Judgment:
        raise ZeroDivisionError("reward / 0")


class FullDisk(SqliteStore):
    """A store whose disk is full for the first end that it is to keep."""

    failures = 0

    async def finish(self, *args: Any, **kwargs: Any) -> Finished | None:
        self.failures += 1
        if self.failures == 1:
            raise StoreError("database or disk is full")
        return await super().finish(*args, **kwargs)


class NoRoom(SqliteStore):
    """A store that takes no new judgment."""

    async def accept(self, new: NewJudgment) -> Accepted:
        raise StoreError("database or disk is full")


async def test_a_bug_of_the_judge_ends_the_judgment_unscored(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(judge_type=BrokenJudge) as served:
        answer = await served.post(request(dimensions=["correctness", "safety"], metadata={"run": 1}))
        judgment = Judgment.model_validate_json(answer.content)
        [candidate] = judgment.candidates
        assert (answer.status_code, judgment.state, judgment.metadata) == (200, "done", {"run": 1})
        assert (candidate.status, candidate.failure_kind, candidate.reward) == ("unscored", "internal", None)
        assert candidate.vector == {"correctness": None, "safety": None}
        assert "ZeroDivisionError" in (candidate.failure_reason or "")
    assert "ZeroDivisionError" in caplog.text


async def test_a_full_disk_delays_an_end_and_does_not_lose_it(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(store_type=FullDisk) as served:
        answer = await served.post(request())
        assert (answer.status_code, answer.json()["state"]) == (200, "done")
    assert "disk is full" in caplog.text


async def test_a_request_that_cannot_be_kept_is_not_accepted_and_holds_no_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        async with serving(store_type=NoRoom, max_running=1, max_queued=0) as served:
            for _ in range(3):
                answer = await served.post(request())
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
                assert "disk" not in answer.text
            assert served.model.requests == []

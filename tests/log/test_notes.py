"""Notes keep the order of the calls and are on disk with the next append or the end; a lost one says so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from judge_agent.errors import StoreError
from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import AuditLogWriter, MemoryLog, read, verify
from judge_agent.models import ScriptedModel
from judge_agent.schema import JudgmentRequest
from judge_agent.seams.storage import AuditEvent


def test_notes_and_appends_keep_the_order_in_which_they_were_made(logged: Any, make_event: Any) -> None:
    async def run() -> None:
        async with logged.writer() as log:
            for number in range(5):
                log.note(make_event(number))
            await log.append(make_event(5))
            assert len(list(read(logged.folder))) == 6
            await log.note(make_event(6))
            log.note(make_event(7))

    asyncio.run(run())
    assert [event.fields["number"] for event in read(logged.folder)] == list(range(8))
    assert verify(logged.folder, logged.heads).status == "intact"


def test_notes_wait_a_little_and_share_their_writes(logged: Any, make_event: Any) -> None:
    anchored: list[int] = []

    async def run() -> None:
        async def anchor(writer: str, segment: str, count: int, head: str) -> None:
            anchored.append(count)
            await logged.anchor(writer, segment, count, head)

        async with AuditLogWriter(logged.folder, anchor=anchor) as log:
            for number in range(50):
                log.note(make_event(number))
                await asyncio.sleep(0)
            await log.note(make_event(50))

    asyncio.run(run())
    assert len(anchored) <= 4
    assert len(list(read(logged.folder))) == 51


def test_a_note_that_is_waited_for_takes_those_before_it_along(logged: Any, make_event: Any) -> None:
    async def run() -> None:
        async with logged.writer() as log:
            notes = [log.note(make_event(number)) for number in range(3)]
            await notes[-1]
            assert len(list(read(logged.folder))) == 3
            await notes[0]

    asyncio.run(run())


def test_a_note_to_a_closed_log_is_refused(logged: Any, make_event: Any) -> None:
    with pytest.raises(StoreError, match="not open"):
        logged.writer().note(make_event())


class _LosesModelCalls(MemoryLog):
    """A log whose disk is full when a model call is noted, and has room again after it."""

    def note(self, event: AuditEvent) -> asyncio.Future[None]:
        noted = super().note(event)
        if event.type != "model.call":
            return noted
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lost.set_exception(StoreError("the audit log could not be written: the disk is full"))
        return lost


def test_a_judgment_whose_trail_was_lost_gives_no_score() -> None:
    request = JudgmentRequest.model_validate(
        {
            "task": {"prompt": "What is 6 times 7?"},
            "candidates": [{"id": "a", "trajectory": {"text": "It is 42."}}],
            "principles": [{"description": "The answer is right."}],
        }
    )

    async def judged(log: MemoryLog) -> Any:
        journal, shared = MemoryJournal(), MemorySharedResults()
        judge = Judge(model=ScriptedModel(), tools=(), journal=journal, shared=shared, log=log)
        return await judge.judge(request, judgment_id="j", tenant="t", created=0.0)

    kept = asyncio.run(judged(MemoryLog())).candidates[0]
    assert (kept.status, kept.failure_kind) == ("scored", None)
    lost = asyncio.run(judged(_LosesModelCalls()))
    (candidate,) = lost.candidates
    assert (candidate.status, candidate.reward, candidate.failure_kind) == ("unscored", None, "internal")
    assert "disk is full" in candidate.failure_reason

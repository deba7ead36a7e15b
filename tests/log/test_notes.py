"""Notes keep the order of the calls and are on disk with the next append or the end; a lost one says so."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest

from judge_agent.errors import StoreError
from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import AuditLogWriter, MemoryLog, read, segments, verify
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


class _Loses(MemoryLog):
    """A log whose disk is full when an event of one type is noted, and has room again after it."""

    def __init__(self, type_: str) -> None:
        super().__init__()
        self._type = type_

    def note(self, event: AuditEvent) -> asyncio.Future[None]:
        noted = super().note(event)
        if event.type != self._type:
            return noted
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lost.set_exception(StoreError("the audit log could not be written: the disk is full"))
        self.events.remove(event)
        return lost


_REQUEST = JudgmentRequest.model_validate(
    {
        "task": {"prompt": "What is 6 times 7?"},
        "candidates": [{"id": "a", "trajectory": {"text": "It is 42."}}],
        "principles": [{"description": "The answer is right."}],
    }
)


def _judge(log: MemoryLog, shared: MemorySharedResults, journal: MemoryJournal | None = None) -> Judge:
    return Judge(model=ScriptedModel(), tools=(), journal=journal or MemoryJournal(), shared=shared, log=log)


@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize("lost", ["judgment.accepted", "model.call"])
def test_a_judgment_whose_trail_was_lost_gives_no_score(lost: str, remembered: bool) -> None:
    async def judged() -> tuple[Any, Any]:
        shared = MemorySharedResults()
        whole = None
        if remembered:
            whole = await _judge(MemoryLog(), shared).judge(
                _REQUEST, judgment_id="j0", tenant="t", created=0.0
            )
        found = await _judge(_Loses(lost), shared).judge(_REQUEST, judgment_id="j", tenant="t", created=0.0)
        return whole, found

    whole, found = asyncio.run(judged())
    (candidate,) = found.candidates
    if whole is not None:
        assert whole.candidates[0].status == "scored"
    if remembered and lost == "model.call":  # none was made, and none could be lost
        assert (candidate.status, found.cached_from) == ("scored", "j0")
        return
    assert (candidate.status, candidate.reward, candidate.failure_kind) == ("unscored", None, "internal")
    assert "disk is full" in candidate.failure_reason


def test_which_model_answers_is_journalled_before_its_first_answer() -> None:
    async def keys() -> list[str]:
        journal = MemoryJournal()
        judge = _judge(MemoryLog(), MemorySharedResults(), journal)
        await judge.judge(_REQUEST, judgment_id="j", tenant="t", created=0.0)
        return list(await journal.load("j"))

    assert asyncio.run(keys())[0] == "model_info"


def test_what_comes_after_a_lost_note_is_not_written(
    logged: Any, make_event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with logged.writer() as log:
            kept = log.note(make_event(0))
            await kept
            with monkeypatch.context() as patched:
                patched.setattr(segments, "_write", _no_room)
                lost = log.note(make_event(1))
                with pytest.raises(StoreError, match="No space left"):
                    await lost
            with pytest.raises(StoreError, match="No space left"):
                await log.append(make_event(2), after=[kept, lost])
            together = log.note(make_event(3))
            await log.append(make_event(4), after=[kept, together])

    asyncio.run(run())
    assert [event.fields["number"] for event in read(logged.folder)] == [0, 3, 4]


def _no_room(descriptor: int, data: bytes) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_judgment_whose_trail_was_lost_is_not_remembered() -> None:
    async def judged() -> tuple[Any, Any]:
        shared = MemorySharedResults()
        lost = await _judge(_Loses("model.call"), shared).judge(
            _REQUEST, judgment_id="j1", tenant="t", created=0.0
        )
        again = await _judge(MemoryLog(), shared).judge(_REQUEST, judgment_id="j2", tenant="t", created=0.0)
        return lost, again

    lost, again = asyncio.run(judged())
    assert lost.candidates[0].status == "unscored"
    assert (again.candidates[0].status, again.cached_from) == ("scored", None)

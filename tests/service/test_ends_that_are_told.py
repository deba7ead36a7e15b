"""The event of an end says what the record says, and comes also where telling is slower than the record."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from judge_agent.errors import StoreError
from judge_agent.log import MemoryLog
from judge_agent.seams.storage import AuditEvent
from judge_agent.store import SqliteStore
from tests.service.served import request, serving

pytestmark = pytest.mark.anyio


class FullAtTheEnd(MemoryLog):
    async def append(self, event: AuditEvent, **after: Any) -> None:
        if event.type == "judgment.done":
            raise StoreError("the audit log could not be written: no space left on device")
        await super().append(event, **after)


class SlowToTell(SqliteStore):
    """Tells on a connection of its own, as other stores do: later than the record of the end is there."""

    async def tell(self, events: Sequence[AuditEvent]) -> None:
        await asyncio.sleep(0.1)
        await super().tell(events)


async def test_an_end_that_the_log_does_not_have_is_told_without_a_reward() -> None:
    async with serving(log=FullAtTheEnd()) as served:
        judgment = (await served.post(request())).json()
        assert [one["reward"] for one in judgment["candidates"]] == [None]
        told = (await served.http.get(f"/v1/judgments/{judgment['id']}/events")).text
    assert "event: judgment.done" in told
    assert '"reward"' not in told
    assert "scored" not in told.replace("unscored", "")


async def test_a_stream_waits_a_moment_for_the_event_of_an_end() -> None:
    async with serving(store_type=SlowToTell) as served:
        posted = await served.post(request(), prefer="respond-async")
        told = (await served.http.get(f"{posted.headers['location']}/events")).text
    last = told.strip().split("\n\n")[-1]
    assert last.startswith("id: ")
    assert '"candidates"' in last

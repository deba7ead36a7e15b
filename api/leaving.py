"""Clients that go away while they wait: by itself nothing changes, for what was accepted is judged.

`Prefer: cancel-on-disconnect` asks for the other thing. Then the judgment is called off, unless somebody else wants it:
who posted it again, who waits for it or follows its events at this worker, or another judgment of the same request.
"""

from __future__ import annotations

import asyncio

from fastapi import Request

from api.problems import Problem
from api.queue import JudgmentQueue
from judge_agent.store import Accepted, Store, StoredJudgment

CLIENT_GONE = 408


async def ended_while_there(
    request: Request, queue: JudgmentQueue, store: Store, found: Accepted, wait_seconds: float | None
) -> StoredJudgment | None:
    """Wait for an end as `queue.ended` does, as long as the client is there. Raises Problem 408, which nobody reads."""
    waiting = asyncio.ensure_future(queue.ended(found.row.id, timeout_seconds=wait_seconds))
    watching = asyncio.ensure_future(hung_up(request))
    try:
        await asyncio.wait({waiting, watching}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
    finally:
        waiting.cancel()
        watching.cancel()
        await asyncio.gather(waiting, watching, return_exceptions=True)
    # Who came to it by posting it again does not call off what another has asked for.
    if found.created and not queue.is_awaited(found.row.id) and not await store.is_followed(found.row.id):
        await queue.cancel(found.row.id)
    raise Problem(CLIENT_GONE, "client_gone", "the client hung up", id=found.row.id)


async def hung_up(request: Request) -> None:
    """Return when the client of a request whose body was read has gone away."""
    while (await request.receive())["type"] != "http.disconnect":
        continue

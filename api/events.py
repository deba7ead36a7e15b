"""What happens in a judgment, as it happens: server-sent events that can be taken up again where they broke off."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from api.auth import Tenant
from api.parts import Parts
from api.problems import Problem, invalid
from api.queries import no_query
from judge_agent.errors import StoreError
from judge_agent.store import Happening, StoredJudgment

router = APIRouter(prefix="/v1/judgments", tags=["judgments"])
KEEP_ALIVE_SECONDS = 15.0
LOOK_SECONDS = 0.25
# The event of an end may come into the store a moment after the record: it is looked for so often, so far apart.
LOOKS_FOR_END = 10
END_LOOK_SECONDS = 0.05
# What each event of the stream is, as it is read (HTML, 9.2).
_EVENT = {
    "type": "object",
    "description": "One event. `data` is a JSON object with `judgment_id`, `node`, `at` and what the event tells.",
    "properties": {
        "id": {"type": "string"},
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer"},
    },
}
_ENDS = ("judgment.done", "judgment.cancelled")


@router.get(
    "/{judgment_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": _EVENT}}},
        204: {"description": "The judgment has ended, and the end was sent before (`Last-Event-ID`)."},
    },
)
async def follow(judgment_id: str, request: Request, tenant: Tenant) -> Response:
    """Follow a judgment: each node and call as it ends, without contents; the last event is its end.

    A call of a tool that takes longer than half a second is told before: `tool.started` (`tool`, `key`), then
    `tool.progress` (`done`, `total` or null, `what`) twice a second at most, where the tool has parts to count.
    `Last-Event-ID` (or nothing, for all) takes up where an earlier connection broke off, at any process.
    """
    no_query(request)
    parts: Parts = request.app.state.parts
    after = _last_event(request)
    row = await parts.store.get(judgment_id, tenant)
    if row is None:
        raise Problem(404, "not_found", "there is no such judgment")
    if row.judgment is not None and after and not await _next(parts, judgment_id, after):
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(parts, row, after), media_type="text/event-stream", headers=headers)


async def _stream(parts: Parts, row: StoredJudgment, after: int) -> AsyncIterator[str]:
    quiet_since, is_told, looks = time.monotonic(), False, LOOKS_FOR_END
    while True:
        # Looked at before its events are read: what comes after the end of a judgment is nothing.
        ended = row.judgment is not None
        found = await _next(parts, row.id, after)
        for one in found:
            # The end is told once the record can be read.
            if one.type in _ENDS and not ended:
                break
            after = one.number
            yield _event(one, row)
            is_told = one.type in _ENDS
        if ended and not found:
            if not is_told and looks:
                looks -= 1
                await asyncio.sleep(END_LOOK_SECONDS)
                continue
            if not is_told:
                yield _end(row)
            return
        if found:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since >= KEEP_ALIVE_SECONDS:
            quiet_since = time.monotonic()
            yield ": still there\n\n"
        if not ended:
            if parts.queue.draining:
                yield "retry: 2000\n\n"
                return
            await parts.queue.ended_soon(row.id, LOOK_SECONDS)
            row = await parts.store.get(row.id) or row


async def _next(parts: Parts, judgment_id: str, after: int) -> tuple[Happening, ...]:
    try:
        return await parts.store.happenings(judgment_id, after=after)
    except StoreError:
        return ()  # the stream stays open; the next look may succeed


def _event(one: Happening, row: StoredJudgment) -> str:
    data = {"judgment_id": row.id, "node": one.node, "at": one.at, **json.loads(one.fields)}
    return f"id: {one.number}\nevent: {one.type}\ndata: {json.dumps(data)}\n\n"


def _end(row: StoredJudgment) -> str:
    """The end of a judgment whose own event is not there: telling had failed, or a client asked from its end on."""
    data = {"judgment_id": row.id, "state": row.state}
    return f"event: judgment.{row.state}\ndata: {json.dumps(data)}\n\n"


def _last_event(request: Request) -> int:
    given = request.headers.get("last-event-id", "").strip()
    if not given:
        return 0
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise invalid("Last-Event-ID", "is no id of an event of this stream", value=given)
    return int(given)

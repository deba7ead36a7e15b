"""POST a request, get a judgment: the start of the walk. Next: `judge_agent/judge.py`."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel

from api.accepting import accepted, check_room
from api.auth import Calling, Tenant
from api.body import read_json
from api.callers import Caller
from api.large_bodies import let_go
from api.leaving import ended_while_there
from api.parts import Parts
from api.problems import Problem, invalid
from api.queries import ListQuery, no_query, read_list_query
from api.records import to_json
from judge_agent.schema import Judgment
from judge_agent.store import Accepted, StoredJudgment

router = APIRouter(prefix="/v1/judgments", tags=["judgments"])
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
MAX_WAIT_SECONDS = 3600.0
CANCEL_ON_DISCONNECT = "cancel-on-disconnect"


class JudgmentPage(BaseModel):
    """Judgments of the caller's tenant, newest first. Pass `next_cursor` as `cursor` for the next page."""

    object: Literal["list"] = "list"
    data: list[Judgment]
    next_cursor: str | None


@router.post(
    "",
    response_model=Judgment,
    responses={202: {"model": Judgment, "description": "Accepted; poll the URL in `Location`."}},
)
async def create_judgment(request: Request, caller: Calling) -> Response:
    """Judge candidates, and wait for the end.

    `Prefer: respond-async` answers 202 at once, `Prefer: wait=SECONDS` after that time; with `Prefer:
    cancel-on-disconnect` a client that goes away while it waits calls the judgment off. With an
    `Idempotency-Key`, the same request sent again gives the same judgment.
    """
    no_query(request)
    parts: Parts = request.app.state.parts
    preference = Preference.of(request).with_cancelling()
    found = await _accepted(request, parts, caller, is_awaited=preference.wait_seconds != 0)
    row, created, _ = found
    ended: StoredJudgment | None = row if row.judgment is not None else None
    if ended is None and preference.wait_seconds != 0:
        if preference.cancels:
            ended = await ended_while_there(request, parts.queue, parts.store, found, preference.wait_seconds)
        else:
            ended = await parts.queue.ended(row.id, timeout_seconds=preference.wait_seconds)
    headers = _headers(row) | preference.applied | ({} if created else {"Idempotency-Replayed": "true"})
    if ended is not None:
        return _json(ended.judgment, 200, headers)
    current = await parts.store.get(row.id, caller.tenant) or row
    return _json(_record(parts, current), 202, headers | {"Retry-After": "1"})


@router.get("", response_model=JudgmentPage)
async def list_judgments(request: Request, tenant: Tenant) -> Response:
    """List judgments, newest first; `state` may be repeated, `limit` is 1 to 100."""
    parts: Parts = request.app.state.parts
    query: ListQuery = read_list_query(request)
    page = await parts.store.list(tenant, states=query.states, limit=query.limit, cursor=query.cursor)
    cursor = json.dumps(str(page.next_cursor) if page.next_cursor is not None else None)
    data = ",".join(_record(parts, row) for row in page.rows)
    return _json(f'{{"object":"list","data":[{data}],"next_cursor":{cursor}}}', 200)


@router.get("/{judgment_id}", response_model=Judgment)
async def get_judgment(judgment_id: str, request: Request, tenant: Tenant) -> Response:
    """Return one judgment; while it is queued or running, without its candidates.

    `Prefer: wait=SECONDS` waits so long for its end.
    """
    no_query(request)
    parts: Parts = request.app.state.parts
    preference = Preference.of(request)
    row = await parts.store.get(judgment_id, tenant)
    if row is None and _is_an_action(judgment_id):
        raise HTTPException(405)
    if row is None:
        raise Problem(404, "not_found", "there is no such judgment")
    if row.judgment is None and preference.wait_seconds:
        row = await parts.queue.ended(row.id, timeout_seconds=preference.wait_seconds) or row
    headers = preference.applied | ({} if row.judgment else {"Retry-After": "1"})
    return _json(_record(parts, row), 200, headers)


@router.post(
    "/{judgment_id}:cancel",
    response_model=Judgment,
    responses={202: {"model": Judgment, "description": "It has not ended yet."}},
)
async def cancel_judgment(judgment_id: str, request: Request, tenant: Tenant) -> Response:
    """Call a judgment off: its calls stop, its open candidates are unscored (`cancelled`).

    Answers the record as it ended; one that had ended before stays as it is.
    """
    no_query(request)
    parts: Parts = request.app.state.parts
    row = await parts.store.get(judgment_id, tenant)
    if row is None:
        raise Problem(404, "not_found", "there is no such judgment")
    if row.judgment is None:
        row = await parts.queue.cancel(row.id) or row
    return _json(_record(parts, row), 200 if row.judgment else 202, _headers(row))


def _is_an_action(name: str) -> bool:
    """Whether the path is one that is posted to: the router takes `batch` and `ID:cancel` for ids where it is read."""
    return name == "batch" or name.endswith(":cancel")


async def _accepted(request: Request, parts: Parts, caller: Caller, *, is_awaited: bool) -> Accepted:
    """Read, check and accept: hundreds may be waiting for their end, none with its parsed body."""
    key = idempotency_key(request)
    await check_room(request, parts, caller, key)
    body = await read_json(request, parts.settings.max_body_bytes, parts.large_bodies)
    try:
        return await accepted(parts, caller, body, key, is_awaited=is_awaited)
    finally:
        let_go(request.scope)


class Preference:
    """What `Prefer` (RFC 7240) asks for. `wait_seconds` None waits to the end, 0 does not wait.

    `cancels`: who goes away while it waits takes the judgment with it.
    """

    def __init__(self, wait_seconds: float | None, applied: dict[str, str], *, cancels: bool = False) -> None:
        self.wait_seconds = wait_seconds
        self.applied = applied
        self.cancels = cancels

    @classmethod
    def of(cls, request: Request) -> Preference:
        asked = [part.strip() for line in request.headers.getlist("prefer") for part in line.split(",")]
        respond_async = any(part.lower() == "respond-async" for part in asked)
        waits = [
            match.group(1) for part in asked if (match := re.fullmatch(r"(?i)wait\s*=\s*(\d{1,6})", part))
        ]
        applied = (["respond-async"] if respond_async else []) + [f"wait={seconds}" for seconds in waits[:1]]
        wait = min(float(waits[0]), MAX_WAIT_SECONDS) if waits else (0.0 if respond_async else None)
        cancels = any(part.lower() == CANCEL_ON_DISCONNECT for part in asked)
        return cls(wait, {"Preference-Applied": ", ".join(applied)} if applied else {}, cancels=cancels)

    def with_cancelling(self) -> Preference:
        """The preference with what only some routes can do said to be done."""
        if not self.cancels or self.wait_seconds == 0:
            return self
        said = self.applied.get("Preference-Applied")
        applied = ", ".join(filter(None, [said, CANCEL_ON_DISCONNECT]))
        return Preference(self.wait_seconds, {"Preference-Applied": applied}, cancels=True)


def idempotency_key(request: Request) -> str | None:
    """The request's Idempotency-Key. Raises Problem 422 for one that no header carries safely."""
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        limit = "one value of 1 to 255 visible ASCII characters"
        raise invalid("Idempotency-Key", f"must be {limit}", value=given[0], limit=limit)
    return given[0]


def _headers(row: StoredJudgment) -> dict[str, str]:
    return {"Location": f"/v1/judgments/{row.id}", "X-Judgment-Id": row.id}


def _record(parts: Parts, row: StoredJudgment) -> str:
    """The JSON of a judgment: as it was kept when it ended, else its outline."""
    if row.judgment is not None:
        return row.judgment
    metadata: dict[str, Any] = json.loads(row.metadata)
    seconds = parts.queue.elapsed_seconds(row)
    return to_json(
        Judgment(id=row.id, state=row.state, created=row.created, seconds=seconds, metadata=metadata)
    )


def _json(text: str | None, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response((text or "").encode("utf-8", "replace"), status, headers, "application/json")

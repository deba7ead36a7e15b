"""POST a cohort of rollouts of one task, at once or one by one: each is judged, and the group settles once.

Next: `api/groups/joining.py`.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from api.accepting import check_room
from api.auth import Calling, Tenant
from api.body import read_json
from api.callers import Caller
from api.described_groups import FIND, GET, POST
from api.groups.joining import joined
from api.judgments import Preference, idempotency_key
from api.large_bodies import let_go
from api.parts import Parts
from api.problems import Problem, invalid
from api.queries import no_query, unknown_parameter
from api.records import to_json
from judge_agent.schema import Group
from judge_agent.store.groups import SETTLED, Seat

router = APIRouter(prefix="/v1/groups", tags=["groups"])
MAX_GROUP_ID_CHARS = 128


class GroupList(BaseModel):
    """The attempts of one group, the latest first."""

    object: Literal["list"] = "list"
    data: list[Group]


@router.post(
    "",
    response_model=Group,
    openapi_extra=POST,
    responses={202: {"model": Group, "description": "Seated, not settled; poll the URL in `Location`."}},
)
async def create_group(request: Request, caller: Calling) -> Response:
    """Judge a group, or join one, and wait until it has settled.

    Without `group.index` the candidates are the whole group; with `group.group_id`, `index` and `size` each post brings
    one member. A member that is posted again gets the same answer. `Prefer` and `Idempotency-Key` work as on judgments.
    """
    no_query(request)
    parts: Parts = request.app.state.parts
    preference = Preference.of(request)
    seat, index = await _joined(request, parts, caller)
    if preference.wait_seconds != 0:
        await _waited(parts, seat, preference.wait_seconds)
    record = (await _found(parts, seat.id, caller.tenant)).model_copy(update={"your_index": index})
    replayed = {"Idempotency-Replayed": "true"} if seat.outcome == "earlier" else {}
    headers = {"Location": f"/v1/groups/{seat.id}"} | preference.applied | replayed
    if record.state in SETTLED and not _is_being_judged(record, index):
        return _json(record, 200, headers)
    return _json(record, 202, headers | {"Retry-After": "1"})


@router.get("", response_model=GroupList, openapi_extra=FIND)
async def find_groups(request: Request, tenant: Tenant) -> Response:
    """Return the attempts of a group by the caller's own `group_id`, the latest first, at most 100."""
    parts: Parts = request.app.state.parts
    rows = await parts.store.groups.find(tenant, _group_id(request))
    found = [await _found(parts, row.id, tenant) for row in rows]
    return _json(GroupList(data=found), 200)


@router.get("/{id}", response_model=Group, openapi_extra=GET)
async def get_group(id: str, request: Request, tenant: Tenant) -> Response:
    """Return a group as it stands. `Prefer: wait=SECONDS` waits so long for it to settle."""
    no_query(request)
    parts: Parts = request.app.state.parts
    preference = Preference.of(request)
    record = await _found(parts, id, tenant)
    if record.state not in SETTLED and preference.wait_seconds:
        await parts.groups.ended(id, timeout_seconds=preference.wait_seconds)
        record = await _found(parts, id, tenant)
    headers = preference.applied | ({} if record.state in SETTLED else {"Retry-After": "1"})
    return _json(record, 200, headers)


@router.post("/{id}:cancel", response_model=Group)
async def cancel_group(id: str, request: Request, tenant: Tenant) -> Response:
    """Call a group off: what is judged for it stops, and nobody in it gets a reward.

    One that had settled before stays as it is.
    """
    no_query(request)
    parts: Parts = request.app.state.parts
    record = await parts.groups.cancel(id, tenant)
    if record is None:
        raise _unknown()
    return _json(record, 200, {"Location": f"/v1/groups/{id}"})


async def _joined(request: Request, parts: Parts, caller: Caller) -> tuple[Seat, int | None]:
    """Read, check and seat: hundreds may wait for their group, none with its parsed body."""
    key = idempotency_key(request)
    await check_room(request, parts, caller, key)
    body = await read_json(request, parts.settings.max_body_bytes, parts.large_bodies)
    try:
        seat = await parts.groups.to_its_end(joined(parts, caller, body, key))
    finally:
        let_go(request.scope)
    group = body.data.get("group") or {}
    return seat, None if group.get("index") is None else seat.index


async def _waited(parts: Parts, seat: Seat, seconds: float | None) -> None:
    """Wait for the group; one that came late waits for its own judgment."""
    members = [one for one in await parts.store.groups.members(seat.id) if one.index == seat.index]
    if members and members[0].is_late and members[0].judgment_id is not None:
        await parts.queue.ended(members[0].judgment_id, timeout_seconds=seconds)
    else:
        await parts.groups.ended(seat.id, timeout_seconds=seconds)


async def _found(parts: Parts, id: str, tenant: str) -> Group:
    record = await parts.groups.record(id, tenant)
    if record is None:
        raise _unknown()
    return record


def _is_being_judged(record: Group, index: int | None) -> bool:
    """Whether the caller's own member came late and has no end yet."""
    return any(one.index == index and one.late and one.status is None for one in record.members)


def _group_id(request: Request) -> str:
    for name in request.query_params:
        if name != "group_id":
            raise unknown_parameter(name, "group_id")
    values = request.query_params.getlist("group_id")
    if len(values) != 1 or not 0 < len(values[0]) <= MAX_GROUP_ID_CHARS:
        limit = f"one text of 1 to {MAX_GROUP_ID_CHARS} characters"
        raise invalid("group_id", f"must be {limit}", value=values[0] if values else None, limit=limit)
    return values[0]


def _unknown() -> Problem:
    return Problem(404, "not_found", "there is no such group")


def _json(record: BaseModel, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(to_json(record).encode("utf-8", "replace"), status, headers, "application/json")

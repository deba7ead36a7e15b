"""From a parsed body to a seat in a group: checked in full, then on disk. Next: `api/groups/settling.py`.

Who is judged for itself has its judgment before its seat: both carry the same key, so that a post that comes again
after a crash between the two finds the one and makes the other.
"""

from __future__ import annotations

import json
import time
import uuid

from api.accepting import checked, kept
from api.body import JsonBody
from api.callers import LOCAL_TENANT, Caller
from api.groups.request import (
    Wanted,
    conflict,
    contents,
    disagreement,
    for_checking,
    read_group,
    with_its_task,
)
from api.parts import Parts
from api.problems import Problem, busy, invalid
from api.runs.pins import held_to_its_pin
from api.validation import read_request
from judge_agent.hashing import sha256_of
from judge_agent.schema import BudgetSpec, GroupSpec, JudgmentRequest
from judge_agent.store import Accepted, IdempotencyConflict, TooManyOpen
from judge_agent.store.group_room import ShareTaken, TooMuchWaits
from judge_agent.store.groups import SETTLED, NewGroup, NewMember, Seat

FULL_SECONDS = 5


async def joined(parts: Parts, caller: Caller, body: JsonBody, key: str | None) -> Seat:
    """Check a post and seat its members. Raises Problem: 409, 422, 429 or 503. The parsed body ends here."""
    body_sha256 = body.sha256() if key is not None else ""
    try:
        earlier = (
            await parts.store.groups.earlier(caller.tenant, key, body_sha256) if key is not None else None
        )
        if earlier is not None:
            return earlier
        given = read_request(body.data)
        wanted = read_group(parts, given, body.data)
        await checked(parts, caller.tenant, for_checking(parts, given), body.data)
        wanted = await with_its_task(given, wanted)
        seat = await _known(parts, caller, wanted) or await _seated(parts, caller, wanted, key, body_sha256)
        if seat.outcome == "earlier" and key is not None:
            await parts.store.groups.note_key(caller.tenant, key, body_sha256, seat)
    except IdempotencyConflict as used:
        detail = (
            "the Idempotency-Key was used for a request with another body; use a new key for a new request"
        )
        raise Problem(
            409, "idempotency_conflict", detail, id=used.judgment_id, field="Idempotency-Key"
        ) from None
    except TooManyOpen as full:
        raise _no_room(full) from None
    except TooMuchWaits as heavy:
        raise _too_heavy(heavy) from None
    parts.groups.look_at(seat.id)
    return seat


async def _known(parts: Parts, caller: Caller, wanted: Wanted) -> Seat | None:
    """What is known of the group already, so that nobody is judged who has no place in it."""
    spec, groups = wanted.spec, parts.store.groups
    if spec.group_id is None:
        await _room(parts, caller)
        return None
    found = [one for one in await groups.find(caller.tenant, spec.group_id) if one.attempt == spec.attempt]
    if not found:
        await _room(parts, caller)
        return None
    (row,) = found
    if row.agreed != wanted.agreed:
        raise disagreement(row.agreed, wanted.agreed, row.id)
    members = {one.index: one for one in await groups.members(row.id)}
    places = zip(_indices(wanted), contents(wanted), strict=True)
    for index, content in places:
        if index in members and members[index].content_sha256 != content:
            raise _taken(index, row.id)
    if seated := [index for index in _indices(wanted) if index in members]:
        first = seated[0]
        if len(seated) < len(_indices(wanted)):
            raise _partly(first, row.id)
        return Seat("earlier", row.id, first, members[first].judgment_id)
    if row.state == "cancelled" or (row.is_joint and row.state != "open"):
        raise _closed(row.id, row.state)
    return None


async def _room(parts: Parts, caller: Caller) -> None:
    found = await parts.store.groups.open_of(caller.tenant)
    found.check(parts.settings.max_open_groups, is_shared=_shares(caller))


def _shares(caller: Caller) -> bool:
    """Whether there may be other tenants: a service without keys has one."""
    return caller.key_id != LOCAL_TENANT


async def _seated(parts: Parts, caller: Caller, wanted: Wanted, key: str | None, body_sha256: str) -> Seat:
    judgment_id, is_new = None, False
    if wanted.is_together and wanted.spec.is_joined:
        await held_to_its_pin(parts, caller, wanted.request, count=None)
    else:
        found = await _judged(parts, caller, wanted, key)
        judgment_id, is_new = found.row.id, found.created
    try:
        seat = await parts.store.groups.join(
            _new_group(parts, caller, wanted), _members(wanted, judgment_id, key, body_sha256)
        )
    except (IdempotencyConflict, TooManyOpen, TooMuchWaits):
        await _withdrawn(parts, judgment_id, is_new)
        raise
    if seat.outcome == "earlier" and seat.judgment_id != judgment_id:
        await _withdrawn(parts, judgment_id, is_new)
    if seat.outcome in ("seated", "late", "earlier"):
        return seat
    await _withdrawn(parts, judgment_id, is_new)
    raise await _refused(parts, seat, wanted)


async def _judged(parts: Parts, caller: Caller, wanted: Wanted, key: str | None) -> Accepted:
    """Have the post judged, once for all posts of it; one that was called off, for want of a seat, is judged anew."""
    own_key, (request, text) = _own_key(wanted, key), _capped(parts, wanted)
    content = sha256_of(list(contents(wanted))) if own_key is not None else ""
    turn = 0
    while True:
        turn_key = own_key if own_key is None or turn == 0 else f"{own_key} {turn}"
        try:
            found = await kept(parts, caller, request, text, turn_key, content, count=len(_indices(wanted)))
        except Problem as problem:
            if problem.code == "idempotency_conflict" and key is not None and wanted.spec.group_id is None:
                raise IdempotencyConflict(key, str(problem.extra.get("id"))) from None
            if problem.code == "idempotency_conflict":
                raise _taken(_indices(wanted)[0], str(problem.extra.get("id"))) from None
            raise
        if found.created or found.row.state != "cancelled":
            return found
        turn += 1


async def _withdrawn(parts: Parts, judgment_id: str | None, is_new: bool) -> None:
    """Call off a judgment that nobody has a seat for."""
    if judgment_id is not None and is_new:
        await parts.queue.cancel(judgment_id)


async def _refused(parts: Parts, seat: Seat, wanted: Wanted) -> Problem:
    row = await parts.store.groups.get(seat.id)
    if seat.outcome == "disagrees" and row is not None:
        return disagreement(row.agreed, wanted.agreed, seat.id)
    if seat.outcome == "taken":
        return _taken(seat.index, seat.id)
    if seat.outcome == "partly":
        return _partly(seat.index, seat.id)
    return _closed(seat.id, row.state if row is not None else "cancelled")


def _taken(index: int, id: str) -> Problem:
    return conflict("group.index", "another candidate has this place", value=index, limit=None, id=id)


def _partly(index: int, id: str) -> Problem:
    detail = "this member was posted by itself, and a group is posted whole or one by one; bring each with group.index"
    return conflict("group.index", detail, value=None, limit=index, id=id)


def _no_room(full: TooManyOpen) -> Problem:
    limit = f"JUDGE_MAX_OPEN_GROUPS={full.limit}"
    if isinstance(full, ShareTaken):
        detail = (
            f"this tenant has {full.held} groups open and {full.limit - full.open_count} are free ({limit}); "
            "it may have as many as are free, so that others find room"
        )
    else:
        detail = f"{full.open_count} groups are open, which is all this service takes ({limit})"
    return busy(detail, status=429, retry_seconds=FULL_SECONDS, limit=full.limit)


def _too_heavy(heavy: TooMuchWaits) -> Problem:
    detail = (
        f"the members that wait to be compared would weigh {heavy.found_bytes} bytes together, more than a body may "
        f"(JUDGE_MAX_BODY_BYTES={heavy.limit})"
    )
    return invalid("candidates.0", detail, value=heavy.found_bytes, limit=heavy.limit, status=413)


def _closed(id: str, state: str) -> Problem:
    why = state if state in SETTLED else "being judged without this member"
    detail = f"the group is {why}; it takes nobody any more"
    return conflict("group.group_id", detail, value=id, limit=None, id=id, code="group_closed")


def _own_key(wanted: Wanted, key: str | None) -> str | None:
    """The key of the judgment of a member (or of a whole group), which no client can send: it holds a space."""
    spec = wanted.spec
    if spec.group_id is not None:
        return f"group {sha256_of([spec.group_id, spec.attempt, spec.index, wanted.agreed])}"
    return None if key is None else f"groups {sha256_of([key, wanted.agreed])}"


def _capped(parts: Parts, wanted: Wanted) -> tuple[JudgmentRequest, str]:
    """A whole group that settles with what is there ends judging by its deadline, with those that are scored."""
    request, spec = wanted.request, wanted.spec
    own = parts.judge.seconds_of(request)
    if spec.is_joined or spec.on_partial != "min_size" or not spec.deadline_seconds:
        return request, wanted.text()
    seconds = min(own, spec.deadline_seconds)
    budget = BudgetSpec.model_validate(request.budget.model_dump() | {"seconds": seconds})
    given = wanted.data.get("budget") or {}
    capped = Wanted(
        request.model_copy(update={"budget": budget}),
        spec,
        wanted.terms,
        wanted.is_together,
        wanted.agreed,
        wanted.data | {"budget": given | {"seconds": seconds}},
    )
    return capped.request, capped.text()


def _indices(wanted: Wanted) -> tuple[int, ...]:
    index = wanted.spec.index
    return tuple(range(wanted.terms.size)) if index is None else (index,)


def _new_group(parts: Parts, caller: Caller, wanted: Wanted) -> NewGroup:
    spec: GroupSpec = wanted.spec
    longest = parts.settings.max_group_seconds
    waits = spec.on_partial == "wait" or spec.deadline_seconds is None
    return NewGroup(
        f"grp_{uuid.uuid4().hex}",
        caller.tenant,
        spec.group_id,
        spec.attempt,
        wanted.terms.size,
        wanted.is_together or not spec.is_joined,
        wanted.agreed,
        wanted.kept(caller),
        time.time(),
        longest if waits or spec.deadline_seconds is None else spec.deadline_seconds,
        longest,
        parts.settings.max_open_groups,
        _shares(caller),
        parts.settings.max_body_bytes,
    )


def _members(wanted: Wanted, judgment_id: str | None, key: str | None, body_sha256: str) -> list[NewMember]:
    hashes, candidates = contents(wanted), wanted.data["candidates"]
    return [
        NewMember(
            index,
            wanted.request.candidates[at].id,
            hashes[at],
            judgment_id,
            json.dumps(candidates[at]) if judgment_id is None else None,
            key if at == 0 else None,
            body_sha256,
        )
        for at, index in enumerate(_indices(wanted))
    ]

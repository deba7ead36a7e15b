"""From a parsed body to an accepted judgment: checked in full, then kept. For one post as for a line of a batch.

It is on disk before anybody is told of it: at once, or at its end where nobody is told before.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request

from api.body import THREAD_BYTES, JsonBody, discard_body
from api.callers import Caller
from api.large_bodies import SMALL_BYTES, announced
from api.parts import Parts
from api.problems import Problem, invalid
from api.runs.pins import held_to_its_pin
from api.validation import read_request, refusal
from judge_agent.aside import aside
from judge_agent.errors import InvalidRequest
from judge_agent.resources import check_resources
from judge_agent.schema import JudgmentRequest
from judge_agent.store import Accepted, IdempotencyConflict


async def check_room(request: Request, parts: Parts, caller: Caller, idempotency_key: str | None) -> None:
    """Refuse a large body by its headers where it would be refused once it is read. Raises Problem 429 or 503.

    A request that was accepted before is not: its answer is there, or on its way.
    """
    if announced(request, parts.settings.max_body_bytes) <= SMALL_BYTES:
        return
    if idempotency_key is not None and await _was_used(parts, caller.tenant, idempotency_key):
        return
    try:
        await parts.queue.check_room(caller)
    except Problem:
        await discard_body(request)
        raise


async def _was_used(parts: Parts, tenant: str, idempotency_key: str) -> bool:
    try:
        return await parts.store.earlier(tenant, idempotency_key, "") is not None
    except IdempotencyConflict:
        return True


async def accepted(
    parts: Parts, caller: Caller, body: JsonBody, idempotency_key: str | None, *, is_awaited: bool = False
) -> Accepted:
    """Check a request and keep it. Raises Problem: 409, 422, 429 or 503. The parsed body ends here.

    `is_awaited`: see `JudgmentQueue.accept`.
    """
    with parts.queue.order.turns() as turn:
        await turn.take()
        wanted = await _read(parts, body)
        await checked(parts, caller.tenant, wanted, body.data)
        sha256 = body.sha256() if idempotency_key else ""
        return await kept(parts, caller, wanted, body.text, idempotency_key, sha256, is_awaited=is_awaited)


async def checked(parts: Parts, tenant: str, wanted: JudgmentRequest, data: Any) -> None:
    """Raise Problem 422 for what can never be judged; `data` is the body that it was read from."""
    _check_seconds(wanted.budget.seconds, parts.settings.max_judgment_seconds)
    try:
        await aside(wanted, parts.judge.check, wanted)
        await parts.judge.check_calibrated(wanted)
        await check_resources(wanted.resources, parts.files, tenant)
    except InvalidRequest as error:
        raise refusal(error, data) from None


async def kept(
    parts: Parts,
    caller: Caller,
    wanted: JudgmentRequest,
    text: str,
    idempotency_key: str | None,
    body_sha256: str,
    *,
    count: int = 1,
    is_awaited: bool = False,
) -> Accepted:
    """Keep a checked request, which counts for `count` judgments, and have it judged. Raises Problem: 409, 429, 503."""
    try:
        await held_to_its_pin(parts, caller, wanted, idempotency_key, body_sha256, count=count)
        return await parts.queue.accept(
            wanted,
            text,
            caller=caller,
            idempotency_key=idempotency_key,
            body_sha256=body_sha256,
            count=count,
            is_awaited=is_awaited,
        )
    except IdempotencyConflict as conflict:
        raise _conflict(conflict) from None


async def _read(parts: Parts, body: JsonBody) -> JudgmentRequest:
    """The request of a body; that of a large one is made in a thread, so that the loop goes on serving."""
    if len(body.text) <= THREAD_BYTES:
        return read_request(body.data)
    async with parts.large_bodies.parsing:
        return await asyncio.to_thread(read_request, body.data)


def _check_seconds(seconds: float | None, limit: float) -> None:
    if seconds is not None and seconds > limit:
        detail = f"{seconds:g} is more than this service allows (JUDGE_MAX_JUDGMENT_SECONDS={limit:g})"
        raise invalid("budget.seconds", detail, value=seconds, limit=limit)


def _conflict(conflict: IdempotencyConflict) -> Problem:
    detail = "the Idempotency-Key was used for a request with another body; use a new key for a new request"
    return Problem(409, "idempotency_conflict", detail, id=conflict.judgment_id, field="Idempotency-Key")

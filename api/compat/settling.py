"""Judges rollouts for a trainer that takes nothing but numbers: each comes back with what to answer for it.

A rollout that failed early is not without a mean only because its siblings take longer: it waits for those that are
being judged, within its own time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from api.callers import Caller
from api.compat.answers import Told
from api.compat.asking import GRACE_SECONDS, Prepared, Wanted, accept, prepare, told
from api.compat.failing import Fallbacks, Settled
from api.compat.query import How
from api.parts import Parts
from api.problems import Problem
from judge_agent.store import StoredJudgment

_LOOK_AGAIN_SECONDS = 0.05
_LOOK_AGAIN_AT_LEAST_SECONDS = 1.0


async def ask_and_settle(
    wanted: Sequence[Wanted], how: How, parts: Parts, caller: Caller
) -> list[tuple[Told, Settled]]:
    """Judge rollouts of one candidate each, in order. Raises Problem 422 and 429, and 503 where no number is honest."""
    until = time.monotonic() + how.seconds + GRACE_SECONDS
    fallbacks = Fallbacks(parts.store)
    prepared = [await prepare(one, how, parts, caller) for one in wanted]
    rows = [await accept(one, parts, caller, is_awaited=True) for one in prepared]
    for one, row in zip(prepared, rows, strict=True):
        await fallbacks.begin(caller.tenant, one.group, row.id)
    ends = [
        await _ended(row, one, parts, caller.tenant, fallbacks, until)
        for one, row in zip(prepared, rows, strict=True)
    ]
    return [
        (end, await _settled(end, one.group, how, caller.tenant, fallbacks, until))
        for one, end in zip(prepared, ends, strict=True)
    ]


async def _ended(
    row: StoredJudgment, prepared: Prepared, parts: Parts, tenant: str, fallbacks: Fallbacks, until: float
) -> Told:
    [end] = await told(row, prepared, parts, until=until)
    await fallbacks.observe(tenant, prepared.group, end)
    return end


async def _settled(
    end: Told, group: str, how: How, tenant: str, fallbacks: Fallbacks, until: float
) -> Settled:
    """Settle, and again while there is no number and a sibling may still bring one: seldom, once that takes long."""
    pause = _LOOK_AGAIN_SECONDS
    while True:
        is_open = await fallbacks.is_open(tenant, group, end.judgment_id or "") if end.failed else False
        try:
            return await fallbacks.settle(tenant, group, end, how.on_failure)
        except Problem:
            left = until - time.monotonic()
            if left <= 0 or not is_open or how.on_failure == "error":
                raise
        await asyncio.sleep(min(pause, left))
        pause = min(2 * pause, _LOOK_AGAIN_AT_LEAST_SECONDS)

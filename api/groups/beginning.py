"""Begins the one judgment of members that are compared with each other: once, whichever process comes first."""

from __future__ import annotations

import json
from typing import Any

from api.groups.reading import Read
from api.judging import Judging
from api.queue import JudgmentQueue
from judge_agent.schema import JudgmentRequest
from judge_agent.store import Store

# A judgment needs some time, however little its group has left.
MIN_JUDGING_SECONDS = 0.5


async def begin(store: Store, judge: Judging, queue: JudgmentQueue, found: Read) -> str | None:
    """Have the members judged together, and return the judgment. It has a key of its group's, so that there is one.

    Raises Problem 429 or 503 where there is no room now: then the next look begins it.
    """
    group = found.group
    candidates = [
        {**json.loads(text), "id": str(index)} for index, text in await store.groups.candidates(group.id)
    ]
    if found.template is None or not candidates:
        return None
    data = {**found.template, "candidates": candidates}
    request = JudgmentRequest.model_validate(data)
    seconds = _seconds(found, judge.seconds_of(request))
    if seconds is not None:
        data["budget"] = {**(data.get("budget") or {}), "seconds": seconds}
        request = JudgmentRequest.model_validate(data)
    accepted = await queue.accept(
        request,
        json.dumps(data),
        caller=found.payer,
        idempotency_key=f"group of {group.id}",
        count=len(candidates),
    )
    await store.groups.begun(group.id, accepted.row.id)
    return accepted.row.id


def _seconds(found: Read, own: float) -> float | None:
    """The judgment's time where it must end before a deadline that has not passed; None for its own."""
    deadline: Any = found.terms.deadline_seconds
    if found.terms.on_partial != "min_size" or deadline is None or found.group.seconds >= deadline:
        return None
    return float(min(own, max(MIN_JUDGING_SECONDS, deadline - found.group.seconds)))

"""Begins the one judgment of members that are compared with each other: once, whichever process comes first."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from api.body import THREAD_BYTES
from api.groups.reading import Read
from api.judging import Judging
from api.queue import JudgmentQueue
from judge_agent.schema import BudgetSpec, JudgmentRequest
from judge_agent.store import Store

# A judgment needs some time, however little its group has left.
MIN_JUDGING_SECONDS = 0.5


async def begin(store: Store, judge: Judging, queue: JudgmentQueue, found: Read) -> str | None:
    """Have the members judged together, and return the judgment. It has a key of its group's, so that there is one.

    Raises Problem 429 or 503 where there is no room now: then the next look begins it.
    """
    group = found.group
    texts = await store.groups.candidates(group.id)
    if found.template is None or not texts:
        return None
    work = (judge, found, texts)
    is_small = sum(len(text) for _, text in texts) <= THREAD_BYTES
    request, text = _asked(*work) if is_small else await asyncio.to_thread(_asked, *work)
    accepted = await queue.accept(
        request,
        text,
        caller=found.payer,
        idempotency_key=f"group of {group.id}",
        count=len(texts),
    )
    await store.groups.begun(group.id, accepted.row.id)
    return accepted.row.id


def _asked(judge: Judging, found: Read, texts: Sequence[tuple[int, str]]) -> tuple[JudgmentRequest, str]:
    """The request for all members and its JSON, with the time that is left."""
    candidates = [{**json.loads(text), "id": str(index)} for index, text in texts]
    data: dict[str, Any] = {**(found.template or {}), "candidates": candidates}
    request = JudgmentRequest.model_validate(data)
    seconds = _seconds(found, judge.seconds_of(request))
    if seconds is not None:
        budget = (data.get("budget") or {}) | {"seconds": seconds}
        data["budget"] = budget
        request = request.model_copy(update={"budget": BudgetSpec.model_validate(budget)})
    return request, json.dumps(data)


def _seconds(found: Read, own: float) -> float | None:
    """The judgment's time where it must end before a deadline that has not passed; None for its own."""
    deadline: Any = found.terms.deadline_seconds
    if found.terms.on_partial != "min_size" or deadline is None or found.group.seconds >= deadline:
        return None
    return float(min(own, max(MIN_JUDGING_SECONDS, deadline - found.group.seconds)))

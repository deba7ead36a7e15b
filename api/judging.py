"""One accepted judgment, from its start (or its resumption) to its one end on disk."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from api.records import to_json, unscored
from judge_agent.errors import StoreError
from judge_agent.schema import Judgment, JudgmentRequest
from judge_agent.store import Store, StoredJudgment

FIRST_RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 30.0
T = TypeVar("T")
_log = logging.getLogger("judge_agent.service")


class Judging(Protocol):
    """What the service needs of a judge; `judge_agent.judge.Judge` is one."""

    def check(self, request: JudgmentRequest) -> None: ...

    async def judge(
        self,
        request: JudgmentRequest,
        *,
        judgment_id: str,
        tenant: str,
        created: float,
        elapsed_seconds: float = 0.0,
        resumed: bool = False,
    ) -> Judgment: ...

    def recipes(self) -> Sequence[Mapping[str, Any]]: ...

    def tools(self) -> Sequence[Mapping[str, Any]]: ...

    async def ready(self) -> Mapping[str, Any]: ...


@dataclass(eq=False)
class LiveJudgment:
    """A judgment that has not ended. Its own clock stands still while it waits for its turn."""

    id: str
    tenant: str
    created: float
    elapsed_before: float = 0.0
    resumed: bool = False
    started: float | None = None
    is_judged: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    row: StoredJudgment | None = None
    task: asyncio.Task[None] | None = None

    @property
    def elapsed_seconds(self) -> float:
        return self.elapsed_before + (time.monotonic() - self.started if self.started is not None else 0.0)


async def judge_to_its_end(
    judge: Judging, store: Store, live: LiveJudgment, request: JudgmentRequest | None
) -> StoredJudgment:
    """Judge and keep the end. A `request` of None waited its turn on disk, not in memory, and is read from there."""
    text: str | None = None
    if request is None:
        text = await _patiently(lambda: store.request(live.id))
        if not live.resumed:
            await _patiently(lambda: store.start(live.id))
    live.started = time.monotonic()
    judgment = await _judged(judge, live, request, text)
    live.is_judged = True
    return await _kept(store, live, judgment)


async def _judged(
    judge: Judging, live: LiveJudgment, request: JudgmentRequest | None, text: str | None
) -> Judgment:
    """Ask the judge. What it should never raise still ends the judgment, unscored."""
    try:
        return await judge.judge(
            request or JudgmentRequest.model_validate(json.loads(text or "")),
            judgment_id=live.id,
            tenant=live.tenant,
            created=live.created,
            elapsed_seconds=live.elapsed_before,
            resumed=live.resumed,
        )
    except Exception as error:  # noqa: BLE001 - a bug of the judge must not lose an accepted judgment
        _log.error("judgment %s failed", live.id, exc_info=error)
        reason = f"{type(error).__name__}: {error}"
    raw = text or (to_json(request) if request is not None else "")
    return unscored(raw, live.id, created=live.created, seconds=live.elapsed_seconds, reason=reason)


async def _kept(store: Store, live: LiveJudgment, judgment: Judgment) -> StoredJudgment:
    record, seconds = to_json(judgment), live.elapsed_seconds
    state: Literal["done", "cancelled"] = "cancelled" if judgment.state == "cancelled" else "done"
    is_first = await _patiently(lambda: store.finish(live.id, record, elapsed_seconds=seconds, state=state))
    if not is_first:
        _log.error("judgment %s had ended before; its second end is dropped", live.id)
    row = await _patiently(lambda: store.get(live.id))
    if row is None:
        raise StoreError(f"judgment {live.id!r} is gone from the database")
    return row


async def _patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Ask the store until it answers: a full disk must not lose the end of a long judgment."""
    pause = FIRST_RETRY_SECONDS
    while True:
        try:
            return await call()
        except StoreError as error:
            _log.error("the store failed, trying again in %g s: %s", pause, error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_RETRY_SECONDS)

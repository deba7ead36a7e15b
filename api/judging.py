"""One accepted judgment, from its start (or its resumption) to its one end on disk."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from api.costs import cost_of
from api.logs import JUDGMENT
from api.records import to_json, unscored
from judge_agent.errors import LeaseLost, StoreError
from judge_agent.in_order import take_turn
from judge_agent.pinning import Pin
from judge_agent.run_points import run_end
from judge_agent.schema import Group, Judgment, JudgmentRequest
from judge_agent.schema.shape import Shape
from judge_agent.store import Claimed, Finished, Lease, Store, StoredJudgment
from judge_agent.store.runs import RunEnd

FIRST_RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 30.0
T = TypeVar("T")
_log = logging.getLogger("judge_agent.service")


class Judging(Protocol):
    """What the service needs of a judge; `judge_agent.judge.Judge` is one."""

    def check(self, request: JudgmentRequest) -> None: ...

    async def check_calibrated(self, request: JudgmentRequest) -> None: ...

    async def hold(
        self,
        request: JudgmentRequest,
        tenant: str,
        before_pinning: Callable[[], Awaitable[None]] | None = None,
    ) -> None: ...

    async def pin(self, recipe: str) -> Pin: ...

    async def judge(
        self,
        request: JudgmentRequest,
        *,
        judgment_id: str,
        tenant: str,
        created: float,
        elapsed_seconds: float = 0.0,
        resumed: bool = False,
        lease: int | None = None,
        twin: Judgment | None = None,
        ending: Callable[[], None] = ...,
    ) -> Judgment: ...

    async def logged_end(
        self, request: JudgmentRequest, *, judgment_id: str, created: float
    ) -> Judgment | None: ...

    async def superseded(self, *, judgment_id: str, tenant: str, lease: int) -> None: ...

    def serves_others(self, judgment: Judgment) -> bool: ...

    def failed_by_deadline(self, judgment: Judgment) -> bool: ...

    def flight_key(self, request: JudgmentRequest) -> str | None: ...

    def seconds_of(self, request: JudgmentRequest) -> float: ...

    def judges_together(self, request: JudgmentRequest) -> bool: ...

    def shape_of(self, request: JudgmentRequest) -> Shape: ...

    async def group_settled(self, group: Group, *, tenant: str, recipe: str) -> None: ...

    async def cancelled(
        self,
        request: JudgmentRequest,
        *,
        judgment_id: str,
        tenant: str,
        created: float,
        elapsed_seconds: float = 0.0,
    ) -> Judgment: ...

    def recipes(self) -> Sequence[Mapping[str, Any]]: ...

    def tools(self) -> Sequence[Mapping[str, Any]]: ...

    async def ready(self) -> Mapping[str, Any]: ...


@dataclass(eq=False)
class LiveJudgment:
    """A judgment that this process judges. `elapsed_before` is what its own clock showed when it was claimed."""

    lease: Lease
    tenant: str
    created: float
    elapsed_before: float = 0.0
    resumed: bool = False
    leader: str | None = None
    is_cancelled: bool = False
    started: float = field(default_factory=time.monotonic)
    is_judged: bool = False
    has_ended: bool = False
    task: asyncio.Task[None] | None = None
    points: RunEnd | None = None
    finished: Finished = field(default_factory=Finished)

    @classmethod
    def of(cls, claimed: Claimed) -> LiveJudgment:
        return cls(
            claimed.lease,
            claimed.tenant,
            claimed.created,
            claimed.elapsed_seconds,
            claimed.resumed,
            claimed.leader,
            claimed.is_cancelled,
        )

    def end(self) -> None:
        """What came of it is known: it is not cancelled any more, whoever asks."""
        self.is_judged = True

    def call_off(self) -> None:
        """Have it end as cancelled, unless what came of it is known."""
        if not self.is_judged and not self.is_cancelled:
            self.is_cancelled = True
            if self.task is not None:
                self.task.cancel()

    def drop(self) -> None:
        """Stop judging what another worker judges now; one that has just ended here is no such thing."""
        if not self.is_judged and self.task is not None:
            _log.warning("judgment %s is another worker's now; it is dropped here", self.id)
            self.task.cancel()

    @property
    def id(self) -> str:
        return self.lease.judgment_id

    @property
    def elapsed_seconds(self) -> float:
        return self.elapsed_before + time.monotonic() - self.started


async def judge_to_its_end(
    judge: Judging, store: Store, live: LiveJudgment, request: JudgmentRequest | None
) -> StoredJudgment:
    """Judge and keep the end. A `request` of None waited its turn on disk, not in memory, and is read from there.

    Raises LeaseLost where another worker has taken the judgment over: then nothing is kept.
    """
    JUDGMENT.set(live.id)
    text = await _patiently(lambda: store.request(live.id)) if request is None else None
    try:
        judgment = await _judged(judge, live, request, text, await _twin(store, live))
    except asyncio.CancelledError:
        if not live.is_cancelled:
            raise
        _uncancelled()
        judgment = await _called_off(judge, live, request, text)
    live.end()
    if not judge.serves_others(judgment):
        late = await _came_late(judge, live, request, text, judgment)
        await _patiently(lambda: store.pass_on(live.id, created_after=late))
    live.points = await _points(live, request, text, judgment)
    return await _kept(judge, store, live, judgment)


async def _judged(
    judge: Judging,
    live: LiveJudgment,
    request: JudgmentRequest | None,
    text: str | None,
    twin: Judgment | None,
) -> Judgment:
    """Ask the judge. What it should never raise still ends the judgment, unscored."""
    try:
        await take_turn()
        if live.is_cancelled:
            return await _called_off(judge, live, request, text)
        if (logged := await _logged_end(judge, live, request, text)) is not None:
            return logged
        return await judge.judge(
            request or _read(text),
            judgment_id=live.id,
            tenant=live.tenant,
            created=live.created,
            elapsed_seconds=live.elapsed_before,
            resumed=live.resumed,
            lease=live.lease.token,
            twin=twin,
            ending=live.end,
        )
    except LeaseLost:
        raise
    except Exception as error:  # noqa: BLE001 - a bug of the judge must not lose an accepted judgment
        return _broken(live, request, text, error)


async def _logged_end(
    judge: Judging, live: LiveJudgment, request: JudgmentRequest | None, text: str | None
) -> Judgment | None:
    """The end that an earlier worker has logged, and was killed before it was kept: it is not written twice."""
    if not live.resumed:
        return None
    asked = request or _read(text)
    logged = await judge.logged_end(asked, judgment_id=live.id, created=live.created)
    if logged is not None:
        live.end()
        _log.info("judgment %s had ended in the log; that end is kept", live.id)
    return logged


async def _twin(store: Store, live: LiveJudgment) -> Judgment | None:
    """The end that this judgment has waited for, where it has one to share."""
    leader = live.leader
    if leader is None or live.is_cancelled:
        return None
    row = await _patiently(lambda: store.get(leader))
    if row is None or row.state != "done" or row.judgment is None:
        return None
    return Judgment.model_validate_json(row.judgment)


async def _came_late(
    judge: Judging, live: LiveJudgment, request: JudgmentRequest | None, text: str | None, judgment: Judgment
) -> float:
    """Who came after this moment does not get this end, which serves not everybody who has waited for it.

    Who has waited for as long as may be judged gets the failure that a deadline made, or else a deadline would be as
    long as there are equal requests. Not after a restart: what nobody served in does not count against a deadline.
    """
    if live.resumed or not judge.failed_by_deadline(judgment):
        return 0.0
    asked = await asyncio.to_thread(_read, text) if request is None else request
    return time.time() - judge.seconds_of(asked)


async def _called_off(
    judge: Judging, live: LiveJudgment, request: JudgmentRequest | None, text: str | None
) -> Judgment:
    """The end of a judgment that was cancelled. It is cancelled as well where that cannot be logged.

    Who stops it now would have the line of its end written twice.
    """
    live.end()
    try:
        if (logged := await _logged_end(judge, live, request, text)) is not None:
            return logged
        return await judge.cancelled(
            request or _read(text),
            judgment_id=live.id,
            tenant=live.tenant,
            created=live.created,
            elapsed_seconds=live.elapsed_seconds,
        )
    except Exception as error:  # noqa: BLE001 - see above
        return _broken(live, request, text, error).model_copy(update={"state": "cancelled"})


def _broken(
    live: LiveJudgment, request: JudgmentRequest | None, text: str | None, error: Exception
) -> Judgment:
    _log.error("judgment %s failed", live.id, exc_info=error)
    raw = text or (to_json(request) if request is not None else "")
    reason = f"{type(error).__name__}: {error}"
    return unscored(raw, live.id, created=live.created, seconds=live.elapsed_seconds, reason=reason)


def _read(text: str | None) -> JudgmentRequest:
    return JudgmentRequest.model_validate(json.loads(text or ""))


def _uncancelled() -> None:
    """Go on in a task whose cancelling has done what it was for."""
    task = asyncio.current_task()
    while task is not None and task.cancelling():
        task.uncancel()


async def _points(
    live: LiveJudgment, request: JudgmentRequest | None, text: str | None, judgment: Judgment
) -> RunEnd | None:
    """What the request's run keeps of this end. A bug in there must not lose the end itself."""
    try:
        if request is None and '"run"' not in (text or ""):
            return None
        asked = await asyncio.to_thread(_read, text) if request is None else request
        if asked.run is None:
            return None
        return await asyncio.to_thread(run_end, asked, judgment, live.tenant)
    except Exception as error:  # noqa: BLE001 - see above
        _log.error("judgment %s is not counted in its run", live.id, exc_info=error)
        return None


async def _kept(judge: Judging, store: Store, live: LiveJudgment, judgment: Judgment) -> StoredJudgment:
    record, seconds = to_json(judgment), live.elapsed_seconds
    state: Literal["done", "cancelled"] = "cancelled" if judgment.state == "cancelled" else "done"
    lease, tokens = live.lease, await _patiently(lambda: cost_of(store, judgment))
    finished = await _patiently(
        lambda: store.finish(
            lease, record, elapsed_seconds=seconds, state=state, tokens=tokens, points=live.points
        )
    )
    if finished is None:
        await judge.superseded(judgment_id=live.id, tenant=live.tenant, lease=lease.token)
        raise LeaseLost(f"judgment {live.id!r} had ended before, or is another worker's; this end is dropped")
    await _patiently(store.on_disk)
    live.has_ended, live.finished = True, finished
    return StoredJudgment(
        live.id, live.tenant, state, json.dumps(judgment.metadata), record, live.created, seconds
    )


async def _patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Ask the store until it answers: a full disk must not lose the end of a long judgment."""
    pause = FIRST_RETRY_SECONDS
    while True:
        try:
            return await call()
        except LeaseLost:
            raise
        except StoreError as error:
            _log.error("the store failed, trying again in %g s: %s", pause, error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_RETRY_SECONDS)

"""Runs accepted judgments: so many at one time, each to its one end, across restarts and other workers.

A judgment is kept before its first call, and on disk before anybody is told of it; it is judged whether or not anyone
waits for it. Who judges it holds a lease; what a worker leaves behind, stopped, killed or paused, another one takes
over. What is in flight when the service stops stays resumable; the time in which nobody judges is no one's time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from api.callers import Caller
from api.judging import Judging, LiveJudgment, judge_to_its_end
from api.leases import keep
from api.refusing import Refusals, stopping
from api.waiting import Waiting
from judge_agent.aside import aside
from judge_agent.errors import LeaseLost, StoreError
from judge_agent.in_order import Order, own_turn
from judge_agent.schema import JudgmentRequest
from judge_agent.store import (
    Accepted,
    IdempotencyConflict,
    NewJudgment,
    QuotaExceeded,
    Store,
    StoredJudgment,
    TooManyOpen,
)
from judge_agent.store.quotas import refused, wanting
from judge_agent.store.runs import RunEnd

BEAT_SECONDS = 1.0
BEAT_SECONDS_BESIDE_OTHERS = 0.5
DRAIN_SECONDS = 5.0
CANCEL_SECONDS = 10.0
_log = logging.getLogger("judge_agent.service")


class JudgmentQueue:
    """The judgments that this process accepts and judges. Open it with `opened`, which also resumes what was left."""

    def __init__(
        self,
        judge: Judging,
        store: Store,
        tasks: asyncio.TaskGroup,
        *,
        max_running: int,
        max_queued: int,
        lease_seconds: float,
        is_alone: bool,
        accepting: Callable[[NewJudgment], None] | None = None,
        counted: Callable[[RunEnd], None] | None = None,
    ) -> None:
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
        self._judge = judge
        self._store = store
        self._tasks = tasks
        self._free = max_running
        self._max_running = max_running
        self._capacity = max_running + max_queued
        self._lease_seconds = lease_seconds
        self._is_alone = is_alone
        self._note_accepting = accepting
        self._counted = counted
        self._live: dict[str, LiveJudgment] = {}
        self.begun = 0  # how many this process has begun or taken over so far
        self._accepting: set[asyncio.Task[Accepted]] = set()
        self._others_wait = True
        self._wake = asyncio.Event()
        self._waiting = Waiting(store)
        self._draining = False
        self.order = Order(is_kept=store.answers_at_once)
        self._refusals = Refusals(max_running=max_running, capacity=max_running + max_queued)
        self.on_end: Callable[[str], None] = lambda _: None

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        judge: Judging,
        store: Store,
        *,
        max_running: int,
        max_queued: int,
        lease_seconds: float = 10.0,
        is_alone: bool = True,
        accepting: Callable[[NewJudgment], None] | None = None,
        counted: Callable[[RunEnd], None] | None = None,
    ) -> AsyncIterator[JudgmentQueue]:
        """Take judgments until the end of the block, those that an earlier process left first.

        `is_alone`: no other process judges from this store, so that nothing needs to be waited for. `accepting` is
        called with each judgment before it is kept, in the context of its request, `counted` with each end that a run
        has counted.
        """
        async with asyncio.TaskGroup() as tasks:
            queue = cls(
                judge,
                store,
                tasks,
                max_running=max_running,
                max_queued=max_queued,
                lease_seconds=lease_seconds,
                is_alone=is_alone,
                accepting=accepting,
                counted=counted,
            )
            if is_alone:
                await store.release_all()
            background = [tasks.create_task(queue._claim_on()), tasks.create_task(queue._keep())]
            if not is_alone:
                background.append(tasks.create_task(queue._waiting.look_on()))
            try:
                yield queue
            finally:
                await queue.drain()
                for task in background:
                    task.cancel()

    @property
    def running(self) -> int:
        """How many judgments this process judges at this moment."""
        return len(self._live)

    @property
    def draining(self) -> bool:
        return self._draining

    async def accept(
        self,
        request: JudgmentRequest,
        text: str,
        *,
        caller: Caller,
        idempotency_key: str | None = None,
        body_sha256: str = "",
        count: int = 1,
        is_awaited: bool = False,
    ) -> Accepted:
        """Keep a request (`text` is its JSON as sent) and have it judged. Raises Problem 429 or 503, StoreError.

        The limits are those of the key that `caller` has. `count`: for how many judgments it counts; of those
        that are accepted whole or not at all the first counts for all, the others for none. `is_awaited`: nobody is
        told of a new one before its end, or what `ended` says instead; else what is said is on disk on return.
        Who goes away meanwhile leaves a judgment that is kept, or none; not one that is kept and that nobody begins.
        """
        accepting = asyncio.create_task(
            self._accept(request, text, caller, idempotency_key, body_sha256, count)
        )
        self._accepting.add(accepting)
        accepting.add_done_callback(self._accepted)
        try:
            accepted = await asyncio.shield(accepting)
        except IdempotencyConflict:
            await self._store.on_disk()  # it names a judgment
            raise
        if not is_awaited or not accepted.created:
            await self._store.on_disk()
        return accepted

    def _accepted(self, accepting: asyncio.Task[Accepted]) -> None:
        self._accepting.discard(accepting)
        if not accepting.cancelled():
            accepting.exception()  # it is for who has asked, if anybody still waits

    async def _accept(
        self,
        request: JudgmentRequest,
        text: str,
        caller: Caller,
        idempotency_key: str | None,
        body_sha256: str,
        count: int,
    ) -> Accepted:
        if idempotency_key is not None:
            earlier = await self._store.earlier(caller.tenant, idempotency_key, body_sha256)
            if earlier is not None:
                return Accepted(earlier, created=False)
        flight = await aside(request, self._judge.flight_key, request)
        if self._draining:
            raise stopping(None)
        # One that comes while others wait takes no place before them.
        at_once = self._free > 0 and not self._others_wait
        self._free -= at_once
        new = NewJudgment(
            f"jdg_{uuid.uuid4().hex}",
            caller.tenant,
            text,
            time.time(),
            metadata=json.dumps(request.metadata),
            worker=self.worker if at_once else None,
            lease_seconds=self._lease_seconds,
            idempotency_key=idempotency_key,
            body_sha256=body_sha256,
            flight_key=flight,
            cohort=request.group.cohort if request.group is not None else None,
            max_open=self._capacity,
            key_id=caller.key_id,
            limits=caller.limits,
            count=count,
        )
        if self._note_accepting is not None:
            self._note_accepting(new)
        accepted: Accepted | None = None
        try:
            accepted = await self._store.accept(new)
        except TooManyOpen as full:
            raise self._refusals.full(full.open_count) from None
        except QuotaExceeded as error:
            raise self._refusals.full_for_key(error, count) from None
        finally:
            if accepted is None or accepted.lease is None:
                self._free += at_once
        if accepted.lease is not None:
            live = LiveJudgment(accepted.lease, caller.tenant, new.created)
            self._begin(live, request)
        elif accepted.created:
            self._others_wait = True
            self._wake.set()
        return accepted

    async def ended(self, judgment_id: str, *, timeout_seconds: float | None = None) -> StoredJudgment | None:
        """Wait for an end; None when the time is over first. Raises Problem 503 when the service stops, StoreError.

        What is there is on disk then, whether or not it has ended.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                row = await self._waiting.for_end(judgment_id, self._live.get(judgment_id))
        except TimeoutError:
            await self._store.on_disk()
            return None
        if row is None:
            await self._store.on_disk()
            raise stopping(judgment_id)
        return row

    def is_awaited(self, judgment_id: str) -> bool:
        """Whether anybody in this process waits for an end."""
        return self._waiting.is_awaited(judgment_id)

    async def ended_soon(self, judgment_id: str, timeout_seconds: float) -> None:
        """Wait for an end, or until the time is over, or the service stops."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._waiting.for_end(judgment_id)

    async def cancel(self, judgment_id: str) -> StoredJudgment | None:
        """End a judgment that has not ended: its calls stop. Returns the row when it has ended, however it did."""
        await self.call_off(judgment_id)
        return await self.ended(judgment_id, timeout_seconds=CANCEL_SECONDS)

    async def call_off(self, judgment_id: str) -> None:
        """Have a judgment that has not ended stop, without waiting for its end."""
        claimed = await self._store.cancel(judgment_id, worker=self.worker, lease_seconds=self._lease_seconds)
        if claimed is not None:
            self._free -= 1
            self._begin(LiveJudgment.of(claimed), None)
        elif (live := self._live.get(judgment_id)) is not None:
            live.call_off()

    def elapsed_seconds(self, row: StoredJudgment) -> float:
        """Return how long a judgment has been judged, now."""
        live = self._live.get(row.id)
        return live.elapsed_seconds if live is not None else row.elapsed_seconds

    async def drain(self) -> None:
        """Stop taking and judging. Who waits gets 503; what is open goes on elsewhere, or at the next start."""
        if self._draining:
            return
        self._draining = True
        if self._accepting:
            await asyncio.wait(self._accepting, timeout=DRAIN_SECONDS)
        clocks = {live.lease: live.elapsed_seconds for live in self._live.values()}
        for live in self._live.values():
            # One that only has its end left to keep is let finish.
            if live.task is not None and not live.is_judged:
                live.task.cancel()
        running = [live.task for live in self._live.values() if live.task is not None]
        if running:
            await asyncio.wait(running, timeout=DRAIN_SECONDS)
        if clocks:
            try:
                await self._store.release(clocks)
            except StoreError as error:
                _log.error("the leases of %d judgments could not be given back: %s", len(clocks), error)
        self._waiting.stop()

    async def check_room(self, caller: Caller, count: int = 1) -> None:
        """Raise what `accept` would now, for a request that is not accepted yet: Problem 429 or 503, StoreError."""
        if self._draining:
            raise stopping(None)
        if (found := sum(await self._store.open_count())) >= self._capacity:
            raise self._refusals.full(found)
        limits = caller.limits
        if limits.is_limited:
            found_of_key = await self._store.quotas.standings(caller.key_id, limits)
            if over := refused(wanting(found_of_key, count)):
                raise self._refusals.full_for_key(QuotaExceeded(over), count)

    async def _keep(self) -> None:
        every = BEAT_SECONDS if self._is_alone else BEAT_SECONDS_BESIDE_OTHERS
        await keep(self._live, self._store, every_seconds=every, lease_seconds=self._lease_seconds)

    async def _claim_on(self) -> None:
        """Claim what waits whenever there is a free place: at once when this process knows of it, else soon."""
        while not self._draining:
            self._wake.clear()
            try:
                claimed = await self._claim()
            except StoreError as error:
                _log.error("no judgment could be claimed: %s", error)
                claimed = 0
            if not claimed:
                await self._woken()

    async def _claim(self) -> int:
        wanted = self._free
        if wanted <= 0:
            return 0
        self._free -= wanted
        taken = 0
        try:
            claimed = await self._store.claim(self.worker, wanted, lease_seconds=self._lease_seconds)
            taken = len(claimed)
        finally:
            self._free += wanted - taken
        self._others_wait = taken == wanted
        for one in claimed:
            self._begin(LiveJudgment.of(one), None)
        return taken

    async def _woken(self) -> None:
        """Wait until something may be there to claim: a place came free, a judgment was accepted, or time went by."""
        if self._is_alone or self._free <= 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._wake.wait()
        else:
            await self._store.changed(BEAT_SECONDS)

    def _begin(self, live: LiveJudgment, request: JudgmentRequest | None) -> None:
        former = self._live.get(live.id)
        if former is not None and former.task is not None:
            # This process slept past its own lease, and has taken the judgment over from itself.
            former.task.cancel()
        self._live[live.id] = live
        self.begun += 1
        if self._draining:
            self._forget(live)
            return
        before = former.task if former is not None else None
        turn = own_turn()
        live.task = self._tasks.create_task(self._run(live, request, before), name=live.id)
        if turn is not None:
            turn.is_handed_over = True
            # It may be called off before its first step, and gives up nothing then.
            live.task.add_done_callback(lambda _: turn.give_up())
        # Not at the end of the task's own code: one that is cancelled before its first step has no such end.
        live.task.add_done_callback(lambda _: None if self._draining else self._forget(live))

    def _forget(self, live: LiveJudgment) -> None:
        if self._live.get(live.id) is live:
            del self._live[live.id]
        self._free += 1
        if live.finished.others_wait:
            self._others_wait = True
        if self._others_wait:
            self._wake.set()

    async def _run(
        self, live: LiveJudgment, request: JudgmentRequest | None, before: asyncio.Task[None] | None
    ) -> None:
        try:
            if before is not None:
                await asyncio.wait([before])
            with self.order.turns(own_turn()):
                row = await judge_to_its_end(self._judge, self._store, live, request)
            self._refusals.note(live.elapsed_seconds - live.elapsed_before)
            self._waiting.tell(row)
            if live.points is not None and self._counted is not None:
                self._counted(live.points)
            if live.finished.is_in_group:
                self.on_end(row.id)
        except LeaseLost as error:
            _log.warning("%s", error)
        except Exception as error:  # noqa: BLE001 - one judgment that cannot end must not stop the others
            _log.error("judgment %s stays open until its lease runs out", live.id, exc_info=error)

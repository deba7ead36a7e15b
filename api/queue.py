"""Runs accepted judgments: so many at one time, each to its one end, across restarts.

A judgment is on disk before its first call, and is judged whether or not anyone waits for it. What is in
flight when the service stops stays resumable; the time in which the service is down is no one's time.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from api.judging import Judging, to_json, unscored
from api.problems import busy
from judge_agent.errors import StoreError
from judge_agent.schema import Judgment, JudgmentRequest
from judge_agent.store import Accepted, NewJudgment, Store, StoredJudgment, Unfinished

HEARTBEAT_SECONDS = 1.0
DRAIN_SECONDS = 5.0
MAX_STORE_RETRY_SECONDS = 30.0
T = TypeVar("T")
_log = logging.getLogger("judge_agent.service")


@dataclass(eq=False)
class _Live:
    """A judgment that has not ended. Its own clock stands still while it waits for its turn."""

    id: str
    tenant: str
    created: float
    elapsed_before: float = 0.0
    resumed: bool = False
    started: float | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    row: StoredJudgment | None = None
    is_judged: bool = False
    task: asyncio.Task[None] | None = None

    @property
    def elapsed_seconds(self) -> float:
        return self.elapsed_before + (time.monotonic() - self.started if self.started is not None else 0.0)


class JudgmentQueue:
    """The accepted judgments of this process. Open it with `opened`, which also resumes what was left."""

    def __init__(
        self, judge: Judging, store: Store, tasks: asyncio.TaskGroup, *, max_running: int, max_queued: int
    ) -> None:
        self._judge = judge
        self._store = store
        self._tasks = tasks
        self._free = max_running
        self._max_running = max_running
        self._capacity = max_running + max_queued
        self._live: dict[str, _Live] = {}
        self._waiting: deque[_Live] = deque()
        self._draining = False
        self._mean_seconds = 1.0

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, judge: Judging, store: Store, *, max_running: int, max_queued: int
    ) -> AsyncIterator[JudgmentQueue]:
        """Resume what an earlier process left, then take new judgments until the end of the block."""
        async with asyncio.TaskGroup() as tasks:
            queue = cls(judge, store, tasks, max_running=max_running, max_queued=max_queued)
            heart = tasks.create_task(queue._beat())
            try:
                for left in await store.unfinished():
                    queue._resume(left)
                yield queue
            finally:
                await queue.drain()
                heart.cancel()

    @property
    def counts(self) -> dict[str, int]:
        """How many judgments run and wait at this moment."""
        return {"running": self._max_running - self._free, "queued": len(self._waiting)}

    @property
    def draining(self) -> bool:
        return self._draining

    async def accept(
        self,
        request: JudgmentRequest,
        *,
        tenant: str,
        idempotency_key: str | None = None,
        body_sha256: str = "",
    ) -> Accepted:
        """Keep a request on disk and have it judged. Raises Problem 429 or 503, StoreError."""
        if idempotency_key is not None:
            earlier = await self._store.earlier(tenant, idempotency_key, body_sha256)
            if earlier is not None:
                return Accepted(earlier, created=False)
        self._refuse_when_full()
        live = _Live(f"jdg_{uuid.uuid4().hex}", tenant, time.time())
        at_once = self._free > 0
        self._free -= at_once
        self._live[live.id] = live
        new = NewJudgment(
            live.id,
            tenant,
            to_json(request),
            live.created,
            metadata=json.dumps(request.metadata),
            state="running" if at_once else "queued",
            idempotency_key=idempotency_key,
            body_sha256=body_sha256,
        )
        try:
            accepted = await self._store.accept(new)
        except BaseException:
            self._forget(live, at_once)
            raise
        if not accepted.created:
            self._forget(live, at_once)
        elif at_once:
            self._begin(live, request)
        else:
            self._waiting.append(live)
            self._dispatch()
        return accepted

    async def ended(self, judgment_id: str, *, timeout_seconds: float | None = None) -> StoredJudgment | None:
        """Wait for an end; None when the time is over first. Raises Problem 503 when the service stops."""
        live = self._live.get(judgment_id)
        if live is None:
            row = await self._store.get(judgment_id)
            return row if row is not None and row.judgment is not None else None
        try:
            async with asyncio.timeout(timeout_seconds):
                await live.ended.wait()
        except TimeoutError:
            return None
        if live.row is None:
            raise self._stopping(judgment_id)
        return live.row

    def elapsed_seconds(self, row: StoredJudgment) -> float:
        """Return how long a judgment has been judged, now."""
        live = self._live.get(row.id)
        return live.elapsed_seconds if live is not None else row.elapsed_seconds

    async def drain(self) -> None:
        """Stop taking and judging. Who waits gets 503; what is open resumes at the next start."""
        if self._draining:
            return
        self._draining = True
        self._waiting.clear()
        clocks = self._clocks()
        for live in self._live.values():
            # One that only has its end left to keep is let finish.
            if live.task is not None and not live.is_judged:
                live.task.cancel()
        running = [live.task for live in self._live.values() if live.task is not None]
        if running:
            await asyncio.wait(running, timeout=DRAIN_SECONDS)
        if clocks:
            await self._note(clocks)
        for live in self._live.values():
            live.ended.set()

    def _refuse_when_full(self) -> None:
        if self._draining:
            raise self._stopping(None)
        if len(self._live) >= self._capacity:
            rounds = math.ceil(len(self._live) / self._max_running)
            seconds = min(60, max(1, math.ceil(self._mean_seconds * rounds / 2)))
            raise busy(
                f"{len(self._live)} judgments are running or waiting, which is all this service takes "
                f"(JUDGE_MAX_RUNNING={self._max_running}, "
                f"JUDGE_MAX_QUEUED={self._capacity - self._max_running}); send it again later",
                status=429,
                retry_seconds=seconds,
                limit=self._capacity,
            )

    @staticmethod
    def _stopping(judgment_id: str | None) -> Exception:
        if judgment_id is None:
            return busy("the service is stopping; nothing was accepted", status=503)
        detail = f"the service is stopping; judgment {judgment_id} is kept and goes on at its next start"
        problem = busy(detail, status=503, id=judgment_id)
        problem.headers["Location"] = f"/v1/judgments/{judgment_id}"
        problem.headers["X-Judgment-Id"] = judgment_id
        return problem

    def _resume(self, left: Unfinished) -> None:
        started = left.state == "running"
        live = _Live(left.id, left.tenant, left.created, left.elapsed_seconds, resumed=started)
        self._live[live.id] = live
        self._waiting.append(live)
        self._dispatch()

    def _dispatch(self) -> None:
        while self._free > 0 and self._waiting and not self._draining:
            self._free -= 1
            self._begin(self._waiting.popleft(), None)

    def _begin(self, live: _Live, request: JudgmentRequest | None) -> None:
        if self._draining:
            live.ended.set()
            return
        live.task = self._tasks.create_task(self._run(live, request), name=live.id)

    def _forget(self, live: _Live, had_slot: bool) -> None:
        del self._live[live.id]
        if had_slot:
            self._free += 1
            self._dispatch()

    async def _run(self, live: _Live, request: JudgmentRequest | None) -> None:
        """Judge one request and keep its end; a request that waited is read from disk, not held in memory."""
        try:
            live.row = await self._finished(live, request)
            live.ended.set()
        finally:
            if not self._draining:
                self._forget(live, had_slot=True)

    async def _finished(self, live: _Live, request: JudgmentRequest | None) -> StoredJudgment:
        text: str | None = None
        if request is None:
            text = await self._patiently(lambda: self._store.request(live.id))
            if not live.resumed:
                await self._patiently(lambda: self._store.start(live.id))
        live.started = time.monotonic()
        judgment = await self._judged(live, request, text)
        live.is_judged = True
        seconds = live.elapsed_seconds
        self._mean_seconds += 0.1 * (seconds - self._mean_seconds)
        return await self._kept(live, judgment, seconds)

    async def _judged(self, live: _Live, request: JudgmentRequest | None, text: str | None) -> Judgment:
        """Ask the judge. What it should never raise still ends the judgment, unscored."""
        try:
            return await self._judge.judge(
                request or JudgmentRequest.model_validate_json(text or ""),
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

    async def _kept(self, live: _Live, judgment: Judgment, seconds: float) -> StoredJudgment:
        record = to_json(judgment)
        state: Literal["done", "cancelled"] = "cancelled" if judgment.state == "cancelled" else "done"
        is_first = await self._patiently(
            lambda: self._store.finish(live.id, record, elapsed_seconds=seconds, state=state)
        )
        if not is_first:
            _log.error("judgment %s had ended before; its second end is dropped", live.id)
        row = await self._patiently(lambda: self._store.get(live.id))
        assert row is not None
        return row

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Ask the store until it answers: a full disk must not lose the end of a long judgment."""
        pause = HEARTBEAT_SECONDS
        while True:
            try:
                return await call()
            except StoreError as error:
                _log.error("the store failed, trying again in %g s: %s", pause, error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, MAX_STORE_RETRY_SECONDS)

    async def _beat(self) -> None:
        """Note the clocks of what runs, so that a killed judgment resumes with the time it had left."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if clocks := self._clocks():
                await self._note(clocks)

    def _clocks(self) -> dict[str, float]:
        return {live.id: live.elapsed_seconds for live in self._live.values() if live.started is not None}

    async def _note(self, clocks: Mapping[str, float]) -> None:
        try:
            await self._store.heartbeat(clocks)
        except StoreError as error:
            _log.error("the clocks of %d judgments could not be noted: %s", len(clocks), error)

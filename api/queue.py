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
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from api.judging import Judging, LiveJudgment, judge_to_its_end
from api.problems import busy
from judge_agent.errors import StoreError
from judge_agent.schema import JudgmentRequest
from judge_agent.store import Accepted, NewJudgment, Store, StoredJudgment, Unfinished

HEARTBEAT_SECONDS = 1.0
DRAIN_SECONDS = 5.0
_log = logging.getLogger("judge_agent.service")


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
        self._live: dict[str, LiveJudgment] = {}
        self._waiting: deque[LiveJudgment] = deque()
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
        text: str,
        *,
        tenant: str,
        idempotency_key: str | None = None,
        body_sha256: str = "",
    ) -> Accepted:
        """Keep a request (`text` is its JSON as sent) and have it judged. Raises Problem 429 or 503, StoreError."""
        if idempotency_key is not None:
            earlier = await self._store.earlier(tenant, idempotency_key, body_sha256)
            if earlier is not None:
                return Accepted(earlier, created=False)
        self._refuse_when_full()
        live = LiveJudgment(f"jdg_{uuid.uuid4().hex}", tenant, time.time())
        at_once = self._free > 0
        self._free -= at_once
        self._live[live.id] = live
        new = NewJudgment(
            live.id,
            tenant,
            text,
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
        elif self._draining:
            live.ended.set()
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
        live = LiveJudgment(left.id, left.tenant, left.created, left.elapsed_seconds, resumed=started)
        self._live[live.id] = live
        self._waiting.append(live)
        self._dispatch()

    def _dispatch(self) -> None:
        while self._free > 0 and self._waiting and not self._draining:
            self._free -= 1
            self._begin(self._waiting.popleft(), None)

    def _begin(self, live: LiveJudgment, request: JudgmentRequest | None) -> None:
        live.task = self._tasks.create_task(self._run(live, request), name=live.id)

    def _forget(self, live: LiveJudgment, had_slot: bool) -> None:
        del self._live[live.id]
        if had_slot:
            self._free += 1
            self._dispatch()

    async def _run(self, live: LiveJudgment, request: JudgmentRequest | None) -> None:
        try:
            live.row = await judge_to_its_end(self._judge, self._store, live, request)
            self._mean_seconds += 0.1 * (live.row.elapsed_seconds - self._mean_seconds)
        except Exception as error:  # noqa: BLE001 - one judgment that cannot end must not stop the others
            _log.error("judgment %s stays open until the next start", live.id, exc_info=error)
        finally:
            live.ended.set()
            if not self._draining:
                self._forget(live, had_slot=True)

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

"""Looks after open groups: begins what is judged together, and settles each once, whichever process comes first.

What a group is waiting for is in the store alone, so that any process goes on where another one has stopped. A look
changes a group only as it was when it was looked at (its revision): a member that comes meanwhile asks for another.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from api.groups.beginning import begin
from api.groups.leaving import call_off_the_rest
from api.groups.reading import Read, live_record, read, settled_record
from api.groups.waiting import GroupWaiting
from api.judging import Judging
from api.problems import Problem, busy
from api.queue import JudgmentQueue
from api.records import to_json
from judge_agent.errors import StoreError
from judge_agent.group_record import Failure
from judge_agent.group_steps import next_step
from judge_agent.schema import Group, GroupState
from judge_agent.store import Store
from judge_agent.store.groups import SETTLED

BEAT_SECONDS = 0.5
DUE_AT_ONCE = 200
UNLOGGED_SECONDS = 15.0
DRAIN_SECONDS = 5.0
T = TypeVar("T")
_log = logging.getLogger("judge_agent.service")


class Grouping:
    """The open groups, as this process looks after them. Open it with `opened`."""

    def __init__(self, judge: Judging, store: Store, queue: JudgmentQueue) -> None:
        self._judge = judge
        self._store = store
        self._queue = queue
        self._waiting = GroupWaiting(store)
        self._to_look_at = set[str]()
        self._ended = set[str]()
        self._joining = set[asyncio.Task[Any]]()
        self._wake = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, judge: Judging, store: Store, queue: JudgmentQueue, *, is_alone: bool
    ) -> AsyncIterator[Grouping]:
        """Look after groups until the end of the block. `is_alone`: no other process does."""
        groups = cls(judge, store, queue)
        if is_alone:
            await store.groups.restart_clock()
        queue.on_end = groups._heard
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(groups._look_on())]
            if not is_alone:
                background.append(tasks.create_task(groups._waiting.look_on()))
            try:
                yield groups
            finally:
                await groups.drain()
                for task in background:
                    task.cancel()

    def look_at(self, id: str) -> None:
        """Look at a group soon: something has changed."""
        self._to_look_at.add(id)
        self._wake.set()

    async def to_its_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Run what seats a member to its end, also where its client goes away meanwhile."""
        task = asyncio.create_task(work)
        self._joining.add(task)
        task.add_done_callback(self._joined)
        return await asyncio.shield(task)

    async def ended(self, id: str, *, timeout_seconds: float | None = None) -> bool:
        """Wait for a group to settle; false when the time is over first. Raises Problem 503 when the service stops."""
        try:
            async with asyncio.timeout(timeout_seconds):
                is_settled = await self._waiting.for_end(id)
        except TimeoutError:
            return False
        if not is_settled:
            problem = busy(
                f"the service is stopping; group {id} is kept and goes on at its next start",
                status=503,
                id=id,
            )
            problem.headers["Location"] = f"/v1/groups/{id}"
            raise problem
        return True

    async def record(self, id: str, tenant: str | None = None) -> Group | None:
        """Return a group as it stands, those that came late included; None for an unknown one."""
        found = await read(self._store, id, tenant)
        return None if found is None else await live_record(self._store, found)

    async def cancel(self, id: str, tenant: str) -> Group | None:
        """End a group that has not settled, and stop what is judged for it alone. Returns it as it ended."""
        while (found := await read(self._store, id, tenant)) is not None:
            if found.is_settled or await self._settled(
                found, "cancelled", Failure("cancelled", "the group was cancelled before it had settled")
            ):
                break
        if found is None:
            return None
        if not found.is_settled:
            open_ones = dict.fromkeys(
                one.judgment_id for one in found.members if one.judgment_id and not one.has_ended
            )
            async with asyncio.TaskGroup() as tasks:
                for judgment_id in open_ones:
                    tasks.create_task(self._queue.cancel(judgment_id))
        return await self.record(id, tenant)

    async def drain(self) -> None:
        """Let those who are being seated be seated, and send away who waits."""
        if self._joining:
            await asyncio.wait(tuple(self._joining), timeout=DRAIN_SECONDS)
        self._waiting.stop()

    def _joined(self, task: asyncio.Task[Any]) -> None:
        self._joining.discard(task)
        if not task.cancelled():
            task.exception()  # it is for who has asked, if anybody still waits

    def _heard(self, judgment_id: str) -> None:
        self._ended.add(judgment_id)
        self._wake.set()

    async def _look_on(self) -> None:
        beat, loop = 0.0, asyncio.get_running_loop()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, beat + BEAT_SECONDS - loop.time())):
                    await self._wake.wait()
            self._wake.clear()
            is_beat = loop.time() >= beat + BEAT_SECONDS
            beat = loop.time() if is_beat else beat
            try:
                for id in await self._next(is_beat):
                    await self._look(id)
            except StoreError as error:
                _log.error("groups could not be looked after: %s", error)
                await asyncio.sleep(BEAT_SECONDS)

    async def _next(self, is_beat: bool) -> list[str]:
        """The groups to look at: those that this process has heard of, and at each beat all that are due."""
        ended, self._ended = self._ended, set()
        found, self._to_look_at = self._to_look_at, set()
        groups = self._store.groups
        if ended:
            found |= set(await groups.of_judgments(tuple(ended)))
        if is_beat:
            found |= set(await groups.due(DUE_AT_ONCE))
            for id in await groups.unlogged(UNLOGGED_SECONDS):
                await self._log_end(id)
        return sorted(found)

    async def _look(self, id: str) -> None:
        try:
            while not await self._step(id):
                pass
        except Problem as problem:
            _log.info("group %s waits for its judgment: %s", id, problem.detail)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - one group that cannot settle must not stop the others
            _log.error("group %s could not be looked after", id, exc_info=error)

    async def _step(self, id: str) -> bool:
        """Do what is to be done; false where the group has changed meanwhile, or more is to be done."""
        found = await read(self._store, id)
        if found is None or found.is_settled:
            self._waiting.tell(id)
            return True
        step = next_step(found.group, found.in_time, found.terms)
        if step == "begin":
            judgment_id = await begin(self._store, self._judge, self._queue, found)
            now = await self._store.groups.get(id)
            if judgment_id is not None and now is not None and now.state in SETTLED:
                await self._queue.call_off(judgment_id)
            return True
        if step in ("close", "extend"):
            await self._store.groups.close(id, found.group.revision)
            return step == "extend"
        if step == "nothing":
            return True
        if step == "fail":
            return await self._settled(found, "failed", found.overdue())
        return await self._settled(found, "done", None)

    async def _settled(self, found: Read, state: GroupState, failure: Failure | None) -> bool:
        """End a group; false where it had ended, or has changed since it was read."""
        record = await settled_record(self._store, found, state, failure)
        id, revision = found.group.id, found.group.revision
        if not await self._store.groups.settle(id, revision, record.state, to_json(record)):
            return False
        try:
            # Before anybody hears of the end: who then asks for a judgment of it must not keep it at work by that.
            await call_off_the_rest(self._store, self._queue, found)
        finally:
            self._waiting.tell(id)
        await self._log_end(id)
        return True

    async def _log_end(self, id: str) -> None:
        """Stop what goes on for a group that has ended, then write the end to the log; what could not be done is done
        later, by whichever process is there: a group whose end is in the log has nothing at work."""
        found = await read(self._store, id)
        if found is None or found.record is None:
            return
        try:
            await call_off_the_rest(self._store, self._queue, found)
            await self._judge.group_settled(found.record, tenant=found.group.tenant, recipe=found.recipe)
            await self._store.groups.logged(id)
        except StoreError as error:
            _log.error("the end of group %s is not in the log yet: %s", id, error)

"""Lets requests wait for the ends of judgments, whichever process judges them."""

from __future__ import annotations

import asyncio
import logging

from api.judging import LiveJudgment
from judge_agent.errors import StoreError
from judge_agent.store import Store, StoredJudgment

LOOK_SECONDS = 1.0
_log = logging.getLogger("judge_agent.service")


class Waiting:
    """Who waits in this process, and for what. Ends in this process are told; those elsewhere are looked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiters: dict[str, set[asyncio.Future[StoredJudgment | None]]] = {}
        self._someone = asyncio.Event()
        self._stopped = False

    async def for_end(self, judgment_id: str, live: LiveJudgment | None = None) -> StoredJudgment | None:
        """Wait for an end as long as it takes; None for an unknown judgment, and when the service stops first.

        `live`: the judgment, where this process judges it: its end is told, and need not be looked for.
        """
        future: asyncio.Future[StoredJudgment | None] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(judgment_id, set()).add(future)
        try:
            if live is None or live.has_ended or self._stopped:
                row = await self._store.get(judgment_id)
                if row is None or row.judgment is not None or self._stopped:
                    return row if row is not None and row.judgment is not None else None
            self._someone.set()
            return await future
        finally:
            waiting = self._waiters.get(judgment_id, set())
            waiting.discard(future)
            if not waiting:
                self._waiters.pop(judgment_id, None)

    def is_awaited(self, judgment_id: str) -> bool:
        return judgment_id in self._waiters

    def tell(self, row: StoredJudgment) -> None:
        """Give an end to all who wait for it."""
        for future in self._waiters.pop(row.id, set()):
            if not future.done():
                future.set_result(row)

    def stop(self) -> None:
        """Send everybody away: the service stops."""
        self._stopped = True
        for waiting in self._waiters.values():
            for future in waiting:
                if not future.done():
                    future.set_result(None)

    async def look_on(self) -> None:
        """Look for ends that other processes brought about, as long as anyone waits."""
        while True:
            if not self._waiters:
                self._someone.clear()
                await self._someone.wait()
            try:
                for row in await self._store.ended(tuple(self._waiters)):
                    self.tell(row)
                await self._store.changed(LOOK_SECONDS)
            except StoreError as error:
                _log.error("ends of judgments could not be looked for: %s", error)
                await asyncio.sleep(LOOK_SECONDS)

"""Lets requests wait for the settling of groups, whichever process settles them."""

from __future__ import annotations

import asyncio
import logging

from judge_agent.errors import StoreError
from judge_agent.store import Store

LOOK_SECONDS = 1.0
_log = logging.getLogger("judge_agent.service")


class GroupWaiting:
    """Who waits in this process, and for which group; nothing else of a request is kept."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiters: dict[str, set[asyncio.Future[bool]]] = {}
        self._someone = asyncio.Event()
        self._stopped = False

    async def for_end(self, id: str) -> bool:
        """Wait until a group has settled, as long as it takes; false when the service stops first."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(id, set()).add(future)
        try:
            if await self._store.groups.settled((id,)):
                return True
            if self._stopped:
                return False
            self._someone.set()
            return await future
        finally:
            waiting = self._waiters.get(id, set())
            waiting.discard(future)
            if not waiting:
                self._waiters.pop(id, None)

    def tell(self, id: str, *, settled: bool = True) -> None:
        for future in self._waiters.pop(id, set()):
            if not future.done():
                future.set_result(settled)

    def stop(self) -> None:
        """Send everybody away: the service stops."""
        self._stopped = True
        for id in tuple(self._waiters):
            self.tell(id, settled=False)

    async def look_on(self) -> None:
        """Look for groups that other processes have settled, as long as anyone waits."""
        while True:
            if not self._waiters:
                self._someone.clear()
                await self._someone.wait()
            try:
                for id in await self._store.groups.settled(tuple(self._waiters)):
                    self.tell(id)
                await self._store.changed(LOOK_SECONDS)
            except StoreError as error:
                _log.error("settled groups could not be looked for: %s", error)
                await asyncio.sleep(LOOK_SECONDS)

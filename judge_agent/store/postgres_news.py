"""Tells other processes that something changed, and hears it from them (NOTIFY and LISTEN).

News carry no content and may be lost with a process; whoever waits for them looks again after a while in any case.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any
from weakref import WeakKeyDictionary

import asyncpg

from judge_agent.errors import StoreError
from judge_agent.store.postgres_pool import PostgresPool

CHANNEL = "judge_agent_changed"
# Judgments end by the hundred in a second; others need not hear of each.
QUIET_SECONDS = 0.03
ALIVE_SECONDS = 10.0
RECONNECT_SECONDS = 0.5
LAST_SECONDS = 1.0
_LOST = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
# News are worth no wait for the disk.
_NOTIFY = f"SELECT set_config('synchronous_commit', 'off', true), pg_notify('{CHANNEL}', '')"
_log = logging.getLogger("judge_agent.store")


class News:
    """Open it with `start`. Every task that waits hears of all that changed since it last waited."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool
        self._heard = 0
        self._heard_by: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
        self._changed = asyncio.Event()
        self._to_tell = asyncio.Event()
        self._tasks = list[asyncio.Task[None]]()

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._listen_on()), asyncio.create_task(self._tell_on())]

    def announce(self) -> None:
        """Have every process look again, this one too."""
        self._to_tell.set()

    async def changed(self, timeout_seconds: float) -> None:
        """Wait for news, those that came since this task last waited included, at most `timeout_seconds`."""
        task = asyncio.current_task()
        assert task is not None
        seen = self._heard_by.setdefault(task, self._heard)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while seen == self._heard:
                    await self._changed.wait()
        self._heard_by[task] = self._heard

    async def aclose(self) -> None:
        """Stop listening, and tell what was not told yet: that leases were given back, say."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._to_tell.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_SECONDS):
                    await self._tell()

    def _hear(self, *_: object) -> None:
        self._heard += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _tell_on(self) -> None:
        while True:
            await self._to_tell.wait()
            self._to_tell.clear()
            await self._tell()
            await asyncio.sleep(QUIET_SECONDS)

    async def _tell(self) -> None:
        try:
            await self._pool.fetch(_NOTIFY)
        except StoreError as error:
            _log.warning("other processes were not told of changes: %s", error)

    async def _listen_on(self) -> None:
        while True:
            try:
                await self._listen()
            except _LOST as error:
                _log.info("changes by other processes are not heard for a while: %s", type(error).__name__)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        """Listen until the connection is lost. What was missed before counts as news."""
        connection = await self._pool.listening()
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, self._hear)
            self._hear()
            while not lost.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ALIVE_SECONDS):
                        await lost.wait()
                if not lost.is_set():
                    await connection.fetchval("SELECT 1")
        finally:
            connection.terminate()

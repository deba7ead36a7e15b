"""Walks through runs, for whoever asks: fair between tenants and runs, and no longer than somebody waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from fastapi import Request

from api.leaving import CLIENT_GONE, hung_up
from api.problems import Problem

# In this process. Each holds a few ten megabytes at most.
AT_ONCE = 4
AT_ONCE_OF_A_TENANT = 2


@dataclass(eq=False)
class _Walk:
    task: asyncio.Task[Any]
    askers: int = 0


class Walks:
    """Of one question one walk goes on at a time; who asks the same meanwhile shares the next one.

    A tenant has two of the four places, so that neither its large runs nor those of others keep a small one waiting.
    """

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)
        self._of_tenants: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._of_runs: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._next: dict[Hashable, _Walk] = {}

    async def answer(
        self,
        request: Request,
        tenant: str,
        run: str,
        question: Hashable,
        walk: Callable[[], Awaitable[Any]],
    ) -> Any:
        """Return what the walk comes to. Raises what it raises; and Problem 408, which nobody reads, for who has gone.

        A walk that nobody waits for any more stops.
        """
        key = (tenant, run, question)
        found = self._next.get(key)
        if found is None:
            found = self._next[key] = _Walk(asyncio.ensure_future(self._walk(tenant, run, key, walk)))
        found.askers += 1
        leaving = asyncio.ensure_future(hung_up(request))
        try:
            await asyncio.wait({found.task, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if found.task.done():
                return found.task.result()
            raise Problem(CLIENT_GONE, "client_gone", "the client hung up")
        finally:
            leaving.cancel()
            found.askers -= 1
            if not found.askers and not found.task.done():
                found.task.cancel()
                if self._next.get(key) is found:
                    del self._next[key]

    async def _walk(self, tenant: str, run: str, key: Hashable, walk: Callable[[], Awaitable[Any]]) -> Any:
        alone = self._of_runs.setdefault((tenant, run), asyncio.Lock())
        share = self._of_tenants.setdefault(tenant, asyncio.Semaphore(AT_ONCE_OF_A_TENANT))
        async with alone, share, self._places:
            # Who asks from here on may have seen more than this walk will.
            self._next.pop(key, None)
            return await walk()

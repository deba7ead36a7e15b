"""The connections of one client: a pool per event loop, for a connection cannot leave the loop that opened it."""

from __future__ import annotations

import asyncio
import os
import ssl
import weakref
from typing import Any, ClassVar, NamedTuple

import httpx

from judge_agent.client import loaded_early as loaded_early
from judge_agent.client import private_loop
from judge_agent.client.exchange import LIMITS, Target

# What no connection uses saves making a context for each client; it trusts nobody.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class _Pool(NamedTuple):
    http: httpx.AsyncClient
    dropped: weakref.finalize[Any, Any]


class Connections:
    """Opens a pool for each loop that asks, closes it with the client, and never touches one of a parent process."""

    _closings: ClassVar[set[asyncio.Task[None]]] = set()

    def __init__(self, target: Target) -> None:
        self._target = target
        self._pools = dict[asyncio.AbstractEventLoop, _Pool]()
        self._inherited = list[object]()
        self._pid = os.getpid()

    @property
    def is_open(self) -> bool:
        """Whether there is a pool that a living loop of this process holds."""
        self._forget_the_dead()
        return bool(self._pools)

    def of_this_loop(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        found = None if self._pid != os.getpid() else self._pools.get(loop)
        if found is None:
            self._forget_the_dead()
            found = self._pools[loop] = self._opened(loop)
        return found.http

    async def aclose(self) -> None:
        """Close the pool of the running loop; the next call opens another one."""
        found = self._pools.pop(asyncio.get_running_loop(), None) if self._pid == os.getpid() else None
        if found is not None:
            found.dropped.detach()
            await found.http.aclose()

    def _opened(self, loop: asyncio.AbstractEventLoop) -> _Pool:
        plain = self._target.url.startswith("http://")
        # OpenSSL has locks of its own, and a forked child cannot make a context while the parent's thread makes one.
        with private_loop.no_fork():
            http = httpx.AsyncClient(
                base_url=self._target.url,
                trust_env=not self._target.is_loopback,
                limits=LIMITS,
                verify=_NO_TLS if plain else True,
            )
        private_loop.close_at_exit(loop, http)
        dropped = weakref.finalize(self, _close_later, loop, http, os.getpid())
        dropped.atexit = False
        return _Pool(http, dropped)

    def _forget_the_dead(self) -> None:
        if self._pid != os.getpid():
            # Closing what a fork brought along would take the parent's sockets out of its selector.
            for pool in self._pools.values():
                pool.dropped.detach()
            self._inherited.append(self._pools)
            self._pools, self._pid = {}, os.getpid()
        for loop, pool in tuple(self._pools.items()):
            if loop.is_closed():
                pool.dropped.detach()
                self._pools.pop(loop, None)


def _close_later(loop: asyncio.AbstractEventLoop, http: httpx.AsyncClient, pid: int) -> None:
    """Close the pool of a client that nobody closed, on the loop that it belongs to."""
    if pid != os.getpid() or loop.is_closed():
        return

    def close() -> None:
        closing = loop.create_task(http.aclose(), name=private_loop.CLOSING)
        Connections._closings.add(closing)
        closing.add_done_callback(Connections._closings.discard)

    loop.call_soon_threadsafe(close)

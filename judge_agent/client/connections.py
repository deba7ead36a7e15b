"""The connections of one client: a pool per event loop, for a connection cannot leave the loop that opened it.

A pool is made of several of httpx's: what one of those does for a request grows with the square of its connections, so
that a thousand rollouts at one time would wait for the bookkeeping and not for the judge.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import weakref
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import httpx

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

from judge_agent.client import loaded_early as loaded_early
from judge_agent.client import private_loop
from judge_agent.client.target import Target

# A pool that is full makes callers wait and does not fail them: a group of rollouts posts at once.
MAX_CONNECTIONS = 1024
_OF_ONE = 32
_KEPT_BY_ONE = 8
# What no connection uses saves making a context for each client; it trusts nobody.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Pool:
    """The connections of one client in one loop; httpx clients are opened as they are needed."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._parts = list[_Part]()
        self._most = max(1, min(MAX_CONNECTIONS, _descriptors() // 2) // _OF_ONE)
        self._tls: ssl.SSLContext | None = None

    async def request(self, method: str, path: str, **given: Any) -> httpx.Response:
        """Do what httpx does, over the part that has the fewest requests."""
        part = self._free_part()
        part.busy += 1
        try:
            return await part.http.request(method, path, **given)
        finally:
            part.busy -= 1

    async def aclose(self) -> None:
        parts, self._parts = self._parts, []
        for part in parts:
            await part.http.aclose()

    def _free_part(self) -> _Part:
        """The first part with room, so that connections are used again; where all are full, the least busy."""
        for part in self._parts:
            if part.busy < _OF_ONE:
                return part
        if len(self._parts) < self._most:
            self._parts.append(_Part(self._opened()))
            return self._parts[-1]
        return min(self._parts, key=lambda part: part.busy)

    def _opened(self) -> httpx.AsyncClient:
        # OpenSSL has locks of its own, and a forked child cannot make a context while the parent's thread makes one.
        with private_loop.no_fork():
            if self._tls is None:
                plain = self._target.url.startswith("http://")
                self._tls = _NO_TLS if plain else httpx.create_ssl_context()
            return httpx.AsyncClient(
                base_url=self._target.url,
                trust_env=not self._target.is_loopback,
                limits=httpx.Limits(max_connections=_OF_ONE, max_keepalive_connections=_KEPT_BY_ONE),
                verify=self._tls,
            )


@dataclass
class _Part:
    http: httpx.AsyncClient
    busy: int = 0


class _Held(NamedTuple):
    pool: Pool
    dropped: weakref.finalize[Any, Any]


class Connections:
    """Opens a pool for each loop that asks, closes it with the client, and never touches one of a parent process."""

    _closings: ClassVar[set[asyncio.Task[None]]] = set()

    def __init__(self, target: Target) -> None:
        self._target = target
        self._pools = dict[asyncio.AbstractEventLoop, _Held]()
        self._inherited = list[object]()
        self._pid = os.getpid()

    @property
    def is_open(self) -> bool:
        """Whether there is a pool that a living loop of this process holds."""
        self._forget_the_dead()
        return bool(self._pools)

    def of_this_loop(self) -> Pool:
        loop = asyncio.get_running_loop()
        found = None if self._pid != os.getpid() else self._pools.get(loop)
        if found is None:
            self._forget_the_dead()
            found = self._pools[loop] = self._held(loop)
        return found.pool

    async def aclose(self) -> None:
        """Close the pool of the running loop; the next call opens another one."""
        found = self._pools.pop(asyncio.get_running_loop(), None) if self._pid == os.getpid() else None
        if found is not None:
            found.dropped.detach()
            await found.pool.aclose()

    def _held(self, loop: asyncio.AbstractEventLoop) -> _Held:
        pool = Pool(self._target)
        private_loop.close_at_exit(loop, pool)
        dropped = weakref.finalize(self, _close_later, loop, pool, os.getpid())
        dropped.atexit = False
        return _Held(pool, dropped)

    def _forget_the_dead(self) -> None:
        if self._pid != os.getpid():
            # Closing what a fork brought along would take the parent's sockets out of its selector.
            for held in self._pools.values():
                held.dropped.detach()
            self._inherited.append(self._pools)
            self._pools, self._pid = {}, os.getpid()
        for loop, held in tuple(self._pools.items()):
            if loop.is_closed():
                held.dropped.detach()
                self._pools.pop(loop, None)


def _close_later(loop: asyncio.AbstractEventLoop, pool: Pool, pid: int) -> None:
    """Close the pool of a client that nobody closed, on the loop that it belongs to."""
    if pid != os.getpid() or loop.is_closed():
        return

    def close() -> None:
        closing = loop.create_task(pool.aclose(), name=private_loop.CLOSING)
        Connections._closings.add(closing)
        closing.add_done_callback(Connections._closings.discard)

    loop.call_soon_threadsafe(close)


def _descriptors() -> int:
    """How many files this process may have open; a thousand connections must not take those of the trainer."""
    if resource is None:
        return 2 * MAX_CONNECTIONS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2 * MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else soft

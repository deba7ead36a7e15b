"""Bounds how many requests are open at one time in a process, and how long a connection may be open without one."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from starlette.types import ASGIApp, Receive, Scope, Send

from api.measuring import Metrics
from api.problems import busy, render

RETRY_SECONDS = 2
# Longer than a connection is kept open after an answer: it is for those that never send a whole head.
IDLE_SECONDS = 60.0
SWEEP_TICKS = 10  # of a tenth of a second
# Whoever watches the service must reach it when nobody else does.
ALWAYS_SERVED = frozenset({"/health", "/health/ready", "/metrics"})


class OpenRequests:
    """ASGI middleware: past so many open requests the next one is 503, before anything of it is read."""

    def __init__(self, app: ASGIApp, max_requests: int, metrics: Metrics) -> None:
        self._app = app
        self._max = max_requests
        self._metrics = metrics
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in ALWAYS_SERVED:
            await self._app(scope, receive, send)
            return
        if self._open >= self._max:
            detail = f"{self._open} requests are open, which is all that this service takes (JUDGE_MAX_CONNECTIONS)"
            problem = busy(detail, status=503, retry_seconds=RETRY_SECONDS, limit=self._max)
            problem.code = "overloaded"
            problem.headers["Connection"] = "close"
            self._metrics.refused(problem.code)
            await render(problem)(scope, receive, send)
            return
        self._open += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open -= 1


class IdleConnections:
    """Closes connections without a request: after a time, and the oldest sooner where there are too many."""

    def __init__(self, max_connections: int, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._max = max_connections
        self._idle_seconds = idle_seconds
        self._since: WeakKeyDictionary[Any, float] = WeakKeyDictionary()

    def sweep(self, connections: Iterable[Any]) -> int:
        """Look at all connections of the server (its protocols); return how many were closed."""
        found, now = list(connections), time.monotonic()
        idle = [one for one in found if one.cycle is None or one.cycle.response_complete]
        for busy_one in set(found).difference(idle):
            self._since.pop(busy_one, None)
        idle.sort(key=lambda one: self._since.setdefault(one, now))
        surplus = max(0, len(found) - self._max)
        closing = [
            one for at, one in enumerate(idle) if at < surplus or now - self._since[one] > self._idle_seconds
        ]
        for one in closing:
            one.transport.close()
        return len(closing)

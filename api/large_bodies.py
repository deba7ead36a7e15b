"""Bounds what bodies weigh that are read, parsed or not yet accepted: whoever comes too many waits before it is read.

What waits in a connection's own buffers is 64 KB. Bodies of up to SMALL_BYTES have no need to wait; their number is
bounded by that of the requests (`api/open_requests.py`). One key holds at most half of the room, so that its slow
bodies leave the other half to others. After WAIT_SECONDS there is 503 with the time in which there should be room.

What was read and parsed is kept until it is accepted, by facades until they answer: of that there may be KEPT_FACTOR
times as much.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.callers import Caller
from api.problems import Problem, busy

PARSED_AT_ONCE = 2
SMALL_BYTES = 100_000
WAIT_SECONDS = 10.0
KEPT_FACTOR = 8
MAX_RETRY_SECONDS = 60


@dataclass(eq=False)
class _Waiter:
    key_id: str
    size: int
    ready: asyncio.Future[None]


class LargeBodies:
    """The room for large bodies of one process. `parsing` bounds how many are parsed at one time, for parsed some weigh
    thirty times as much."""

    def __init__(
        self,
        max_bytes: int,
        max_body_bytes: int,
        *,
        wait_seconds: float = WAIT_SECONDS,
        told: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`told` is called with what is held whenever that changes."""
        self.parsing = asyncio.Semaphore(PARSED_AT_ONCE)
        self._max_bytes = max(max_bytes, 2 * max_body_bytes)
        self._share = self._max_bytes // 2
        self._wait_seconds = wait_seconds
        self._told = told
        self._held = Counter[str]()
        self._kept = 0
        self._waiting: deque[_Waiter] = deque()
        self._mean_seconds = 1.0

    @property
    def held_bytes(self) -> int:
        """What the bodies weigh that are here now: as announced while they are read, then as they are."""
        return self._reading + self._kept

    @property
    def _reading(self) -> int:
        return sum(self._held.values())

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def hold(self, request: Request, most: int) -> None:
        """Wait until there is room for the body of a request: as large as it says, else as large as it may be.

        It is held until `let_go`, or the end of the request; `has_read` says what it weighs. Raises Problem 503.
        """
        if (size := announced(request, most)) <= SMALL_BYTES:
            return
        caller: Caller | None = getattr(request.state, "caller", None)
        key_id = caller.key_id if caller is not None else ""
        waiter = _Waiter(key_id, size, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._admit()
        try:
            async with asyncio.timeout(self._wait_seconds):
                await waiter.ready
        except BaseException as error:
            self._leave(waiter)
            if isinstance(error, TimeoutError):
                raise self._full() from None
            raise
        request.state.held_body = _HeldBody(self, key_id, size)

    def keep(self, key_id: str, size: int, seconds: float, weight: int) -> None:
        """Keep a body that was read beside those that are being read."""
        self._kept += weight
        self.give_back(key_id, size, seconds)

    def forget(self, weight: int) -> None:
        self._kept -= weight
        self._told(self.held_bytes)
        self._admit()

    def give_back(self, key_id: str, size: int, seconds: float) -> None:
        self._held[key_id] -= size
        self._held += Counter()  # drops keys that hold nothing
        self._told(self.held_bytes)
        self._mean_seconds += 0.1 * (seconds - self._mean_seconds)
        self._admit()

    def _leave(self, waiter: _Waiter) -> None:
        """Forget one that waits no more; what it was given at the last moment goes to others."""
        if waiter.ready.done() and not waiter.ready.cancelled():
            self.give_back(waiter.key_id, waiter.size, 0.0)
            return
        self._waiting.remove(waiter)
        self._admit()

    def _admit(self) -> None:
        """Let in whom there is room for, in the order of their coming. Who waits for its own share lets others pass."""
        free = min(self._max_bytes, KEPT_FACTOR * self._max_bytes - self._kept) - self._reading
        for waiter in tuple(self._waiting):
            if waiter.ready.done():  # it is about to leave
                continue
            if waiter.size > free:
                return
            if self._held[waiter.key_id] + waiter.size > self._share:
                continue
            self._waiting.remove(waiter)
            self._held[waiter.key_id] += waiter.size
            self._told(self.held_bytes)
            free -= waiter.size
            waiter.ready.set_result(None)

    def _full(self) -> Problem:
        ahead = self.held_bytes + sum(waiter.size for waiter in self._waiting)
        seconds = min(MAX_RETRY_SECONDS, max(1, math.ceil(self._mean_seconds * ahead / self._max_bytes)))
        detail = (
            f"bodies of {self._reading} bytes are being read, of at most {self._max_bytes} "
            f"(JUDGE_MAX_HELD_BODY_BYTES), and {self._kept} are kept, of at most {KEPT_FACTOR} times that; "
            "send it again later"
        )
        problem = busy(detail, status=503, retry_seconds=seconds, limit=self._max_bytes)
        problem.code = "overloaded"
        return problem


class _HeldBody:
    """The room of one body, first as it is read, then as it is kept; given back once."""

    def __init__(self, room: LargeBodies, key_id: str, size: int) -> None:
        self._room, self._key_id, self._size = room, key_id, size
        self._since = time.monotonic()
        self._weight: int | None = None

    def has_read(self, weight: int) -> None:
        if self._weight is None:
            self._weight = weight
            self._room.keep(self._key_id, self._size, time.monotonic() - self._since, weight)

    def let_go(self) -> None:
        if self._weight is None:
            self._room.give_back(self._key_id, self._size, time.monotonic() - self._since)
        else:
            self._room.forget(self._weight)


def announced(request: Request, most: int) -> int:
    """How large the body is by its headers; of one that does not say, as large as it may be."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal():
        return min(int(declared[:18]), most)
    return most if "transfer-encoding" in request.headers else 0


def has_read(scope: Scope, weight: int) -> None:
    """Say that the body of a request was read and parsed: others may be read now."""
    held: _HeldBody | None = scope.get("state", {}).get("held_body")
    if held is not None:
        held.has_read(weight if weight > SMALL_BYTES else 0)


def let_go(scope: Scope) -> None:
    """Give back the room of a request's body: it is not needed any more. A second call does nothing."""
    held: _HeldBody | None = scope.get("state", {}).pop("held_body", None)
    if held is not None:
        held.let_go()


class HeldBodies:
    """ASGI middleware: what a request has not let go ends with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})
        try:
            await self._app(scope, receive, send)
        finally:
            let_go(scope)

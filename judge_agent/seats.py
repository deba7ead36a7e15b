"""Lets few judgments compute at one time, those that began first before all others.

Tasks of an event loop take turns at every await: of twenty judgments that are ready each goes a little way, and all end
late. Where work is of like size, to serve in the order of coming is better at the worst than to share (L. Kleinrock,
"Queueing Systems", vol. 2, chapter 4). So a judgment takes a seat while it computes, and is `away` while a model or a
tool works for it. A few seats rather than one: while one waits for the disk, another computes. Nothing hangs on a seat:
who keeps it for too long loses it and goes on without.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

PLACES = 4
# Far more than a judgment computes between two waits; less than a disk that hangs, or a store that is tried again.
LONGEST_SECONDS = 0.1


class Seats:
    """The seats of one event loop. `longest_seconds` is how long one is kept at a time."""

    def __init__(self, places: int = PLACES, *, longest_seconds: float = LONGEST_SECONDS) -> None:
        """Raises ValueError where there is no place at all."""
        if places < 1:
            raise ValueError(f"places must be at least 1, got {places}")
        self.longest_seconds = longest_seconds
        self._free = places
        self._began = 0
        self._waiting: list[tuple[int, _Seat, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Compute on a seat; what in this block waits for others, in this task or in one that it makes, is `away`."""
        self._began += 1
        seat = _Seat(self, self._began)
        token = _OWN.set(seat)
        try:
            await seat.wait()
            yield
        finally:
            _OWN.reset(token)
            seat.end()

    async def turn_of(self, seat: _Seat) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            seat.hold(self.longest_seconds)
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (seat.order, seat, place))
        await place

    def give_back(self) -> None:
        """Hand a place on, to the first who still wants one."""
        self._free += 1
        while self._waiting and self._free:
            _, seat, place = heapq.heappop(self._waiting)
            if place.done():  # cancelled meanwhile
                continue
            place.set_result(None)
            if seat.is_wanted:
                self._free -= 1
                seat.hold(self.longest_seconds)


class _Seat:
    """One judgment's seat. `order`: lower ones go first. It is away while any of its parts is."""

    def __init__(self, seats: Seats, order: int) -> None:
        self.order = order
        self._seats = seats
        self._timer: asyncio.TimerHandle | None = None
        self._away = 0
        self._has_ended = False

    def __lt__(self, other: _Seat) -> bool:
        return self.order < other.order

    @property
    def is_wanted(self) -> bool:
        return self._timer is None and not self._away and not self._has_ended

    async def wait(self) -> None:
        """Wait for a turn; not where it sits already, or a part of it is away."""
        if self.is_wanted:
            await self._seats.turn_of(self)

    def hold(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._leave)

    def _leave(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._seats.give_back()

    def go(self) -> None:
        self._away += 1
        self._leave()

    def come_back(self) -> None:
        self._away -= 1

    def end(self) -> None:
        self._has_ended = True
        self._leave()


_OWN: ContextVar[_Seat | None] = ContextVar("seat", default=None)


@asynccontextmanager
async def away() -> AsyncIterator[None]:
    """Let others compute while this waits for a model, a tool or another judgment; without a seat nothing changes.

    Who comes back waits for a turn, but not who comes with an error: that is told at once.
    """
    seat = _OWN.get()
    if seat is None:
        yield
        return
    seat.go()
    try:
        yield
    finally:
        seat.come_back()
    await seat.wait()

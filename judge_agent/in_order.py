"""Has judgments compute two by two, in the order in which they come to it.

Tasks of an event loop take turns at every await. Of ten judgments that come at once each goes a little way, all ask
their models late, and who has an answer waits behind all ten. One after the other the first ends early and the last no
later: where work is of like size, to serve in the order of coming is better at the worst than to share (L. Kleinrock,
"Queueing Systems", vol. 2, ch. 4). Who comes again, with its model's answer, stands where it would stand had it come
later by what it has waited and computed before: so what it takes in all is kept even, and not each part of it.

That pays only while nobody waits for anything in his turn: who asks a model, a tool
or a disk gives it up first, and what is not that quick to give way loses it. Nothing rests on a turn but the order.

A crowd goes together: then all wait for long in either way, and the same step of many, one after the other, takes a
third less of the processor than many steps of one (the caches hold one step, and not all).
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar

# Far more than a judgment computes between two waits, and less than anybody should wait behind one that does not.
LONGEST_SECONDS = 0.05
# Two take less of the processor than one after the other, and one goes on while the other waits after all.
PLACES = 2
# So many wait at once only where more comes than is done: at half of that, one in thousands finds as many.
CROWD = 16


class Order:
    """The order of one event loop; none where it is not `is_kept`. A turn is kept for `longest_seconds` at most.

    `clock` gives seconds: who comes when, and how long each has waited and computed.
    """

    def __init__(
        self,
        *,
        is_kept: bool = True,
        places: int = PLACES,
        longest_seconds: float = LONGEST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_kept = is_kept
        self._places = places
        self.longest_seconds = longest_seconds
        self.clock = clock
        self._taken = 0
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    @contextlib.contextmanager
    def turns(self, taken_over: Turn | None = None) -> Iterator[Turn]:
        """Have turns of this order in the block, and in the tasks that it makes; none is kept at its end.

        `taken_over`: those of the task that has made this one, and has handed them over.
        """
        own = taken_over or Turn(self)
        token = _OWN.set(own)
        try:
            yield own
        finally:
            _OWN.reset(token)
            if taken_over is not None or not own.is_handed_over:
                own.give_up()

    async def wait(self, came: float) -> None:
        """Wait for a place behind all who `came` before, or until a crowd waits."""
        if self._taken < self._places:
            self._taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (came, next(self._count), turn))
        if len(self._waiting) >= CROWD:
            self._hand_on(CROWD)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.ended()
            raise

    def ended(self) -> None:
        """A turn has ended: its place goes to who has waited longest, unless a crowd has more than its places."""
        self._taken -= 1
        self._hand_on(self._places - self._taken)

    def _hand_on(self, count: int) -> None:
        while self._waiting and count > 0:
            turn = heapq.heappop(self._waiting)[-1]
            if not turn.done():  # else it was cancelled meanwhile
                turn.set_result(None)
                self._taken += 1
                count -= 1


class Turn:
    """The turns of one judgment, one after the other. `is_handed_over`: another task has them, and gives them up."""

    __slots__ = ("_came", "_coming", "_order", "_taken_seconds", "_timer", "is_handed_over")

    def __init__(self, order: Order) -> None:
        self._order = order
        self._timer: asyncio.TimerHandle | None = None
        self._coming: asyncio.Future[None] | None = None
        self._came, self._taken_seconds = 0.0, 0.0
        self.is_handed_over = False

    async def take(self) -> None:
        """Wait for a turn, which is that of all tasks of the judgment; who has one keeps it."""
        while self._timer is None and self._order.is_kept:
            if self._coming is not None:
                await asyncio.wait([self._coming])
                continue
            loop = asyncio.get_running_loop()
            self._coming, self._came = loop.create_future(), self._order.clock()
            try:
                await self._order.wait(self._came - self._taken_seconds)
                self._timer = loop.call_later(self._order.longest_seconds, self.give_up)
            finally:
                self._coming.set_result(None)
                self._coming = None

    def give_up(self) -> None:
        """Let the next one compute. Without a turn nothing happens."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._taken_seconds += self._order.clock() - self._came
            self._order.ended()


_OWN: ContextVar[Turn | None] = ContextVar("turn", default=None)


def own_turn() -> Turn | None:
    """The turns of the judgment that this task is a part of; None where there is no order."""
    return _OWN.get()


async def take_turn() -> None:
    """Wait for this judgment's turn, where there is an order."""
    if (own := _OWN.get()) is not None:
        await own.take()


def give_up_turn() -> None:
    """Let others compute: what comes now is a wait."""
    if (own := _OWN.get()) is not None:
        own.give_up()

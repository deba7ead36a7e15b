"""What calls that run side by side spend: each call reserves the tokens that it may cost, and settles what it did.

Claims are decided in the order in which they are made. One that would fit but for the reservations of calls that
are still running waits for their end, and so does every claim after it: whether a call is made depends on what
the calls before it cost, and not on how fast they were answered.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Bill:
    """What a call did cost, in tokens; set before its reservation ends."""

    tokens: int = 0


@dataclass(eq=False)
class _Claim:
    tokens: int
    ceiling: int
    granted: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Spending:
    """Tokens spent and reserved, and tool calls made. A cost past its reservation is booked all the same."""

    def __init__(self) -> None:
        self.tokens = 0
        self.tool_calls = 0
        self._reserved = 0
        self._running = 0
        self._waiting: deque[_Claim] = deque()

    @asynccontextmanager
    async def reserved(self, tokens: int, ceiling: int) -> AsyncIterator[Bill | None]:
        """Hold tokens while a call runs; None where they do not fit under the ceiling, whatever is given back."""
        if not await self._claim(tokens, ceiling):
            yield None
            return
        bill = Bill()
        try:
            yield bill
        finally:
            self._settle(tokens, bill.tokens)

    def book(self, tokens: int) -> None:
        """Take over what was paid before, by a run that was interrupted."""
        self.tokens += tokens

    async def _claim(self, tokens: int, ceiling: int) -> bool:
        if not self._waiting:
            if self._fits(tokens, ceiling):
                self._hold(tokens)
                return True
            if not self._running:
                return False
        claim = _Claim(tokens, ceiling)
        self._waiting.append(claim)
        try:
            return await claim.granted
        except asyncio.CancelledError:
            self._give_up(claim)
            raise

    def _give_up(self, claim: _Claim) -> None:
        """Who stops waiting holds up nobody, and gives back what was granted at that very moment."""
        if claim in self._waiting:
            self._waiting.remove(claim)
            self._decide()
        elif not claim.granted.cancelled() and claim.granted.result():
            self._settle(claim.tokens, 0)

    def _settle(self, held: int, cost: int) -> None:
        self._reserved -= held
        self._running -= 1
        self.tokens += cost
        self._decide()

    def _decide(self) -> None:
        """Grant and refuse from the front of the queue, as far as what is running leaves no doubt."""
        while self._waiting:
            claim = self._waiting[0]
            fits = self._fits(claim.tokens, claim.ceiling)
            if not fits and self._running:
                return
            self._waiting.popleft()
            if claim.granted.done():
                continue
            if fits:
                self._hold(claim.tokens)
            claim.granted.set_result(fits)

    def _hold(self, tokens: int) -> None:
        self._reserved += tokens
        self._running += 1

    def _fits(self, tokens: int, ceiling: int) -> bool:
        return self.tokens + self._reserved + tokens <= ceiling

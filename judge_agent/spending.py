"""What calls that run side by side spend: each call reserves the tokens that it may cost, and settles what it did.

The plan of a judgment is a tree of walks, in order. A call is made if it fits what all before it in the plan have
cost; so which calls a tight budget leaves out is what it would be if they ran one after another, whatever their
speed, and a judgment that goes on after a restart leaves out the same. They do run side by side as far as that is sure:
a call is made at once where it fits even if every walk before it costs the most that it may, else it waits.
What holds this up is the estimate of the most: where walks cost more, calls that were made already stay made.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Bill:
    """What a call did cost, in tokens; set before its reservation ends."""

    tokens: int = 0


class Walk:
    """A part of the plan: calls one after another, or walks side by side that are paid in their order.

    `most` is what all its calls may cost, in tokens. `spent` is what they did cost, those of its own walks with them.
    """

    def __init__(self, spending: Spending, parent: Walk | None, most: int) -> None:
        self.spending, self.parent, self.most = spending, parent, most
        self.place: tuple[int, ...] = ()
        self.spent = 0
        self.held = 0
        self._own = 0
        self._walks: list[Walk] = []
        self._opened = 0
        self._open = True

    def open(self, most: int) -> Walk:
        """Open the next walk of this one; it comes after those that were opened before."""
        walk = Walk(self.spending, self, most)
        walk.place = (*self.place, self._opened)
        self._opened += 1
        self._walks.append(walk)
        if self.parent is None:
            self.spending.promised += most
        return walk

    def close(self) -> None:
        """Say that it makes no more calls; those after it need wait for it no longer."""
        if not self._open or self.parent is None:
            return
        self._open = False
        if self.parent.parent is None:
            self.spending.promised -= self.most
        self.parent._fold()
        self.spending.decide()

    def book(self, cost: int) -> None:
        """Take over the cost of a call."""
        self._own += cost
        walk: Walk | None = self
        while walk is not None:
            walk.spent += cost
            walk = walk.parent

    def hold(self, tokens: int) -> None:
        """Hold tokens while a call runs; a negative number gives them back."""
        self.held += tokens
        self.spending.held += tokens

    def before(self) -> tuple[int, int]:
        """What all that comes before its next call has cost, and what it may still cost."""
        spent, open_ = self._own, self.held
        for walk in self._walks:
            spent, open_ = spent + walk.spent, open_ + walk._outlook()
        walk, above = self, self.parent
        while above is not None:
            spent, open_ = spent + above._own, open_ + above.held
            for sibling in above._walks:
                if sibling is walk:
                    break
                spent, open_ = spent + sibling.spent, open_ + sibling._outlook()
            walk, above = above, above.parent
        return spent, open_

    def _outlook(self) -> int:
        """What it may still cost at most."""
        sure = self.held + sum(walk._outlook() for walk in self._walks)
        return max(sure, self.most - self.spent) if self._open else sure

    def _fold(self) -> None:
        """Keep of walks that ended only their cost, as far as nothing before them is open."""
        ended = 0
        for walk in self._walks:
            if walk._open or walk._walks or walk.held:
                break
            self._own += walk.spent
            ended += 1
        del self._walks[:ended]


@dataclass(eq=False)
class _Claim:
    walk: Walk
    tokens: int
    ceiling: int
    number: int
    granted: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def place(self) -> tuple[tuple[int, ...], int]:
        return self.walk.place, self.number


class Spending:
    """Tokens spent and reserved, and tool calls made. A cost past its reservation is booked all the same.

    `held` is what calls that run may cost, `promised` what the open walks at the top of the plan may.
    """

    def __init__(self) -> None:
        self.plan = Walk(self, None, 0)
        self.held = self.promised = 0
        self.tool_calls = 0
        self._waiting: list[_Claim] = []
        self._claims = 0

    @property
    def tokens(self) -> int:
        return self.plan.spent

    @asynccontextmanager
    async def reserved(self, walk: Walk, tokens: int, ceiling: int) -> AsyncIterator[Bill | None]:
        """Hold tokens while a call of a walk runs; None where they do not fit under the ceiling, whatever is given
        back."""
        if not await self._claim(walk, tokens, ceiling):
            yield None
            return
        bill = Bill()
        try:
            yield bill
        finally:
            self._settle(walk, tokens, bill.tokens)

    async def _claim(self, walk: Walk, tokens: int, ceiling: int) -> bool:
        self._claims += 1
        claim = _Claim(walk, tokens, ceiling, self._claims)
        if not self._waiting or claim.place < self._waiting[0].place:
            fits = _fits(claim)
            if fits is not None:
                walk.hold(tokens if fits else 0)
                return fits
        insort(self._waiting, claim, key=lambda one: one.place)
        try:
            return await claim.granted
        except asyncio.CancelledError:
            self._give_up(claim)
            raise

    def _give_up(self, claim: _Claim) -> None:
        """Who stops waiting holds up nobody, and gives back what was granted at that very moment."""
        if claim in self._waiting:
            self._waiting.remove(claim)
            self.decide()
        elif not claim.granted.cancelled() and claim.granted.result():
            self._settle(claim.walk, claim.tokens, 0)

    def _settle(self, walk: Walk, held: int, cost: int) -> None:
        walk.hold(-held)
        walk.book(cost)
        self.decide()

    def decide(self) -> None:
        """Grant and refuse in the order of the plan, as far as what is open before leaves no doubt."""
        while self._waiting:
            claim = self._waiting[0]
            if not claim.granted.done():
                fits = _fits(claim)
                if fits is None:
                    return
                claim.walk.hold(claim.tokens if fits else 0)
                claim.granted.set_result(fits)
            self._waiting.pop(0)


def _fits(claim: _Claim) -> bool | None:
    """Whether a claim fits, whatever what is open before it costs; None where that is not sure.

    Where there is room for all that is open, nobody needs to look at what comes before whom.
    """
    all_ = claim.walk.spending
    if all_.tokens + all_.held + all_.promised + claim.tokens <= claim.ceiling:
        return True
    spent, open_ = claim.walk.before()
    if spent + open_ + claim.tokens <= claim.ceiling:
        return True
    return False if spent + claim.tokens > claim.ceiling else None

"""What calls that run side by side spend: each call reserves the tokens that it may cost, and settles what it did.

The plan of a judgment is a tree of walks, in order. A call is made if it fits what all before it in the plan have
cost; so which calls a tight budget leaves out is what it would be if they ran one after another, whatever their
speed, and a judgment that goes on after a restart leaves out the same. They do run side by side as far as that is sure:
a call is made at once where it fits even if every walk before it costs the most that it may, else it waits.
What holds this up is the estimate of the most: where walks cost more, calls that were made already stay made.
"""

from __future__ import annotations

import asyncio
import weakref
from bisect import insort
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Bill:
    """What a call did cost, in tokens; set before its reservation ends."""

    tokens: int = 0


class _Sums:
    """Sums of the first so many numbers, each of which may change (Fenwick, 1994): a plan has thousands of walks."""

    def __init__(self) -> None:
        self._tree = [0]

    def append(self, number: int) -> None:
        place, step = len(self._tree), 1
        while step < place & -place:
            number += self._tree[place - step]
            step *= 2
        self._tree.append(number)

    def add(self, index: int, number: int) -> None:
        place = index + 1
        while place < len(self._tree):
            self._tree[place] += number
            place += place & -place

    def before(self, index: int) -> int:
        total = 0
        while index:
            total += self._tree[index]
            index &= index - 1
        return total


class Walk:
    """A part of the plan: calls one after another, or walks side by side that are paid in their order.

    `most` is what all its calls may cost, in tokens. `spent` is what they did cost, those of its own walks with them;
    `total` is that and what they may still cost.
    """

    def __init__(self, spending: Spending, parent: Walk | None, index: int, most: int) -> None:
        self.spending, self.parent = spending, parent
        self.place: tuple[int, ...] = () if parent is None else (*parent.place, index)
        self.spent = 0
        self.total = most
        self._index, self._most = index, most
        self._own = self._held = 0
        # The total without `most`: what is sure.
        self._sure = 0
        self._opened = 0
        self._spent_of, self._totals_of = _Sums(), _Sums()

    def open(self, most: int) -> Walk:
        """Open the next walk of this one; it comes after those that were opened before."""
        walk = Walk(self.spending, self, self._opened, most)
        self._opened += 1
        self._spent_of.append(0)
        self._totals_of.append(most)
        self._changed(most)
        return walk

    def close(self) -> None:
        """Say that it makes no more calls; those after it need wait for it no longer."""
        self._most = 0
        self._changed(0)
        self.spending.decide()

    def book(self, cost: int) -> None:
        """Take over the cost of a call."""
        self._own += cost
        self.spent += cost
        walk = self
        while walk.parent is not None:
            walk.parent._spent_of.add(walk._index, cost)
            walk = walk.parent
            walk.spent += cost
        self._changed(cost)

    def hold(self, tokens: int) -> None:
        """Hold tokens while a call runs; a negative number gives them back."""
        self._held += tokens
        self._changed(tokens)

    def before(self) -> tuple[int, int]:
        """What all that comes before its next call has cost, and what it costs at most in the end."""
        spent, total = self.spent, self._sure
        walk, above = self, self.parent
        while above is not None:
            spent += above._own + above._spent_of.before(walk._index)
            total += above._own + above._held + above._totals_of.before(walk._index)
            walk, above = above, above.parent
        return spent, total

    def _changed(self, sure: int) -> None:
        """Carry a change of what is sure upwards, as far as it changes a total."""
        walk = self
        while True:
            walk._sure += sure
            total = max(walk._sure, walk._most)
            sure, walk.total = total - walk.total, total
            if walk.parent is None or not sure:
                return
            walk.parent._totals_of.add(walk._index, sure)
            walk = walk.parent


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
    """Tokens spent and reserved, and tool calls made. A cost past its reservation is booked all the same."""

    def __init__(self) -> None:
        # A circle would be left to the collector, with all that hangs on it.
        self.plan = Walk(weakref.proxy(self), None, 0, 0)
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
    """Whether a claim fits, whatever what is open before it costs; None where that is not sure."""
    spent, total = claim.walk.before()
    if total + claim.tokens <= claim.ceiling:
        return True
    return False if spent + claim.tokens > claim.ceiling else None

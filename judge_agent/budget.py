"""What one judgment may still spend: time, model tokens, tool calls. One deadline for the whole graph.

Where candidates are judged alone, each has an equal share of its own, so that nothing of a peer but its being there
changes a result: a candidate gets in a group of N the reward that it gets alone for an N-th of the budget. Where they
are compared, the tokens are in one pool; tool calls are shares everywhere, for they are made for one candidate.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from judge_agent.errors import BudgetExceeded
from judge_agent.spending import Bill, Spending, Walk


class Budget:
    """Counts down from the request's ceilings.

    `elapsed_seconds` is what the judgment had used before a restart; the time in which the service was
    down is not in it. `parts` is the number of equal shares that tokens and tool calls are divided into, rounded
    down; with `pooled` the tokens are not. `model_tokens` can be overshot by what a prompt is longer than its estimate,
    and, where there are shares, by what is asked once for the task: that is charged to none of the candidates, and has
    the size of one share.
    """

    def __init__(
        self,
        *,
        seconds: float,
        model_tokens: int,
        tool_calls: int,
        elapsed_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        parts: int = 1,
        pooled: bool = False,
    ) -> None:
        self.seconds = seconds
        self.model_tokens = model_tokens
        self.tool_calls = tool_calls
        self.parts = parts
        self._pooled = pooled
        self._is_share = False
        self._clock = clock
        self._started = clock() - elapsed_seconds
        self._open("")

    def _open(self, said: str) -> None:
        """Begin with nothing spent; `said` stands behind the ceilings in what is told of them."""
        self.spending = self._tools = Spending()
        self._walk = self.spending.plan
        self._kept = 0
        self._said = said
        self._shares: dict[str, Budget] = {}

    def share(self, owner: str) -> Budget:
        """The owner's share, the same at each call; a share has none. Time is everybody's."""
        if self._is_share:
            return self
        if owner not in self._shares:
            part = self._copy()
            part.tool_calls = self.tool_calls // self.parts
            part.model_tokens = self.model_tokens if self._pooled else self.model_tokens // self.parts
            part._open(f" (a share of 1/{self.parts})" if self.parts > 1 else "")
            part._is_share = True
            if self._pooled:
                part.spending, part._walk = self.spending, self._walk
            self._shares[owner] = part
        return self._shares[owner]

    def _copy(self) -> Budget:
        """By hand: copy.copy costs ten times as much, and each walk needs one."""
        view = object.__new__(Budget)
        view.__dict__.update(self.__dict__)
        return view

    @property
    def payer(self) -> Walk:
        """The walk of the plan that pays for calls."""
        return self._walk

    def walking(self, most: int) -> Budget:
        """The same account for the next walk of the plan, whose calls cost at most so many tokens in all.

        It must be closed by `payer.close()`.
        """
        view = self._copy()
        view._walk = self._walk.open(most)
        return view

    def keeping(self, kept: float) -> Budget:
        """The same account for calls that must leave a part of its tokens, from 0 to 1, for those after them."""
        view = self._copy()
        view._kept = int(self.model_tokens * kept)
        return view

    def elapsed_seconds(self) -> float:
        return self._clock() - self._started

    def remaining_seconds(self) -> float:
        return self.seconds - self.elapsed_seconds()

    def call_seconds(self, limit_seconds: float) -> float:
        """The time that one call may take: its own limit, or what is left. Raises BudgetExceeded('deadline')."""
        remaining = self.remaining_seconds()
        if remaining <= 0:
            raise BudgetExceeded("deadline", f"budget.seconds={self.seconds:g} is used up")
        return min(limit_seconds, remaining)

    @asynccontextmanager
    async def reserved(self, tokens: int) -> AsyncIterator[Bill]:
        """Hold what a call may cost at most while it runs; its cost is written on the bill.

        Waits where it fits only if what is before it in the plan costs less than it may. Raises
        BudgetExceeded('budget_exhausted').
        """
        async with self.spending.reserved(self._walk, tokens, self.model_tokens - self._kept) as bill:
            if bill is None:
                raise BudgetExceeded("budget_exhausted", self._refusal(tokens))
            yield bill

    def _refusal(self, tokens: int) -> str:
        kept = f", {self._kept} are kept for judging" if self._kept else ""
        said = "" if self._pooled else self._said
        spent, _ = self._walk.before()
        return (
            f"budget.model_tokens={self.model_tokens}{said}: {spent} are spent{kept}, and a call "
            f"that may cost {tokens} does not fit"
        )

    def replay_tokens(self, tokens: int) -> None:
        """Take over the cost of a call that was finished before a restart."""
        self._walk.book(tokens)

    def spend_tool_call(self) -> None:
        """Count one tool call before it is made. Raises BudgetExceeded('budget_exhausted')."""
        if self._tools.tool_calls >= self.tool_calls:
            raise BudgetExceeded(
                "budget_exhausted", f"budget.tool_calls={self.tool_calls}{self._said} is used up"
            )
        self._tools.tool_calls += 1

    def replay_tool_call(self) -> None:
        """Take over a call that was made before a restart."""
        self._tools.tool_calls += 1

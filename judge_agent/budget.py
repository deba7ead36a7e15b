"""What one judgment may still spend: time, model tokens, tool calls. One deadline for the whole graph."""

from __future__ import annotations

import time
from collections.abc import Callable

from judge_agent.errors import BudgetExceeded


class Budget:
    """Counts down from the request's ceilings.

    `elapsed_seconds` is what the judgment had used before a restart; the time in which the service was
    down is not in it.
    """

    def __init__(
        self,
        *,
        seconds: float,
        model_tokens: int,
        tool_calls: int,
        elapsed_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = seconds
        self.model_tokens = model_tokens
        self.tool_calls = tool_calls
        self._clock = clock
        self._started = clock() - elapsed_seconds
        self._tokens_used = 0
        self._tool_calls_used = 0

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

    def spend_tokens(self, tokens: int) -> None:
        self._tokens_used += tokens

    @property
    def tokens_left(self) -> int:
        return max(0, self.model_tokens - self._tokens_used)

    def check_tokens(self) -> None:
        """Raise BudgetExceeded when the tokens are used up; a call in flight may overshoot by its own size."""
        if self._tokens_used >= self.model_tokens:
            raise BudgetExceeded(
                "budget_exhausted",
                f"budget.model_tokens={self.model_tokens} is used up ({self._tokens_used} spent)",
            )

    def spend_tool_call(self) -> None:
        """Count one tool call before it is made. Raises BudgetExceeded('budget_exhausted')."""
        if self._tool_calls_used >= self.tool_calls:
            raise BudgetExceeded("budget_exhausted", f"budget.tool_calls={self.tool_calls} is used up")
        self._tool_calls_used += 1

    def count_tool_calls(self, made: int) -> None:
        """Take over calls that were made before a restart: theirs is what they got, whoever asks first now."""
        self._tool_calls_used += made

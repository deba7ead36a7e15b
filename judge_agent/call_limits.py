"""What bounds a call: the judgment's deadline, and which kind of failure a backend's or a tool's error is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from judge_agent.budget import Budget
from judge_agent.errors import BudgetExceeded, JudgeError, ModelError, SandboxError, ToolError, to_keep

# What is known already is looked up past the deadline too, for so long: a judgment that was interrupted when all was
# asked ends as it would have, and a store that is slow does not hold it up.
LOOK_UP_SECONDS = 1.0


class deadline_of:
    """Ends what runs inside when the judgment's time is up, as BudgetExceeded('deadline').

    `least_seconds` is what it may take where less is left.
    """

    def __init__(self, budget: Budget, least_seconds: float = 0.0) -> None:
        self._budget = budget
        self._least_seconds = least_seconds

    async def __aenter__(self) -> None:
        self._timeout = asyncio.timeout(max(self._least_seconds, self._budget.remaining_seconds()))
        await self._timeout.__aenter__()

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:
            message = f"budget.seconds={self._budget.seconds:g} ran out during a call"
            raise BudgetExceeded("deadline", message) from to_keep(late)
        finally:
            del self._timeout  # it holds the task, which holds what ended it, which comes through this frame
        timed_out = isinstance(error, ModelError) and error.failure_kind == "model_timeout"
        if timed_out and self._budget.remaining_seconds() <= 0:
            message = f"budget.seconds={self._budget.seconds:g} ran out during a model call"
            raise BudgetExceeded("deadline", message) from error


@asynccontextmanager
async def model_boundary() -> AsyncIterator[None]:
    """What a backend raises that is none of ours is the model's failure, with its own words."""
    try:
        yield
    except JudgeError:
        raise
    except TimeoutError as error:
        raise ModelError("model_timeout", f"the model backend timed out: {error}") from error
    except Exception as error:
        raise ModelError(
            "model_error", f"the model backend failed: {type(error).__name__}: {error}"
        ) from error


class tool_boundary:
    """Classifies what a tool raises: ours pass, ValueError is for the caller, the rest is tool_unavailable."""

    def __init__(self, tool: str) -> None:
        self._tool = tool

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Exception) and not isinstance(error, (JudgeError, ValueError, TimeoutError)):
            raise ToolError(f"tool {self._tool!r} failed: {type(error).__name__}: {error}") from error
        if isinstance(error, TimeoutError):
            raise SandboxError(f"tool {self._tool!r} did not end in time: {error}") from error

"""Does work on very long trajectories in a thread: it takes seconds, in which the loop has others to serve."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from judge_agent.schema import JudgmentRequest

# Fewer are read in less time than it takes to notice.
MANY_MESSAGES = 1000
P = ParamSpec("P")
R = TypeVar("R")


async def aside(request: JudgmentRequest, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what pure work on a request's candidates comes to."""
    messages = sum(len(getattr(one.trajectory, "messages", ())) for one in request.candidates)
    if messages < MANY_MESSAGES:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)

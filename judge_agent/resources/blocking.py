"""The one way from the event loop to the disk for resources."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from judge_agent.errors import StoreError

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run blocking work beside the loop. Raises what it raises; an OSError as StoreError."""
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as error:
        raise StoreError(f"a resource file cannot be read or kept: {error.strerror or error}") from error


async def in_thread_to_its_end(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Like `in_thread`; a cancelled caller waits until the work is done, so that it can undo what was made."""
    running = asyncio.ensure_future(in_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise

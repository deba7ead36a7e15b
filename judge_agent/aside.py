"""Does work on very long trajectories and prompts in a thread: the loop has others to serve meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from judge_agent.schema import JudgmentRequest
from judge_agent.seams.model import ChatMessage

# Fewer messages, parts of messages and tool calls are read in less time than it takes to notice.
MANY_PIECES = 1000
# Shorter prompts are hashed in less time than a thread needs to begin.
LONG_PROMPT_CHARS = 10_000
# And so are the first few of a judgment that are longer, taken together.
CHARS_AT_ONCE = 200_000
P = ParamSpec("P")
R = TypeVar("R")


async def aside(request: JudgmentRequest, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what pure work on a request's candidates comes to."""
    if _pieces(request) < MANY_PIECES:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)


def _pieces(request: JudgmentRequest) -> int:
    """How much there is to read: a thousand calls in one message are as much work as a thousand messages."""
    return sum(
        1
        + len(message.tool_calls or ())
        + (len(message.content) if isinstance(message.content, tuple) else 0)
        for one in request.candidates
        for message in vars(one.trajectory).get("messages", ())
    )


class PromptsAside:
    """Does work on a judgment's long prompts in a thread, one at a time.

    Thousands of steps are asked about side by side, and each prompt holds the whole trajectory. All of them on the
    loop would hold it for seconds, and all of them in threads at once would leave none to other requests.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._chars_at_once = CHARS_AT_ONCE

    async def do(
        self, messages: Sequence[ChatMessage], work: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Return what pure work on a prompt comes to."""
        chars = sum(len(message.content) for message in messages)
        if chars < LONG_PROMPT_CHARS:
            return work(*args, **kwargs)
        if chars <= self._chars_at_once:
            self._chars_at_once -= chars
            return work(*args, **kwargs)
        async with self._turn:
            return await asyncio.to_thread(work, *args, **kwargs)

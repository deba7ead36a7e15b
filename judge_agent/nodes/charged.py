"""Whose share of the budget the calls of a node are paid from, and in which order.

A candidate that is judged alone pays for its own calls; what is asked once for the task is paid by none of them.
Where candidates are compared there is one pool. What runs side by side is paid in the order of the plan, so that no
answer's speed decides for what a tight budget is enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from judge_agent.context import CanonicalCandidate, JudgeContext

_TASK = "task"
T = TypeVar("T")


def charged_to(context: JudgeContext, candidate: CanonicalCandidate, kept: float = 0.0) -> JudgeContext:
    """The context of one candidate's calls; `kept` is the part of its tokens that they must leave."""
    return replace(context, calls=context.calls.charged_to(candidate.sha256, kept, candidate.id))


def charged_to_the_task(context: JudgeContext) -> JudgeContext:
    """The context of calls that all candidates of the task share, in this judgment and in others."""
    return replace(context, calls=context.calls.charged_to(_TASK))


def walking(context: JudgeContext, most: int) -> JudgeContext:
    """The context of the next walk of the plan, whose calls cost at most so many tokens in all; see `walked`."""
    return replace(context, calls=context.calls.walking(most))


async def walked(context: JudgeContext, work: Awaitable[T]) -> T:
    """Do the work of a walk, and say that it is over; who comes after it in the plan waits for that."""
    try:
        return await work
    finally:
        context.calls.walked()


async def side_by_side(
    context: JudgeContext, works: Sequence[tuple[int, Callable[[JudgeContext], Awaitable[T]]]]
) -> list[T]:
    """Do works side by side, each a walk of at most so many tokens, in the order in which they stand here.

    One alone needs no walk of its own: `context` must be that of a walk already, or have nothing beside it.
    """
    if len(works) == 1:
        return [await works[0][1](context)]
    walks = [walking(context, most) for most, _ in works]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(walked(walk, work(walk))) for walk, (_, work) in zip(walks, works, strict=True)
        ]
    return [task.result() for task in tasks]

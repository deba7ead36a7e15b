"""The text of a task as guards read it, and what was found of the last tasks. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

from judge_agent.guards.plain import plain

MAX_TASK_CHARS = 20_000
# All candidates of a group have one task, and several guards ask the same of it.
REMEMBERED_TASKS = 64
T = TypeVar("T")


def remembered(ask: Callable[[str], T]) -> Callable[[str], T]:
    """Remembers what was found of the last tasks, but for long ones."""
    remembering = lru_cache(REMEMBERED_TASKS)(ask)

    @wraps(ask)
    def find(task: str) -> T:
        return remembering(task) if len(task) <= MAX_TASK_CHARS else ask(task)

    return find


@remembered
def read_task(task: str) -> str:
    """The plain text of a task, of a long one its ends."""
    return plain(ends(task, MAX_TASK_CHARS))


def ends(text: str, chars: int) -> str:
    """The beginning and the end of a text: what is asked for stands there."""
    return text if len(text) <= chars else text[: chars // 2] + "\n" + text[-chars // 2 :]

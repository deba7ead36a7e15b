"""Stops what is still judged for a group that has ended: nobody gets a reward for it any more, and it holds places."""

from __future__ import annotations

from api.groups.reading import Read
from api.queue import JudgmentQueue
from judge_agent.store import Store


async def call_off_the_rest(store: Store, queue: JudgmentQueue, found: Read) -> None:
    """Have the judgments stop that were in time and have not ended. Raises StoreError.

    One that somebody waits for, or that leads others which have asked for the same, goes on: it is not for the group
    alone. Those that came late are judged for themselves.
    """
    for judgment_id in _open_ones(found):
        if not queue.is_awaited(judgment_id) and not await store.is_followed(judgment_id):
            await queue.call_off(judgment_id)


def _open_ones(found: Read) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            one.judgment_id for one in found.in_time if one.judgment_id is not None and not one.has_ended
        )
    )

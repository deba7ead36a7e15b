"""Steps that say too little by themselves are looked at together with those before them, the newest first.

Only where a step's own few numbers pass a threshold: one that is well does not ring for those before it. And only over
steps that say too little as well: one that has just begun does not ring for a whole one before it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from api.runs.alarms import Pool, Thresholds, doubtful, short_of

MAX_STEPS = 10
Numbered = Callable[[int, int], Awaitable[Mapping[str, Any]]]


async def pools_of(
    step: int,
    earlier: Callable[[], Awaitable[Sequence[int]]],
    numbers: Numbered,
    thresholds: Thresholds,
) -> dict[str, Pool]:
    """The fewest steps, by the name of the alarm, that end with this one and say enough; nothing where none do.

    `numbers` tells those of the steps from one to another; `earlier` are the steps before, in rising order.
    """
    wanted = doubtful(await numbers(step, step), thresholds)
    found: dict[str, Pool] = {}
    if not wanted:
        return found
    for count, first in enumerate(reversed(await earlier()), start=2):
        wanted &= short_of(await numbers(first, first))
        if not wanted:
            break
        together = await numbers(first, step)
        enough = wanted - short_of(together)
        found |= dict.fromkeys(enough, Pool(count, together))
        wanted -= enough
    return found

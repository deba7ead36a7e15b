"""Judges pairs by every proposal: which of the two does each principle find better, and by how much."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from judge_agent.learning.pairs import Pair
from judge_agent.learning.proposing import Proposal
from judge_agent.schema import Judgment

JudgeOne = Callable[[Mapping[str, Any]], Awaitable[Judgment]]
# For each pair a number for each principle, in [-1, 1]: the score of the chosen one less that of the rejected one.
Votes = dict[str, tuple[float, ...]]


async def votes_on(
    judge: JudgeOne, pairs: Sequence[Pair], found: Sequence[Proposal], recipe: str, at_once: int = 4
) -> tuple[Votes, int]:
    """Return the votes on each pair, by its key, and how many single scores are missing.

    A principle that was not scored on both says nothing of the pair: its vote is 0.
    """
    places = asyncio.Semaphore(at_once)
    names = [one.name for one in found]
    missing = 0

    async def one(pair: Pair) -> tuple[str, tuple[float, ...]]:
        nonlocal missing
        async with places:
            judgment = await judge(_request(pair, found, recipe))
        first, second = (_scores(judgment, id_) for id_ in ("a", "b"))
        chosen, rejected = (first, second) if pair.chosen_first else (second, first)
        known = [name for name in names if name in chosen and name in rejected]
        missing += len(names) - len(known)
        return pair.key, tuple(chosen[name] - rejected[name] if name in known else 0.0 for name in names)

    async with asyncio.TaskGroup() as tasks:
        begun = [tasks.create_task(one(pair)) for pair in pairs]
    return dict(task.result() for task in begun), missing


def _request(pair: Pair, found: Sequence[Proposal], recipe: str) -> dict[str, Any]:
    shown = (pair.chosen, pair.rejected) if pair.chosen_first else (pair.rejected, pair.chosen)
    return {
        "recipe": recipe,
        "task": pair.task,
        "candidates": [{"id": id_, "trajectory": one} for id_, one in zip("ab", shown, strict=True)],
        "principles": [{"name": one.name, "description": one.description} for one in found],
        "granularity": ["outcome"],
        "shape": [],
        "max_risk": 1,
    }


def _scores(judgment: Judgment, candidate_id: str) -> dict[str, float]:
    [result] = [one for one in judgment.candidates if one.id == candidate_id]
    return {one.name: one.score for one in result.principles if one.valid and one.score is not None}

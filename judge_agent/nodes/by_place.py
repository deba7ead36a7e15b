"""Spends samples where the rank is undecided: of a group judged alone, each, the close ones are asked about most.

Every candidate gets one half of the samples; the other halves are one pool, out of which those get one more at a time
whose likely range of scores overlaps a peer's, until the places stand, the pool is empty or the budget is. So a
candidate's reward hangs on who its peers are, and the group is remembered whole. A twin is no peer: it takes over what
its like gets, and brings no samples into the pool.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from judge_agent import reward
from judge_agent.context import JudgeContext
from judge_agent.nodes.asked import Judged
from judge_agent.nodes.charged import walked, walking
from judge_agent.nodes.collect import readable
from judge_agent.nodes.decide import principles_of, verdict_of
from judge_agent.nodes.reduce import base_of
from judge_agent.schema import PrincipleResult
from judge_agent.state import Json, State
from judge_agent.votes.ranges import Range, likely_range, undecided

MAX_SAMPLES = 64
OneMore = Callable[[Judged], Awaitable[Judged]]
Most = Callable[[Judged], int]
End = Literal["low", "high", "mean"]


def first_samples(context: JudgeContext, open_candidates: int) -> int:
    """How many samples each of so many open candidates gets at first: all, or one half where places are looked at.

    Who has no peer to be close to gets all.
    """
    count = context.sample_count
    halved = context.recipe.samples.spend == "by_place" and open_candidates > 1
    return math.ceil(count / 2) if halved else count


async def by_place(
    context: JudgeContext, state: State, judged: Sequence[Judged], one_more: OneMore, most: Most
) -> tuple[list[Judged], Json]:
    """Ask for more samples of those whose place is open; return all, and what the record says of it.

    `most` says what one more sample of a candidate may cost, in tokens.
    """
    # By content first: neither ids nor the order of the post decide who is asked before whom.
    found = {f"{one.candidate.sha256}/{one.candidate.id}": one for one in judged}
    pool = len(found) * (context.sample_count - first_samples(context, len(found)))
    left, rounds = pool, 0
    while left:
        ranges = _ranges(context, state, found)
        due = [key for key in undecided(ranges) if _may_be_asked(found[key])][:left]
        if not due:
            break
        walks = [walking(found[key].context, most(found[key])) for key in due]
        async with asyncio.TaskGroup() as group:
            tasks = {
                key: group.create_task(walked(walk, one_more(replace(found[key], context=walk))))
                for key, walk in zip(due, walks, strict=True)
            }
        found |= {key: replace(task.result(), context=found[key].context) for key, task in tasks.items()}
        left, rounds = left - len(due), rounds + 1
    names = {key: one.candidate.id for key, one in found.items()}
    said = {
        "rounds": rounds,
        "samples": pool - left,
        "of": pool,
        "undecided": sorted(names[key] for key in undecided(_ranges(context, state, found))),
    }
    return list(found.values()), {"places": said}


def _may_be_asked(judged: Judged) -> bool:
    return bool(judged.asked) and not any(
        one.is_closed or len(one.critiques) >= MAX_SAMPLES for one in judged.asked
    )


def _ranges(context: JudgeContext, state: State, found: Mapping[str, Judged]) -> dict[str, Range]:
    """By candidate; without those that have no reward, for these have no place either."""
    ranges = {key: _range(context, state, one) for key, one in found.items()}
    return {key: one for key, one in ranges.items() if one is not None}


def _range(context: JudgeContext, state: State, judged: Judged) -> Range | None:
    """Where the candidate's reward likely lies. Every aggregate is monotone: the ends come of the principles' ends."""
    if not all(readable(one.critiques) for one in judged.asked):
        return None
    asked = {
        principle["name"]: likely_range([float(one["score"]) for one in readable(found.critiques)])
        for principle, found in zip(judged.principles, judged.asked, strict=True)
    }
    low, high, mean = (_combined(context, state, judged, asked, end) for end in ("low", "high", "mean"))
    if mean.reward is None:
        return None
    is_constant = all(one.is_constant for one in asked.values())
    return Range(low.reward_bounds[0], high.reward_bounds[1], mean.reward, is_constant)


def _combined(
    context: JudgeContext, state: State, judged: Judged, asked: Mapping[str, Range], end: End
) -> reward.Combined:
    """What the candidate comes to with every principle that samples judge at one end of its range."""
    return reward.combine(
        [
            _at_end(context, state, judged, principle, asked, end)
            for principle in principles_of(judged.candidate, context, state)
        ],
        dimensions=context.dimensions,
        aggregate=context.aggregate,
        min_weight=context.recipe.min_weight,
        pass_threshold=context.pass_threshold,
    )


def _at_end(
    context: JudgeContext, state: State, judged: Judged, principle: Json, asked: Mapping[str, Range], end: End
) -> PrincipleResult:
    """A principle at one end of its range; one that no samples judge as it was decided."""
    if principle["name"] not in asked:
        return verdict_of(judged.candidate, principle, state, context.recipe.samples)
    # The reward is lowest where a penalty is highest.
    turned: dict[End, End] = {"low": "high", "high": "low", "mean": "mean"}
    at = turned[end] if principle["weight"] < 0 else end
    score = float(getattr(asked[principle["name"]], at))
    return PrincipleResult(**base_of(principle), score=score, valid=True, decided_by="model")

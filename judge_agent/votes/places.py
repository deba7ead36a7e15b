"""Says when further samples of a list can change neither its places nor who passes: every place is a reward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from judge_agent.votes.adaptive import choice_decided, decided
from judge_agent.votes.reduce import ROUNDING, How, exact


def places_stand(
    scores: Mapping[str, Sequence[float]], remaining: int, how: How, threshold: float = 0.5
) -> bool:
    """Return whether each one's place, and on which side of `threshold` its vote is, stands, whatever comes.

    `scores` holds for each candidate its scores in [0, 1] from the same samples; each of the `remaining` ones gives
    every candidate a score in [0, 1], or fails for all of them. False where nothing was read.
    """
    if not all(scores.values()):
        return False
    if remaining <= 0:
        return True
    if how == "majority":
        return all(choice_decided(given, remaining) for given in scores.values())
    totals = sorted(sum(map(exact, given)) for given in scores.values())
    apart = all(high - low > remaining + ROUNDING for low, high in pairwise(totals))
    return apart and all(decided(given, remaining, how, threshold) for given in scores.values())

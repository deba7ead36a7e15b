"""How far a comparison hangs on who is shown before whom: which samples vote, and whether both orders say the same."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple, TypeVar

from judge_agent.votes.reduce import ROUNDING, keep_best

Sample = TypeVar("Sample")


class Shown(NamedTuple):
    """One sample: ids in the order in which they were shown, and each one's score in [0, 1]."""

    order: Sequence[str]
    scores: Mapping[str, float]


def keep_best_of_each(
    samples: Sequence[Sample], meta_scores: Sequence[float | None], keep: int, firsts: Sequence[Hashable]
) -> tuple[Sample, ...]:
    """Return the `keep` samples that a meta scorer rates highest, of each of `firsts` as many as of any other.

    `firsts` names for each sample who was shown first: were the best rated all of one order, that order's favour would
    be the vote. Every group gives its best before any gives its next; of equals the higher rating, then the earlier.
    A sample whose rating failed (None) does not vote. Raises ValueError as `keep_best` does.
    """
    keep_best(samples, meta_scores, keep)
    rated = sorted((-score, index) for index, score in enumerate(meta_scores) if score is not None)
    taken: Counter[Hashable] = Counter()
    turns = []
    for rating, index in rated:
        turns.append((taken[firsts[index]], rating, index))
        taken[firsts[index]] += 1
    return tuple(samples[index] for index in sorted(index for _, _, index in sorted(turns)[:keep]))


def same_in_both_orders(ids: Sequence[str], samples: Sequence[Shown]) -> dict[tuple[str, str], bool | None]:
    """Return for each two of `ids`, by name, whether the same one is ahead whichever of them is shown before the other.

    Ahead is who has the higher mean; equal means are an outcome of their own. None where one stands before the other
    in every sample: then nothing tells the candidate from its place.
    """
    return {pair: _same(*pair, samples) for pair in combinations(sorted(ids), 2)}


def _same(first: str, second: str, samples: Sequence[Shown]) -> bool | None:
    gaps: dict[bool, list[float]] = {}
    for order, scores in samples:
        gap = scores[first] - scores[second]
        gaps.setdefault(order.index(first) < order.index(second), []).append(gap)
    if len(gaps) < 2:
        return None
    ahead, behind = (math.fsum(found) / len(found) for found in gaps.values())
    return _sign(ahead) == _sign(behind)


def _sign(gap: float) -> int:
    return (gap > ROUNDING) - (gap < -ROUNDING)

"""Says when further samples cannot change the result any more, so that they need not be paid for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence

from judge_agent.votes.reduce import PASS, How, vote


def decided(scores: Sequence[float], remaining: int, how: How, threshold: float = 0.5) -> bool:
    """Return whether the vote's pass (score >= `threshold`) or fail stands, whatever comes.

    `scores` are those of the samples read so far, in [0, 1]; each of the `remaining` ones may give any score
    in [0, 1] or fail and give none. True only where no such completion changes the outcome.
    """
    if not scores:
        return False
    if how == "majority":
        return remaining <= 0 or _leads(scores, [score >= threshold for score in scores], remaining)
    worst = vote([*scores, *[0.0] * remaining], how)
    best = vote([*scores, *[1.0] * remaining], how)
    return (worst >= threshold) == (best >= threshold)


def gate_decided(scores: Sequence[float], remaining: int, how: How) -> bool:
    """Return whether what the samples make of a hard principle (`gate`) stands, whatever comes; as `decided` does."""
    if not scores or remaining <= 0:
        return bool(scores)
    if not decided(scores, remaining, how, PASS):
        return False
    passing = sum(score >= PASS for score in scores)
    failing = len(scores) - passing
    return vote(scores, how) < PASS or passing > failing + remaining


def choice_decided(choices: Sequence[Hashable], remaining: int) -> bool:
    """Return whether the commonest choice so far stays the only commonest, whatever `remaining` ones say."""
    (_, first), (_, second) = (*Counter(choices).most_common(2), ("", 0), ("", 0))[:2]
    return first > second + max(0, remaining)


def least_share(choices: Sequence[Hashable], count: int) -> float:
    """Return the least that the share of the commonest of `count` choices in all can be, whatever the others are."""
    return max(Counter(choices).values(), default=0) / count


def least_agreement(scores: Sequence[float], remaining: int, count: int) -> float:
    """Return the least that scores can agree, by their spread and as a share of `count`, whatever `remaining` say.

    The spread is convex in each score, so those still due are at one of the ends, or are not read at all.
    """
    if not scores:
        return 0.0
    total, squares = math.fsum(scores), math.fsum(score * score for score in scores)
    least = 1.0
    for ones in range(max(0, remaining) + 1):
        for zeros in range(max(0, remaining) - ones + 1):
            read = len(scores) + ones + zeros
            variance = max(0.0, (squares + ones) / read - ((total + ones) / read) ** 2)
            least = min(least, (1.0 - 2.0 * math.sqrt(variance)) * read / count)
    return max(0.0, least)


def _leads(scores: Sequence[float], sides: Sequence[Hashable], remaining: int) -> bool:
    """Whether no score of another side can become as common as the commonest one is now."""
    commonest: Counter[Hashable] = Counter()
    for (side, _), count in Counter(zip(sides, scores, strict=True)).items():
        commonest[side] = max(commonest[side], count)
    (_, first), (_, second) = (*commonest.most_common(2), ("", 0))[:2]
    return first > second + remaining

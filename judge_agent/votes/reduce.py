"""Reduces the scores of several samples to one, and says how far the samples agree."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeVar

How = Literal["sum", "mean", "majority"]
Gate = Literal["pass", "fail", "tied"]
Sample = TypeVar("Sample")
Value = TypeVar("Value", bound=Hashable)
# No scores in [0, 1] lie further apart than one half of them at each end.
_WIDEST_DEVIATION = 0.5
_MAX_DENOMINATOR = 10_000
# The score from which a sample passes.
PASS = 0.5
# How far the score of a match, a difference of two scores, may be from the fraction that is meant.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Vote:
    """What samples come to. `score` and `agreement` are in [0, 1]; `tied`: several values are the commonest."""

    score: float
    how: How
    samples: int
    agreement: float
    tied: bool = False


def vote(scores: Sequence[float], how: How) -> float:
    """Return the score in [0, 1] that the samples' scores in [0, 1] come to; see `reduced`."""
    return reduced(scores, how).score


def reduced(scores: Sequence[float], how: How) -> Vote:
    """Reduce scores in [0, 1] of the samples that could be read, in any order.

    `sum` is DeepSeek-GRM's voting@k (2504.02495), the total divided by the k that it can reach, and so the
    mean; `majority` is the commonest score, and the mean of these where several are. The arithmetic is exact
    before its one rounding, so that equal scores give that score. Raises ValueError for no scores and for one
    outside [0, 1]: a failed sample is no score.
    """
    _require_scores(scores)
    if how != "majority":
        return Vote(_mean(scores), how, len(scores), _closeness(scores))
    modes = _modes(scores)
    share = scores.count(modes[0]) / len(scores)
    return Vote(_mean(modes), how, len(scores), share, tied=len(modes) > 1)


def gate(scores: Sequence[float], how: How) -> Gate:
    """Return what samples make of a hard principle, from their scores in [0, 1]; raises as `reduced` does.

    It passes where the vote reaches 0.5 and more samples pass than fail. Where the vote reaches 0.5 without them, or
    the commonest scores lie on both sides of it, they are tied: that is no pass, and no fail that they voted for.
    """
    if reduced(scores, how).score < PASS:
        return "fail"
    passing = sum(score >= PASS for score in scores)
    lowest = min(_modes(scores)) if how == "majority" else PASS
    return "pass" if 2 * passing > len(scores) and lowest >= PASS else "tied"


def exact(score: float, *, within: float = 0.0) -> Fraction:
    """Return the simple fraction that a score stands for, such as 3/5 for 0.6, else the float's own value.

    Sums of these are exact: 0.6 and 0.4 are a tie, where sums of floats may be a shade to one side. `within`
    says how far off the score may be that was itself computed, such as 1 - 0.7.
    """
    simple = Fraction(score).limit_denominator(_MAX_DENOMINATOR)
    return simple if abs(float(simple) - score) <= within else Fraction(score)


def agreement(scores: Sequence[float], how: How) -> float:
    """Return in [0, 1] how far scores agree.

    For `majority` the share of the commonest, else 1 minus the standard deviation over the widest possible.
    """
    return reduced(scores, how).agreement


def distribution(choices: Sequence[Value]) -> dict[Value, float]:
    """Return the share of each choice, commonest first, equals in the order of their text. Empty for none."""
    counts = Counter(choices)
    ordered = sorted(counts, key=lambda choice: (-counts[choice], str(choice)))
    return {choice: counts[choice] / len(choices) for choice in ordered}


def keep_best(
    samples: Sequence[Sample], meta_scores: Sequence[float | None], keep: int
) -> tuple[Sample, ...]:
    """Return the `keep` samples that a meta scorer rates highest, in their order; of equals the earlier.

    A sample whose rating failed (None) does not vote. Raises ValueError for `keep` below 1, another number of
    ratings than samples, and a rating that is not finite. Source: the meta reward model of 2504.02495.
    """
    if keep < 1 or len(meta_scores) != len(samples):
        raise ValueError(f"cannot keep {keep} of {len(samples)} samples by {len(meta_scores)} ratings")
    rated = [(-score, index) for index, score in enumerate(meta_scores) if score is not None]
    if not all(math.isfinite(score) for score, _ in rated):
        raise ValueError("a rating is not finite")
    return tuple(samples[index] for index in sorted(index for _, index in sorted(rated)[:keep]))


def _require_scores(scores: Sequence[float]) -> None:
    if not scores:
        raise ValueError("there are no scores to vote with")
    wrong = [score for score in scores if not 0.0 <= score <= 1.0]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is not a score in [0, 1]")


def _modes(scores: Sequence[float]) -> list[float]:
    counts = Counter(scores)
    most = max(counts.values())
    return sorted(score for score, count in counts.items() if count == most)


def _mean(scores: Sequence[float]) -> float:
    return float(sum(map(exact, scores)) / len(scores))


def _closeness(scores: Sequence[float]) -> float:
    mean = _mean(scores)
    deviation = math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / len(scores))
    return min(1.0, max(0.0, 1.0 - deviation / _WIDEST_DEVIATION))

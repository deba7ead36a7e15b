"""Keeps proposals that held-out pairs bear out, and weighs them: logistic regression with an L1 penalty. Pure.

Votes are numbers in [-1, 1] by pair and principle, above 0 where the principle sides with the preference. Without a
weight above 0 nothing is decided: a tie counts as half right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from judge_agent.calibration.fitting import check_installed
from judge_agent.errors import JudgeError

Matrix = Sequence[Sequence[float]]
# The inverse strengths of the penalty that are tried, times the number of pairs: the strongest first.
STRENGTHS = (1.5, 3.0, 6.0, 12.0, 25.0, 50.0)
MARGIN = 0.02
# Cosine of the votes of two principles from which on they are one.
SAME_VOTES = 0.995
LEAST_WEIGHT = 1e-3
_TIE = 1e-9


class Dropped(NamedTuple):
    """A proposal that is not kept, by its place, and why."""

    place: int
    reason: str


@dataclass(frozen=True)
class Selected:
    """`weights` of the kept ones by place, the largest 1, some of them 0; `accuracy` on the held-out pairs."""

    weights: dict[int, float]
    dropped: tuple[Dropped, ...]
    accuracy: float
    strength: float


def accuracy(votes: Matrix, weights: Sequence[float]) -> float:
    """The share of pairs on which the weighed votes side with the preference; ties are half right. 0.5 for no pairs."""
    if not votes:
        return 0.5
    sums = [math.fsum(w * vote for w, vote in zip(weights, row, strict=True)) for row in votes]
    return math.fsum(1.0 if one > _TIE else 0.5 if one >= -_TIE else 0.0 for one in sums) / len(sums)


def selected(train: Matrix, held_out: Matrix, margin: float = MARGIN) -> Selected:
    """Keep each proposal with which the held-out accuracy does not fall by more than `margin`, and weigh the kept.

    In the order of their accuracy on the training pairs each is tried alone (against a coin's 0.5) and then beside
    those kept so far, weighed anew, against the best accuracy so far: falls do not add up. Raises JudgeError where
    nothing is left that helps.
    """
    count = len(train[0]) if train else 0
    alone = [accuracy(_columns(train, [place]), [1.0]) for place in range(count)]
    kept: list[int] = []
    dropped: list[Dropped] = []
    best = 0.5
    for place in sorted(range(count), key=lambda one: (-alone[one], one)):
        reason, reached = _tried(train, held_out, kept, place, best, margin)
        if reason:
            dropped.append(Dropped(place, reason))
        else:
            kept.append(place)
            best = max(best, reached)
    if not kept:
        raise JudgeError(
            "no proposed principle sides with held-out preferences: there is nothing to learn from these"
        )
    strength, weights = _weighed(train, held_out, kept, margin)
    if not any(weights):
        raise JudgeError("no proposed principle helps: every weight is 0")
    return Selected(
        dict(zip(kept, weights, strict=True)),
        tuple(sorted(dropped)),
        accuracy(_columns(held_out, kept), weights),
        strength,
    )


def _tried(
    train: Matrix, held_out: Matrix, kept: Sequence[int], place: int, best: float, margin: float
) -> tuple[str, float]:
    """Why a proposal is not kept, if it is not; and the held-out accuracy with it."""
    own = [row[place] for row in train]
    if not any(abs(vote) > _TIE for vote in own):
        return "it tells no training pair apart", best
    for other in kept:
        if _cosine(own, [row[other] for row in train]) >= SAME_VOTES:
            return f"it votes as principle {other} does", best
    by_itself = accuracy(_columns(held_out, [place]), [1.0])
    if by_itself < 0.5 - margin:
        return f"by itself it sides with {by_itself:.3f} of the held-out preferences", best
    _, weights = _weighed(train, held_out, [*kept, place], margin)
    reached = accuracy(_columns(held_out, [*kept, place]), weights)
    if reached < best - margin:
        return f"with it {reached:.3f} of the held-out preferences are right, without it {best:.3f}", best
    return "", reached


def _weighed(
    train: Matrix, held_out: Matrix, kept: Sequence[int], margin: float
) -> tuple[float, list[float]]:
    """The strongest penalty whose held-out accuracy is within the margin of the best one's, and the weights."""
    columns, others = _columns(train, kept), _columns(held_out, kept)
    tried = [(strength, l1_weights(columns, strength)) for strength in STRENGTHS]
    reached = [accuracy(others, weights) for _, weights in tried]
    best = max(reached)
    return next(one for one, value in zip(tried, reached, strict=True) if value >= best - margin)


def l1_weights(votes: Matrix, strength: float) -> list[float]:
    """Return the weights, each in [0, 1] and the largest 1 (all 0 where the penalty leaves none).

    Logistic regression of the preference on the votes (Bradley-Terry), without intercept, with an L1 penalty
    (Tibshirani 1996) of inverse strength `strength` / number of pairs. A principle whose weight would be below 0 is
    taken out, and the others are weighed again: to reward what a principle calls worse would be another principle.
    """
    active = [place for place in range(len(votes[0])) if any(abs(row[place]) > _TIE for row in votes)]
    found: list[float] = []
    while active:
        found = _regression(_columns(votes, active), strength / len(votes))
        below = [place for place, weight in zip(active, found, strict=True) if weight < 0]
        if not below:
            break
        active = [place for place in active if place not in below]
    weights = dict(zip(active, found, strict=True)) if active else {}
    largest = max(weights.values(), default=0.0)
    scaled = [weights.get(place, 0.0) / largest if largest > 0 else 0.0 for place in range(len(votes[0]))]
    return [round(one, 4) if one >= LEAST_WEIGHT else 0.0 for one in scaled]


def _regression(votes: Matrix, inverse_strength: float) -> list[float]:
    check_installed("weighing principles")
    from sklearn.linear_model import LogisticRegression

    mirrored = [*[list(row) for row in votes], *[[-vote for vote in row] for row in votes]]
    sides = [*[1] * len(votes), *[0] * len(votes)]
    model = LogisticRegression(
        C=inverse_strength,
        l1_ratio=1.0,
        solver="liblinear",
        fit_intercept=False,
        random_state=0,
        max_iter=1000,
    )
    return [float(weight) for weight in model.fit(mirrored, sides).coef_[0]]


def _columns(votes: Matrix, places: Sequence[int]) -> list[list[float]]:
    return [[row[place] for place in places] for row in votes]


def _cosine(left: Sequence[float], right: Sequence[float]) -> float:
    lengths = math.sqrt(math.fsum(a * a for a in left)) * math.sqrt(math.fsum(b * b for b in right))
    return math.fsum(a * b for a, b in zip(left, right, strict=True)) / lengths if lengths else 0.0

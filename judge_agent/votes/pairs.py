"""What the matches of one pair come to, whatever the order in which the two were shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Literal

from judge_agent.votes.reduce import ROUNDING

_HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Match:
    """One sample: `first` was shown before `second` and got `first_score` in [0, 1]; 0.5 is a tie."""

    first: str
    second: str
    first_score: float


@dataclass(frozen=True)
class PairOutcome:
    """`outcome` is that of `first`, `probability` in [0, 1] that it is the better one.

    `consistent`: every order of presentation came to the same outcome; None where there was only one.
    """

    first: str
    second: str
    outcome: Literal["win", "loss", "tie"]
    probability: float
    consistent: bool | None

    @property
    def winner(self) -> str | None:
        """The better one's id; None for a tie."""
        return {"win": self.first, "loss": self.second, "tie": None}[self.outcome]


def pair_outcome(first: str, second: str, matches: Sequence[Match]) -> PairOutcome:
    """Reduce the matches of one pair: the mean of what each order comes to, so that a favoured place cancels out.

    Raises ValueError for no matches, one of another pair, and a score outside [0, 1].
    """
    if not matches or first == second:
        raise ValueError(f"there is no match of {first!r} and {second!r}")
    by_order: dict[str, list[Fraction]] = {}
    for match in matches:
        by_order.setdefault(match.first, []).append(_score_of(first, second, match))
    means = [sum(scores, Fraction()) / len(scores) for scores in by_order.values()]
    probability = sum(means, Fraction()) / len(means)
    consistent = len({_outcome(mean) for mean in means}) == 1 if len(means) > 1 else None
    outcome = _outcome(probability)
    return PairOutcome(first, second, outcome, 0.5 if outcome == "tie" else float(probability), consistent)


def outcome_stands(
    first: str, second: str, matches: Sequence[Match], due: Sequence[str], *, orders_must_agree: bool = False
) -> bool:
    """Return whether the pair's outcome stays what it is, whatever the samples still due say, or fail to say.

    `due` names for each who is shown first. With `orders_must_agree` it must stand too whether the orders agree.
    What one order comes to is a mean, so its extremes are enough: nothing read, all for the one, all for the other.
    """
    if not matches:
        return False
    each = [
        [[], [Match(shown, other, 1.0)] * count, [Match(shown, other, 0.0)] * count]
        for shown, other in ((first, second), (second, first))
        if (count := list(due).count(shown))
    ]
    ends = [
        pair_outcome(first, second, [*matches, *(one for more in chosen for one in more)])
        for chosen in product(*each)
    ]
    return len({(end.outcome, end.consistent if orders_must_agree else None) for end in ends}) == 1


def _score_of(first: str, second: str, match: Match) -> Fraction:
    if {match.first, match.second} != {first, second}:
        raise ValueError(f"{match} is not a match of {first!r} and {second!r}")
    if not 0.0 <= match.first_score <= 1.0:
        raise ValueError(f"{match.first_score!r} is not a score in [0, 1]")
    score = Fraction(match.first_score)
    return score if match.first == first else 1 - score


def _outcome(score: Fraction) -> Literal["win", "loss", "tie"]:
    # Scores of 0.7 and 1 - 0.7 are a tie on paper, and floats are a shade off it.
    if abs(score - _HALF) <= ROUNDING:
        return "tie"
    return "win" if score > _HALF else "loss"

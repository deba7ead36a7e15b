"""What the matches of one pair come to, whatever the order in which the two were shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Literal

from judge_agent.votes.reduce import ROUNDING, How

Outcome = Literal["win", "loss", "tie"]
_HALF = Fraction(1, 2)
_WORTH: Mapping[Outcome, Fraction] = {"win": Fraction(1), "loss": Fraction(0), "tie": _HALF}


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
    outcome: Outcome
    probability: float
    consistent: bool | None

    @property
    def winner(self) -> str | None:
        """The better one's id; None for a tie."""
        return {"win": self.first, "loss": self.second, "tie": None}[self.outcome]


def pair_outcome(first: str, second: str, matches: Sequence[Match], how: How = "mean") -> PairOutcome:
    """Reduce the matches of one pair, each order of presentation alike, so that a favoured place cancels out.

    `mean`, and `sum`, which is the same for a pair: the mean of what each order comes to. `majority`: who is named by
    the largest share of samples wins, by however little each names them; where no outcome is the only commonest, it
    is a tie. Raises ValueError for no matches, one of another pair, and a score outside [0, 1].
    """
    if not matches or first == second:
        raise ValueError(f"there is no match of {first!r} and {second!r}")
    by_order: dict[str, list[Fraction]] = {}
    for match in matches:
        by_order.setdefault(match.first, []).append(_score_of(first, second, match))
    reduced = _majority if how == "majority" else _mean
    each = [_outcome(reduced([scores])) for scores in by_order.values()]
    probability = reduced(list(by_order.values()))
    outcome = _outcome(probability)
    consistent = len(set(each)) == 1 if len(each) > 1 else None
    return PairOutcome(first, second, outcome, 0.5 if outcome == "tie" else float(probability), consistent)


def outcome_stands(
    first: str,
    second: str,
    matches: Sequence[Match],
    due: Sequence[str],
    *,
    orders_must_agree: bool = False,
    how: How = "mean",
    threshold: float = 0.5,
) -> bool:
    """Return whether the pair's outcome stays what it is, whatever the samples still due say, or fail to say.

    `due` names for each who is shown first. It must stand too which of the two reach `threshold` and, with
    `orders_must_agree`, whether the orders agree. The extremes are enough: nothing read, and all for the one, all for
    the other or, where a tie has votes of its own, all for that. No mixture brings any outcome closer.
    """
    if not matches:
        return False
    extremes = (1.0, 0.0, 0.5) if how == "majority" else (1.0, 0.0)
    each = [
        [[], *([Match(shown, other, score)] * count for score in extremes)]
        for shown, other in ((first, second), (second, first))
        if (count := list(due).count(shown))
    ]
    ends = [
        pair_outcome(first, second, [*matches, *(one for more in chosen for one in more)], how)
        for chosen in product(*each)
    ]
    said = {
        (
            end.outcome,
            end.probability >= threshold,
            1.0 - end.probability >= threshold,
            end.consistent if orders_must_agree else None,
        )
        for end in ends
    }
    return len(said) == 1


def _mean(orders: Sequence[Sequence[Fraction]]) -> Fraction:
    return sum((sum(scores, Fraction()) / len(scores) for scores in orders), Fraction()) / len(orders)


def _majority(orders: Sequence[Sequence[Fraction]]) -> Fraction:
    """What the commonest outcome is worth; each order has one vote, shared by its samples."""
    shares: dict[Outcome, Fraction] = {}
    for scores in orders:
        for outcome in map(_outcome, scores):
            shares[outcome] = shares.get(outcome, Fraction()) + Fraction(1, len(scores))
    most = max(shares.values())
    commonest = [outcome for outcome, share in shares.items() if share == most]
    return _WORTH[commonest[0]] if len(commonest) == 1 else _HALF


def _score_of(first: str, second: str, match: Match) -> Fraction:
    if {match.first, match.second} != {first, second}:
        raise ValueError(f"{match} is not a match of {first!r} and {second!r}")
    if not 0.0 <= match.first_score <= 1.0:
        raise ValueError(f"{match.first_score!r} is not a score in [0, 1]")
    score = Fraction(match.first_score)
    return score if match.first == first else 1 - score


def _outcome(score: Fraction) -> Outcome:
    # Scores of 0.7 and 1 - 0.7 are a tie on paper, and floats are a shade off it.
    if abs(score - _HALF) <= ROUNDING:
        return "tie"
    return "win" if score > _HALF else "loss"

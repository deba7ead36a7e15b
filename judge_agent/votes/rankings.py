"""How far two rankings of the same candidates agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

# Ids from best to worst; equals stand in one group.
Groups = Sequence[Sequence[str]]


def kendall_tau(one: Groups, other: Groups) -> float:
    """Return Kendall's tau-b in [-1, 1] of two rankings of the same ids, ties in one group.

    1 for equal rankings, also where nothing is ordered in either; 0 where only one of them orders anything.
    Raises ValueError when they rank different ids, or an id twice.
    """
    first, second = _places(one), _places(other)
    if first.keys() != second.keys():
        raise ValueError(f"the rankings are of {sorted(first)} and {sorted(second)}")
    concordant, ordered_first, ordered_second = 0, 0, 0
    for a, b in combinations(sorted(first), 2):
        left, right = _sign(first[a] - first[b]), _sign(second[a] - second[b])
        concordant += left * right
        ordered_first += left != 0
        ordered_second += right != 0
    if not ordered_first and not ordered_second:
        return 1.0
    # One root of an exact product: a product of two roots makes equal rankings a shade less than 1.
    pairs = math.sqrt(ordered_first * ordered_second)
    return concordant / pairs if pairs else 0.0


def ranking_consistency(one: Groups, other: Groups) -> float:
    """Return (tau + 1) / 2 in [0, 1]: 1 for equal rankings, 0 for reversed ones. Source: CREAM (2410.12735)."""
    return (kendall_tau(one, other) + 1.0) / 2.0


def _places(ranking: Groups) -> dict[str, int]:
    listed = [(one, place) for place, group in enumerate(ranking) for one in group]
    places = dict(listed)
    if len(places) != len(listed):
        raise ValueError("a ranking names an id twice")
    return places


def _sign(difference: int) -> int:
    return (difference > 0) - (difference < 0)

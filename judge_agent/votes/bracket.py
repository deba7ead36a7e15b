"""Seeded single elimination with O(N) comparisons, as in ArenaRL (2601.06487).

Everyone meets one anchor, which seeds the bracket; then losers leave. The champion is right whenever 'better'
is transitive; places behind it are as rough as in any knock-out. A tie at equal points goes to the seed, and is
named as such: no judge has seen a difference there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import fsum

from judge_agent.votes.orders import orders
from judge_agent.votes.reduce import ROUNDING, exact

Pair = tuple[str, str]


class Bracket:
    """A tournament that asks for its matches round by round; those of a round can be played at once.

        while due := bracket.round():
            bracket.tell({pair: score_of_the_first for pair in due})
        bracket.scores()

    At most 2(N-1) comparisons: N-1 against the anchor, and N-1 in the bracket less those that the anchor has
    played already. Deterministic: who is the anchor comes from `ids` and `seed`, not from the order of `ids`.
    """

    def __init__(self, ids: Sequence[str], *, seed: int = 0) -> None:
        """Raises ValueError for no ids, or one that stands twice."""
        if not ids:
            raise ValueError("a tournament needs at least one player")
        (self._order,) = orders(ids, "one", 1, seed)
        self._played: dict[Pair, Fraction] = {}
        self._seeds: tuple[str, ...] = ()
        self._slots: list[str | None] = []
        self._out: list[list[str]] = []
        self._tosses: list[Pair] = []
        self._due: tuple[Pair, ...] = tuple((self._order[0], other) for other in self._order[1:])
        if not self._due:
            self._seeded()

    @property
    def comparisons(self) -> int:
        """How many have been played."""
        return len(self._played)

    def round(self) -> tuple[Pair, ...]:
        """Return the pairs to compare next, the same until they are told; empty when the tournament is over."""
        return self._due

    def tell(self, results: Mapping[Pair, float]) -> None:
        """Take the score in [0, 1] of the first of each pair that is due; 0.5 is a tie.

        A tie goes to the higher mean of points over all matches so far, then to the better seed. Raises
        ValueError for other pairs than the due ones, or a score outside [0, 1]: a comparison that failed has
        no score, and a tournament that misses one has no result.
        """
        if set(results) != set(self._due):
            raise ValueError(f"results are due for {list(self._due)}, not for {list(results)}")
        wrong = [score for score in results.values() if not 0.0 <= score <= 1.0]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is not a score in [0, 1]")
        self._played |= {pair: exact(score, within=ROUNDING) for pair, score in results.items()}
        if not self._seeds:
            self._seeded()
        self._advance()

    def ranking(self) -> tuple[str, ...]:
        """Return the ids from champion to last, by round of leaving, mean of points, seed.

        Raises ValueError while the tournament goes on.
        """
        if self._due:
            raise ValueError(f"the tournament is not over: {list(self._due)} are to be played")
        champion = [one for one in self._slots if one is not None]
        left = (sorted(losers, key=self._strength) for losers in reversed(self._out))
        return (*champion, *(one for losers in left for one in losers))

    def scores(self) -> dict[str, float]:
        """Return 1 - rank / (N - 1) by id, rank 0 for the champion; 1.0 for one alone. Raises as `ranking` does."""
        ranking = self.ranking()
        worst = max(1, len(ranking) - 1)
        return {one: (worst - rank) / worst for rank, one in enumerate(ranking)}

    @property
    def tosses(self) -> tuple[Pair, ...]:
        """The pairs, winner first, that a tie at equal points left to the seed."""
        return tuple(self._tosses)

    def shared_scores(self) -> dict[str, float]:
        """Return `scores`, but the mean of theirs for those whom nothing but the seed placed behind one another.

        They are the pairs of `tosses` whose means of points are equal at the end, and whom these connect. Raises
        as `ranking` does.
        """
        scores = self.scores()
        groups = {one: {one} for one in scores}
        for winner, loser in self._tosses:
            if self._mean(winner) == self._mean(loser):
                both = groups[winner] | groups[loser]
                groups |= dict.fromkeys(both, both)
        return {one: fsum(scores[other] for other in group) / len(group) for one, group in groups.items()}

    def _seeded(self) -> None:
        """Place the seeds so that the best two meet last; the best ones have no opponent where places are empty."""
        place = {one: index for index, one in enumerate(self._order)}
        self._seeds = tuple(sorted(self._order, key=lambda one: (-self._mean(one), place[one])))
        positions = [0]
        while len(positions) < len(self._seeds):
            size = 2 * len(positions)
            positions = [seed for one in positions for seed in (one, size - 1 - one)]
        self._slots = [self._seeds[seed] if seed < len(self._seeds) else None for seed in positions]
        self._due = ()

    def _advance(self) -> None:
        """Play rounds as far as their results are known, until one needs a match that was not played."""
        while len(self._slots) > 1:
            pairs = list(zip(self._slots[::2], self._slots[1::2], strict=True))
            self._due = tuple((a, b) for a, b in pairs if a and b and self._known(a, b) is None)
            if self._due:
                return
            self._out.append([])
            self._slots = [self._winner(a, b) for a, b in pairs]
        self._due = ()

    def _winner(self, a: str | None, b: str | None) -> str | None:
        if a is None or b is None:
            return a if b is None else b
        score = self._known(a, b)
        assert score is not None
        ahead = score - Fraction(1, 2)
        tied = abs(ahead) <= ROUNDING
        first_wins = self._strength(a) < self._strength(b) if tied else ahead > 0
        winner, loser = (a, b) if first_wins else (b, a)
        self._out[-1].append(loser)
        if tied and self._mean(a) == self._mean(b):
            self._tosses.append((winner, loser))
        return winner

    def _known(self, a: str, b: str) -> Fraction | None:
        if (a, b) in self._played:
            return self._played[a, b]
        return 1 - self._played[b, a] if (b, a) in self._played else None

    def _strength(self, one: str) -> tuple[Fraction, int]:
        """Sorts the stronger first: by mean of points, then by seed."""
        return -self._mean(one), self._seeds.index(one)

    def _mean(self, one: str) -> Fraction:
        points = [score for (first, _), score in self._played.items() if first == one]
        points += [1 - score for (_, second), score in self._played.items() if second == one]
        return sum(points, Fraction()) / len(points) if points else Fraction()

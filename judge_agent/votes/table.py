"""A round robin: everyone against everyone, to scores, a ranking and the cycles in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from judge_agent.votes.pairs import PairOutcome


@dataclass(frozen=True)
class Standing:
    """`score` is (wins + ties / 2) / (n - 1), in [0, 1]; null while a match is missing, which leaves low to high."""

    wins: int
    ties: int
    losses: int
    score: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Table:
    """`ranking`: ids from best to worst, equals in one group, without those who miss a match.

    `cycles`: ids of which each beat the next, and the last the first. `unplayed`: the pairs that have no outcome.
    """

    standings: Mapping[str, Standing]
    ranking: tuple[tuple[str, ...], ...]
    cycles: tuple[tuple[str, ...], ...]
    unplayed: tuple[tuple[str, str], ...]


def round_robin(ids: Sequence[str], outcomes: Sequence[PairOutcome]) -> Table:
    """Return the table of `ids` from the outcomes of their pairs, in any order; one player alone scores 1.

    A pair without an outcome is one that the judge could not decide: neither a tie nor a loss. Raises
    ValueError for an outcome of strangers, and for two of one pair.
    """
    winners: dict[frozenset[str], str | None] = {}
    for one in outcomes:
        pair = frozenset((one.first, one.second))
        if not pair <= set(ids) or len(pair) != 2 or pair in winners:
            raise ValueError(
                f"{one.first!r} against {one.second!r} is no pair of these players, or is there twice"
            )
        winners[pair] = one.winner
    players = sorted(set(ids))
    standings = {one: _standing(one, players, winners) for one in players}
    unplayed = tuple(pair for pair in combinations(players, 2) if frozenset(pair) not in winners)
    return Table(standings, _ranking(standings), _cycles(players, winners), unplayed)


def _standing(one: str, players: Sequence[str], winners: Mapping[frozenset[str], str | None]) -> Standing:
    pairs = [frozenset((one, other)) for other in players if other != one]
    results = [winners[pair] for pair in pairs if pair in winners]
    wins, ties = results.count(one), results.count(None)
    if not pairs:
        return Standing(0, 0, 0, 1.0, 1.0, 1.0)
    low = (wins + ties / 2) / len(pairs)
    high = (wins + ties / 2 + len(pairs) - len(results)) / len(pairs)
    score = low if len(results) == len(pairs) else None
    return Standing(wins, ties, len(results) - wins - ties, score, low, high)


def _ranking(standings: Mapping[str, Standing]) -> tuple[tuple[str, ...], ...]:
    groups: dict[float, list[str]] = {}
    for one, standing in standings.items():
        if standing.score is not None:
            groups.setdefault(standing.score, []).append(one)
    return tuple(tuple(sorted(groups[score])) for score in sorted(groups, reverse=True))


def _cycles(
    players: Sequence[str], winners: Mapping[frozenset[str], str | None]
) -> tuple[tuple[str, ...], ...]:
    """A shortest cycle through each player who is in one, until every such player is named in one."""
    beaten: dict[str, list[str]] = {one: [] for one in players}
    for pair, winner in winners.items():
        if winner is not None:
            beaten[winner].extend(pair - {winner})
    found: list[tuple[str, ...]] = []
    for one in players:
        if not any(one in cycle for cycle in found):
            cycle = _shortest_cycle(one, {player: sorted(others) for player, others in beaten.items()})
            found += [cycle] if cycle else []
    return tuple(found)


def _shortest_cycle(start: str, beaten: Mapping[str, Sequence[str]]) -> tuple[str, ...] | None:
    """Breadth first from a player back to itself along 'beat'; begins with its smallest id."""
    came_from: dict[str, str] = {}
    queue = deque([start])
    while queue:
        one = queue.popleft()
        for other in beaten[one]:
            if other == start:
                return _smallest_first(_path(start, one, came_from))
            if other not in came_from:
                came_from[other] = one
                queue.append(other)
    return None


def _path(start: str, end: str, came_from: Mapping[str, str]) -> list[str]:
    path = [end]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return path[::-1]


def _smallest_first(cycle: list[str]) -> tuple[str, ...]:
    at = cycle.index(min(cycle))
    return tuple(cycle[at:] + cycle[:at])

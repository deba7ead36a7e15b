"""Compares the candidates of one judgment. A candidate without a reward is compared with nothing."""

from __future__ import annotations

from collections.abc import Sequence

from judge_agent.schema import CandidateResult, Preference


def ranking(results: Sequence[CandidateResult]) -> tuple[tuple[str, ...], ...]:
    """Return candidate ids from best to worst, ties in one group (ids sorted), by reward.

    Candidates whose reward is null are left out: to rank them last would make a failure of the judge
    into a verdict. Empty when no candidate has a reward.
    """
    groups: dict[float, list[str]] = {}
    for result in results:
        if result.reward is not None:
            groups.setdefault(result.reward, []).append(result.id)
    return tuple(tuple(sorted(groups[reward])) for reward in sorted(groups, reverse=True))


def preference(results: Sequence[CandidateResult]) -> Preference | None:
    """Return which of exactly two candidates is better; None for any other number of them.

    `winner` is null for equal rewards and where a reward is null. `probability` that the winner is better
    is (1 + s_winner - s_loser) / 2, null unless both are scored: the chance that it succeeds where the
    other fails, ties shared, when scores are read as independent chances of success. `consistent` is
    null: one order of presentation was judged.
    """
    if len(results) != 2:
        return None
    first, second = results
    if first.reward is None or second.reward is None:
        return Preference()
    better, worse = (first, second) if first.reward >= second.reward else (second, first)
    tied = first.reward == second.reward
    return Preference(winner=None if tied else better.id, probability=_probability(better, worse))


def _probability(better: CandidateResult, worse: CandidateResult) -> float | None:
    if better.status != "scored" or worse.status != "scored" or better.score is None or worse.score is None:
        return None
    return min(1.0, max(0.0, (1.0 + better.score - worse.score) / 2.0))

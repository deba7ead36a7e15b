"""Compare: candidates against each other, in pairs, in one list, or in a tournament.

Ties, cycles, orders that disagree and pairs of which only one order was read are reported, not hidden. A
comparison that failed gives no standing to those who were in it: to rank them would make the judge's failure a
verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import combinations
from typing import NamedTuple

from langgraph.runtime import Runtime

from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.hashing import derived_seed
from judge_agent.nodes.charged import side_by_side
from judge_agent.nodes.comparison_flags import report
from judge_agent.nodes.matches import Matches, Played
from judge_agent.nodes.standings import (
    InOrders,
    Pair,
    from_list,
    from_pairs,
    from_scores,
    orders_of_list,
    pair_of,
)
from judge_agent.state import Json, State, Update
from judge_agent.votes import Bracket

ALONE: Json = {
    "valid": False,
    "samples": [],
    "failure_kind": "no_evidence",
    "failure_reason": "there is no other candidate with content to compare it with",
}
# What equal candidates come to in pairs and tournaments, where a tie is in the middle: no model has to say so.
EQUAL: Json = {
    "choice": "1 of 1",
    "score": 0.5,
    "valid": True,
    "reason": "the candidates that could be compared have the same content: a tie",
    "samples": [],
    "decided_by": "screen",
}


class Compared(NamedTuple):
    """Standings by candidate id, and what the record says of them.

    `pairs` that were played; `orders`: what each two who were compared come to by their places; `tosses`: the pairs
    that the seed alone decided, winner first.
    """

    standings: Json
    pairs: Sequence[Pair] = ()
    orders: Sequence[InOrders] = ()
    tosses: Sequence[Sequence[str]] = ()


async def compare(state: State, runtime: Runtime[JudgeContext]) -> Update:
    """Compare the candidates that screening left; `standings` says what each one's comparisons come to."""
    context = runtime.context
    left = [candidate for candidate in context.candidates if candidate.id not in state["screened"]]
    unseen, left = _without_unseen(context, left)
    players = sorted(left, key=lambda candidate: candidate.sha256)
    matches = Matches(context, state)
    protocol = context.recipe.comparing or "listwise"
    if len(players) == 1 and protocol != "listwise":
        return Update(standings={players[0].id: EQUAL if _has_twin(players[0], state) else ALONE})
    standings, pairs, orders, tosses = await _PROTOCOLS[protocol](context, matches, players)
    flags: Json = {
        player.id: {"unread": list(matches.unread[player.id])}
        for player in players
        if player.id in matches.unread
    }
    for candidate_id, made in matches.calls.items():
        flags[candidate_id] = {**made, **flags.get(candidate_id, {})}
    said = report(matches.played, pairs, orders, tosses)
    evidence = [matches.evidence[one] for one in sorted(matches.evidence)]
    return Update(standings={**standings, **unseen}, flags={"": said, **flags}, evidence=evidence)


def _has_twin(candidate: CanonicalCandidate, state: State) -> bool:
    return any(other.get("duplicate_of") == candidate.id for other in state["screened"].values())


def _without_unseen(
    context: JudgeContext, candidates: list[CanonicalCandidate]
) -> tuple[Json, list[CanonicalCandidate]]:
    """Leave out who gave nothing but images that the model is not shown, where others are left to be compared.

    One of them in a list or a bracket would cost all their verdicts. Returns the standings of those left out.
    """
    reasons = {one.id: reason for one in candidates if (reason := context.material(one, []).unseen)}
    seen = [candidate for candidate in candidates if candidate.id not in reasons]
    if len(seen) < 2:
        return {}, candidates
    failed = {"valid": False, "samples": [], "failure_kind": "tool_unavailable"}
    return {one: {**failed, "failure_reason": reason} for one, reason in reasons.items()}, seen


async def _listwise(
    context: JudgeContext, matches: Matches, players: Sequence[CanonicalCandidate]
) -> Compared:
    if not players:
        return Compared({})
    played = await matches.play(players, context)
    orders = orders_of_list(played)
    return Compared(from_list(played, orders, context.recipe.samples), orders=orders)


async def _pairwise(
    context: JudgeContext, matches: Matches, players: Sequence[CanonicalCandidate]
) -> Compared:
    pairs = await _pairs(context, matches, list(combinations(players, 2)))
    standings = from_pairs([player.id for player in players], pairs, context.recipe.samples)
    return Compared(standings, pairs, [pair.orders for pair in pairs])


async def _tournament(
    context: JudgeContext, matches: Matches, players: Sequence[CanonicalCandidate]
) -> Compared:
    """Seeding against an anchor, then single elimination: at most 2(N-1) comparisons (ArenaRL, arXiv 2601.06487)."""
    by_key = {player.sha256: player for player in players}
    scores: dict[str, float] = {}
    pairs: list[Pair] = []
    tosses: list[list[str]] = []
    if len(players) > 1:
        seed = derived_seed(context.request.seed, "bracket", *sorted(by_key))
        bracket = Bracket(tuple(by_key), seed=seed)
        while due := bracket.round():
            played = await _pairs(
                context, matches, [(by_key[first], by_key[second]) for first, second in due]
            )
            pairs += played
            if any(pair.outcome is None for pair in played):
                break
            firsts = [pair.score_of(by_key[names[0]].id) for names, pair in zip(due, played, strict=True)]
            bracket.tell(dict(zip(due, firsts, strict=True)))
        else:
            scores = {by_key[key].id: score for key, score in bracket.shared_scores().items()}
            tosses = [[by_key[key].id for key in pair] for pair in bracket.tosses]
    ids = [player.id for player in players]
    standings = from_scores(ids, scores, pairs, context.recipe.samples)
    return Compared(standings, pairs, [pair.orders for pair in pairs], tosses)


async def _pairs(
    context: JudgeContext,
    matches: Matches,
    pairs: Sequence[tuple[CanonicalCandidate, CanonicalCandidate]],
) -> list[Pair]:
    works = [(matches.most(pair), partial(matches.play, pair)) for pair in pairs]
    played: list[Played] = await side_by_side(context, works)
    return [pair_of(one, context.recipe.compare, context.recipe.samples) for one in played]


_PROTOCOLS = {"listwise": _listwise, "pairwise": _pairwise, "tournament": _tournament}

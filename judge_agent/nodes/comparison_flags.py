"""What the record says about a judgment's comparisons: how many, how they were sampled, and what is odd about them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import pstdev

from judge_agent.nodes.collect import readable
from judge_agent.nodes.matches import Played
from judge_agent.nodes.standings import InOrders, Pair
from judge_agent.state import Json
from judge_agent.votes import round_robin


def report(
    played: Sequence[Played],
    pairs: Sequence[Pair],
    orders: Sequence[InOrders],
    tosses: Sequence[Sequence[str]] = (),
) -> Json:
    """What the judgment's flags say about its comparisons; nothing where there was none.

    `orders`: those who were compared, two by two, of a list as well. `tosses`: pairs that the seed alone decided,
    winner first.
    """
    if not played:
        return {}
    # In the order of ids: they were finished in whatever order the model answered.
    played = sorted(played, key=lambda one: one.ids)
    samples = [sample for one in played for sample in one.samples]
    said: Json = {
        "comparisons": len(played),
        "samples": len(samples),
        "unreadable": len(samples) - len(readable(samples)),
        "rounds": [list(one.rounds) for one in played if len(one.rounds) > 1],
    }
    both = [one for one in orders if one.consistent is not None]
    if both:
        said["order_consistency"] = round(sum(bool(one.consistent) for one in both) / len(both), 4)
        said["inconsistent"] = [[one.first, one.second] for one in both if not one.consistent]
    said["one_order_only"] = [[one.first, one.second] for one in orders if one.one_sided]
    said["votes"] = _votes([sample for one in played for sample in one.voting])
    said["contradicting_rankings"] = sum(sample.get("contradicts", False) for sample in samples)
    said["cycles"] = _cycles(pairs)
    outcomes = [pair.outcome for pair in pairs if pair.outcome]
    said["ties"] = [[one.first, one.second] for one in outcomes if one.winner is None]
    said["decided_by_seed"] = [list(pair) for pair in tosses]
    return {"comparison": {key: value for key, value in said.items() if value or key in _ALWAYS}}


def _votes(voting: Sequence[Json]) -> Json:
    """What the numbers that the model wrote come to for each candidate, where several samples vote."""
    numbers: dict[str, list[float]] = {}
    for sample in voting:
        for candidate_id, number in sample.get("written", {}).items():
            numbers.setdefault(candidate_id, []).append(number)
    return {
        candidate_id: {
            "samples": len(written),
            "total": math.fsum(written),
            "mean": round(math.fsum(written) / len(written), 4),
            "deviation": round(pstdev(written), 4),
        }
        for candidate_id, written in sorted(numbers.items())
        if len(written) > 1
    }


_ALWAYS = ("comparisons", "samples", "order_consistency")


def _cycles(pairs: Sequence[Pair]) -> list[list[str]]:
    """Circles in which each beat the next one, among pairs that were played at all."""
    outcomes = {(pair.outcome.first, pair.outcome.second): pair.outcome for pair in pairs if pair.outcome}
    ids = sorted({one for names in outcomes for one in names})
    return [list(cycle) for cycle in round_robin(ids, list(outcomes.values())).cycles] if ids else []

"""How much a candidate's own account of its work moves its scores. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from judge_agent.reward.aggregates import effective_weights
from judge_agent.schema import PrincipleResult


def persuasion_gap(principles: Sequence[PrincipleResult]) -> float | None:
    """Return in [-1, 1] what the account added: the score with it less the score without, over the principles.

    Above 0 the agent talked itself up, below 0 its words cost it something. It is the mean by the size of the weights
    over the principles that the model judged both ways; of a penalty the sign is turned, since less of a fault is
    better. None where no principle was judged both ways.
    """
    both = [
        (one, one.score, one.blind.score) for one in principles if one.decided_by == "model" and one.blind
    ]
    gaps = [
        (abs(one.weight), (blind - seen) if one.weight < 0 else (seen - blind))
        for one, seen, blind in both
        if seen is not None and blind is not None
    ]
    if not gaps:
        return None
    weights = effective_weights([weight for weight, _ in gaps])
    total = math.fsum(w * gap for w, (_, gap) in zip(weights, gaps, strict=True)) / math.fsum(weights)
    return min(1.0, max(-1.0, total))

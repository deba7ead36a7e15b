"""Rewards of a process beside its outcome: no good step lifts a failed trajectory above one that succeeded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from judge_agent.reward.spread import Numbers
from judge_agent.schema import CandidateResult


def mean_of_steps(member: CandidateResult) -> float | None:
    """The mean score of the judged steps, in [0, 1]; None where none was judged."""
    known = [step.score for step in member.steps if step.score is not None]
    return math.fsum(known) / len(known) if known else None


def renormalised(
    values: Numbers, processes: Sequence[float | None], threshold: float = 0.5
) -> tuple[list[float | None], dict[str, Any]]:
    """Return process + outcome - 1 for each, where the outcome is 1 if the value reaches `threshold`, else 0.

    Process scores are in [0, 1], so a success lies in [0, 1] and a failure in [-1, 0]. After the reward normalisation
    (ReNorm) of PPR (arXiv 2509.25598), which centres process rewards by the outcome. A member of which no step was
    judged has the mean process of those counted, which says nothing for it or against it; where no step of anybody
    was judged, the values stay.
    """
    known = [
        one for one, value in zip(processes, values, strict=True) if one is not None and value is not None
    ]
    if not known:
        return list(values), {"unshaped": "no step of any member was judged"}
    middle = math.fsum(known) / len(known)
    found: list[float | None] = [
        None if value is None else (middle if one is None else one) + (value >= threshold) - 1.0
        for value, one in zip(values, processes, strict=True)
    ]
    lacking = sum(one is None and value is not None for one, value in zip(processes, values, strict=True))
    return found, {"without_steps": lacking} if lacking else {}

"""Combines the verdicts of one candidate: status, vector, scalar, bounds, pass. Never makes null a number.

A principle is scored when its verdict is valid and has a score. `scored`: all are; `partial`: some are;
`unscored`: none is (or there is none). Knows nothing of shaping by group: that comes after.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from judge_agent.errors import FailureKind
from judge_agent.reward.aggregates import Weighed, aggregated, effective_weights, weighted_mean
from judge_agent.schema import Aggregate, PrincipleResult, Status, StepResult

# Most telling first: what was decided, what is broken, what did not fit, what ran out, what stayed open.
TELLING: tuple[FailureKind, ...] = (
    "cancelled",
    "internal",
    "sandbox_failed",
    "tool_unavailable",
    "input_too_large",
    "model_unreachable",
    "model_error",
    "model_timeout",
    "deadline",
    "budget_exhausted",
    "model_unparseable",
    "evidence_unsupported",
    "abstained",
    "no_evidence",
)


@dataclass(frozen=True)
class Combined:
    """What the verdicts of one candidate come to; the fields are those of `CandidateResult`."""

    status: Status
    failure_kind: FailureKind | None
    failure_reason: str | None
    score: float | None
    reward: float | None
    reward_bounds: tuple[float, float]
    passed: bool | None
    needs_review: bool
    vector: dict[str, float | None]
    steps: tuple[StepResult, ...] = ()
    flags: dict[str, Any] = field(default_factory=dict)


def combine(
    principles: Sequence[PrincipleResult],
    steps: Sequence[StepResult] = (),
    *,
    dimensions: Sequence[str],
    aggregate: Aggregate = "gated",
    min_weight: float = 0.8,
    pass_threshold: float | None = None,
    hard_pass: float = 0.5,
    min_agreement: float = 0.6,
    generated: Collection[str] = (),
) -> Combined:
    """Combine verdicts into a vector and a scalar.

    `score` is the aggregate over the scored principles; null when there is none.
    `reward` is the score; null unless all hard principles are scored and so is at least the share
    `min_weight` of the soft weight. Of the principles that the judge came upon itself (`generated`, by name) those
    that the model cannot assess are left out of that share where evidence has decided a hard one: what was
    asked for is known. `reward_bounds` is the exact range of the score over all scores in [0,1] of the missing
    principles. A weight below 0 is a penalty: its score lowers the scalar and the entry of its dimension, and it
    counts in `min_weight` by its size.
    `passed`: every hard principle reaches `hard_pass` and the score reaches `pass_threshold` (0.5 where none
    is given and there is no hard principle; no threshold where there is one); null where a missing principle
    could turn it. `needs_review`: something is unscored, `passed` is unknown, or the samples of a principle
    agree less than `min_agreement`.
    """
    scored = [p for p in principles if _is_scored(p)]
    missing = [p for p in principles if not _is_scored(p)]
    bounds = _bounds(principles, aggregate, hard_pass)
    score = _clamped(aggregated(aggregate, _weighed(scored), hard_pass=hard_pass), bounds) if scored else None
    passed = _passed(principles, score, bounds, pass_threshold, hard_pass)
    kind, reason = _failure(principles, missing)
    return Combined(
        status="unscored" if not scored else "partial" if missing else "scored",
        failure_kind=kind,
        failure_reason=reason,
        score=score,
        reward=score if _enough(principles, min_weight, generated) else None,
        reward_bounds=bounds,
        passed=passed,
        needs_review=bool(missing) or passed is None or _disagree(scored, min_agreement),
        vector={dimension: _entry(dimension, scored) for dimension in dimensions},
        steps=first_error(steps),
        flags=_flags(principles, dimensions, hard_pass),
    )


def first_error(steps: Sequence[StepResult]) -> tuple[StepResult, ...]:
    """Return the steps in their order with `first_error` true for the earliest bad one only."""
    first = next((index for index, step in enumerate(steps) if step.label == "bad"), None)
    return tuple(step.model_copy(update={"first_error": index == first}) for index, step in enumerate(steps))


def _is_scored(principle: PrincipleResult) -> bool:
    return principle.valid and principle.score is not None


def _weighed(principles: Sequence[PrincipleResult], unknown: float = 0.0) -> list[Weighed]:
    """The principles as items; a missing score is read as `unknown` good (only ever to find a bound)."""
    return [
        Weighed(
            p.score if p.score is not None and p.valid else 1.0 - unknown if p.weight < 0 else unknown,
            p.weight,
            hard=p.kind == "hard",
        )
        for p in principles
    ]


def _bounds(
    principles: Sequence[PrincipleResult], aggregate: Aggregate, hard_pass: float
) -> tuple[float, float]:
    """Every aggregate is monotone, so its range ends where all missing scores are worst, and where all are best."""
    if not any(_is_scored(p) for p in principles):
        return (0.0, 1.0)
    low = aggregated(aggregate, _weighed(principles, 0.0), hard_pass=hard_pass)
    high = aggregated(aggregate, _weighed(principles, 1.0), hard_pass=hard_pass)
    return (low, high)


def _clamped(score: float, bounds: tuple[float, float]) -> float:
    """Renormalised weights may round past a bound, and a tier that is missing whole shifts the code."""
    return min(max(score, bounds[0]), bounds[1])


def _enough(principles: Sequence[PrincipleResult], min_weight: float, generated: Collection[str]) -> bool:
    if not any(_is_scored(p) for p in principles):
        return False
    hard = [p for p in principles if p.kind == "hard"]
    if not all(_is_scored(p) for p in hard):
        return False
    soft = [p for p in principles if p.kind == "soft"]
    if any(p.decided_by == "evidence" for p in hard):
        soft = [p for p in soft if p.name not in generated or p.failure_kind != "abstained"]
    weights = effective_weights([abs(p.weight) for p in soft])
    share = math.fsum(w for w, p in zip(weights, soft, strict=True) if _is_scored(p))
    # The tolerance is for weights such as 0.1 and 0.3 whose sums round: 80% of the weight is enough.
    return share >= min_weight * math.fsum(weights) - 1e-12


def _passed(
    principles: Sequence[PrincipleResult],
    score: float | None,
    bounds: tuple[float, float],
    pass_threshold: float | None,
    hard_pass: float,
) -> bool | None:
    hard = [p for p in principles if p.kind == "hard"]
    if any(_fails(p, hard_pass) for p in hard):
        return False
    if score is None:
        return None
    threshold = pass_threshold if pass_threshold is not None or hard else 0.5
    if threshold is not None and bounds[1] < threshold:
        return False
    known = all(_is_scored(p) for p in hard) and (threshold is None or bounds[0] >= threshold)
    return True if known else None


def _fails(principle: PrincipleResult, hard_pass: float) -> bool:
    return principle.valid and principle.score is not None and principle.score < hard_pass


def _failure(
    principles: Sequence[PrincipleResult], missing: Sequence[PrincipleResult]
) -> tuple[FailureKind | None, str | None]:
    """The most telling failure: hard principles first, then by TELLING, then by name."""
    if not principles:
        return "no_evidence", "no principle applied to this candidate"
    if not missing:
        return None, None
    worst = min(missing, key=lambda p: (p.kind != "hard", TELLING.index(_kind(p)), p.name))
    return _kind(worst), f"{worst.name}: {worst.failure_reason or worst.reason or _kind(worst)}"


def _kind(principle: PrincipleResult) -> FailureKind:
    return principle.failure_kind or "internal"


def _disagree(scored: Sequence[PrincipleResult], min_agreement: float) -> bool:
    return any(p.agreement is not None and p.agreement < min_agreement for p in scored)


def _entry(dimension: str, scored: Sequence[PrincipleResult]) -> float | None:
    fed = _weighed([p for p in scored if p.dimension == dimension])
    return weighted_mean(fed) if fed else None


def _flags(
    principles: Sequence[PrincipleResult], dimensions: Sequence[str], hard_pass: float
) -> dict[str, Any]:
    """What the numbers alone do not show; a key is there only when it has something to say."""
    fed = {p.dimension for p in principles}
    flags: dict[str, list[str]] = {
        "not_applicable": [dimension for dimension in dimensions if dimension not in fed],
        "undeclared_dimensions": sorted(fed - set(dimensions)),
        "failed_hard": sorted(p.name for p in principles if p.kind == "hard" and _fails(p, hard_pass)),
    }
    return {key: names for key, names in flags.items() if names}

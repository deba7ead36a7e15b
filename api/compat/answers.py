"""One rollout's end as a facade reads it: a reward, or none and why; and the flat numbers that loggers take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from judge_agent.hashing import canonical_json, sha256_of
from judge_agent.schema import CandidateResult, Judgment


@dataclass(frozen=True)
class Told:
    """What the judge told of one candidate. `reward` is None exactly where it failed: then `failure_kind` says how.

    `vector` has the declared dimensions as keys, whether the judge failed or not. `way` is the same for what the same
    recipe, prompts, model and tools have judged.
    """

    judgment_id: str | None
    dimensions: tuple[str, ...]
    reward: float | None = None
    score: float | None = None
    vector: Mapping[str, float | None] | None = None
    failure_kind: str | None = None
    failure_reason: str | None = None
    result: CandidateResult | None = None
    way: str = ""

    @property
    def failed(self) -> bool:
        return self.reward is None

    @property
    def reason(self) -> str:
        """Why there is no reward, in one line."""
        return f"{self.failure_kind}: {self.failure_reason or 'no reason is known'}"[:1000]

    def valued(self, dimension: str) -> float | None:
        return (self.vector or {}).get(dimension)


def told_of(judgment: Judgment, dimensions: Sequence[str]) -> tuple[Told, ...]:
    """What an ended judgment tells of each candidate, in the order of the request."""
    return tuple(_told(judgment, result, tuple(dimensions)) for result in judgment.candidates)


def unended(judgment_id: str | None, dimensions: Sequence[str], seconds: float) -> Told:
    """What is told of a rollout whose judgment has not ended in the time that there was."""
    reason = (
        f"the judgment had not ended after {seconds:g} s; it goes on, and a second post waits for the same"
    )
    return Told(judgment_id, tuple(dimensions), failure_kind="deadline", failure_reason=reason)


def flat(told: Told, values: Mapping[str, float]) -> dict[str, float]:
    """Finite numbers under the same keys on success and failure: `judge_failed`, then value and gap per dimension.

    `values` are those to show; `<dimension>_missing` is 1.0 where the judge gave none, or no reward.
    """
    numbers = {"judge_failed": float(told.failed)}
    for name in told.dimensions:
        numbers[name] = values[name]
        numbers[f"{name}_missing"] = float(told.failed or told.valued(name) is None)
    return numbers


def reasons(result: CandidateResult, dimension: str) -> str:
    """What was said of one dimension: the reasons of its principles."""
    said = [
        f"{principle.name}: {principle.reason or principle.failure_reason or 'no reason given'}"
        for principle in result.principles
        if principle.dimension == dimension
    ]
    return "\n".join(said)


def _told(judgment: Judgment, result: CandidateResult, dimensions: tuple[str, ...]) -> Told:
    # What was judged says best which keys it declared; the others are those of a judgment that has not ended.
    dimensions = tuple(result.vector) or dimensions
    shared: dict[str, Any] = {"vector": result.vector, "result": result, "way": _way(judgment)}
    if result.reward is not None and result.status != "unscored":
        score = result.score if result.score is not None else result.reward
        return Told(judgment.id, dimensions, result.reward, score, **shared)
    kind = result.failure_kind or ("partial" if result.status == "partial" else "internal")
    reason = result.failure_reason or f"the candidate is {result.status}: its reward is not known"
    return Told(judgment.id, dimensions, failure_kind=kind, failure_reason=reason, **shared)


def _way(judgment: Judgment) -> str:
    judged_by = judgment.provenance.model_dump(mode="json", exclude={"seed"})
    return sha256_of(canonical_json(judged_by))

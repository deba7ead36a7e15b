"""What a trainer learns of one rollout: a reward, or the reason why there is none. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from judge_agent.errors import InvalidRequest
from judge_agent.schema import CandidateResult, Judgment, Status

MAX_EXPLANATION = 4000
_FLAT_KEYS = frozenset(("score", "acc", "judge_failed"))


@dataclass(frozen=True)
class Outcome:
    """One rollout's judging. `reward` is None exactly where it must not be trained on; `failure_kind` then says why.

    `failure_kind` is one of the service's (`judge_agent.errors.FAILURE_KINDS`), `partial`, or one of the way there:
    `judge_timeout, judge_unreachable, judge_busy, judge_error, judge_malformed, judge_refused, rollout_invalid`,
    `group_split` (rollouts would have been compared within a part of their group only).
    `steps` has one score per assistant turn of the completion, None where it was not judged; it is empty where neither
    the request nor the recipe asks for steps. `tokens` is the rollout's share of what the judgment cost,
    `prompt_tokens` of them read and `completion_tokens` written. `explanation` has a line per principle: its score and
    the judge's reason. `result` is the service's own, while its group is being shaped.
    """

    reward: float | None
    score: float | None = None
    passed: bool | None = None
    vector: Mapping[str, float | None] = field(default_factory=dict)
    status: Status = "unscored"
    failure_kind: str | None = None
    failure_reason: str | None = None
    judgment_id: str | None = None
    steps: tuple[float | None, ...] = ()
    flags: Mapping[str, Any] = field(default_factory=dict)
    tokens: float = 0.0
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0
    explanation: str = ""
    result: CandidateResult | None = field(default=None, repr=False, compare=False)

    @property
    def has_reward(self) -> bool:
        return self.reward is not None

    @property
    def not_applicable(self) -> tuple[str, ...]:
        """The dimensions that say nothing of this rollout: nothing of it is judged in them, and nothing failed."""
        return tuple(self.flags.get("not_applicable") or ()) if self.has_reward else ()

    @classmethod
    def of(cls, judgment: Judgment, candidate_id: str) -> Outcome:
        """Read one candidate of a judgment that has ended."""
        found = next((result for result in judgment.candidates if result.id == candidate_id), None)
        if found is None:
            reason = f"judgment {judgment.id} ({judgment.state}) has no candidate {candidate_id!r}"
            return cls.failed("judge_malformed", reason, ())
        usage = judgment.usage
        return cls(
            reward=_reward(judgment, found),
            score=found.score,
            passed=found.passed,
            vector=dict(found.vector),
            status=found.status,
            failure_kind=_kind(judgment, found),
            failure_reason=found.failure_reason,
            judgment_id=judgment.id,
            steps=tuple(step.score for step in found.steps),
            flags=dict(found.flags),
            tokens=(usage.prompt_tokens + usage.completion_tokens) / len(judgment.candidates),
            prompt_tokens=usage.prompt_tokens / len(judgment.candidates),
            completion_tokens=usage.completion_tokens / len(judgment.candidates),
            explanation=_explanation(found),
            result=found,
        )

    @classmethod
    def failed(cls, kind: str, reason: str, dimensions: Iterable[str] = ()) -> Outcome:
        """Say that nothing was judged, and why; the vector has its keys all the same."""
        return cls(None, vector=dict.fromkeys(dimensions), failure_kind=kind, failure_reason=reason)

    def refused(self, status: int | None, field: str | None) -> Outcome:
        """The same with what was refused: the service's HTTP status (None: it was not asked), and the field."""
        return replace(self, flags={**self.flags, "refused": {"status": status, "field": field}})


def flat(
    outcome: Outcome, dimensions: Sequence[str], reward: float, means: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Write an outcome as finite numbers under keys that are always the same, for trainers that know no null.

    `score` is `reward`: the outcome's own, or what `FailurePolicy.settle` puts in its place. A rollout that has no
    reward has no number of its own, also where its vector has: each is taken from `means` (the group's, by dimension
    and `acc`), or is `reward` where the group has none. A dimension that a judged one lacks is its own score.
    `judge_failed` and `<dimension>_missing` say so.
    Raises InvalidRequest for a dimension whose name is one of these keys.
    """
    taken = _FLAT_KEYS.intersection(dimensions)
    if taken:
        raise InvalidRequest("dimensions", f"{min(taken)!r} is a key of every row; give it another name")
    means = means or {}
    passed = means.get("acc", 0.0) if not outcome.has_reward else float(bool(outcome.passed))
    row = {"score": float(reward), "acc": passed, "judge_failed": 0.0 if outcome.has_reward else 1.0}
    for name in dimensions:
        value = outcome.vector.get(name) if outcome.has_reward else None
        row[name] = _stand_in(outcome, name, row["score"], means) if value is None else float(value)
        row[f"{name}_missing"] = 1.0 if value is None else 0.0
    return row


def _stand_in(outcome: Outcome, name: str, reward: float, means: Mapping[str, float]) -> float:
    """What stands for a missing dimension. A judged rollout's own score is made of the dimensions that it has; the mean
    of its siblings would hang on which of them ended first, and equal completions would have different numbers."""
    if not outcome.has_reward:
        return means.get(name, reward)
    return 0.0 if outcome.score is None else outcome.score


def _reward(judgment: Judgment, result: CandidateResult) -> float | None:
    """The reward; None where the verdict itself says that there is none, whatever number stands beside it."""
    return None if judgment.state != "done" or result.status == "unscored" else result.reward


def _kind(judgment: Judgment, result: CandidateResult) -> str | None:
    if _reward(judgment, result) is not None:
        return result.failure_kind
    return result.failure_kind or ("partial" if result.status == "partial" else "internal")


def _explanation(result: CandidateResult) -> str:
    """Say why, for people; bounded, for it goes into every log line of an evaluation."""
    lines = [
        f"{item.name}: {'not judged' if item.score is None else f'{item.score:g}'}"
        + (f" ({item.decided_by})" if item.decided_by else "")
        + (f": {reason}" if (reason := item.reason or item.failure_reason) else "")
        for item in result.principles
    ]
    text = "\n".join(lines)
    return text if len(text) <= MAX_EXPLANATION else f"{text[:MAX_EXPLANATION]} [cut]"

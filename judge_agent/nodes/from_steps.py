"""The verdict of the principle that a candidate's steps decide, by recipes in which they do."""

from __future__ import annotations

import math
from collections.abc import Sequence

from judge_agent.errors import FailureKind
from judge_agent.nodes.reduce import base_of
from judge_agent.recipes import Steps
from judge_agent.schema import PrincipleResult, StepResult
from judge_agent.state import Json


def from_steps(
    principle: Json, steps: Sequence[StepResult], settings: Steps, failure: FailureKind
) -> PrincipleResult:
    """What the steps come to: the mean of their scores (or of their ratings by this principle), or whether none is bad.

    No verdict while a step is unjudged that could turn it; `failure` is why one is.
    """
    base = base_of(principle)
    bad = [step for step in steps if step.label == "bad"]
    unjudged = [step for step in steps if step.label == "unjudged"]
    if not steps or (unjudged and not (settings.come_to == "none_bad" and bad)):
        why = _unjudged(steps, unjudged)
        return PrincipleResult(**base, valid=False, failure_kind=failure, failure_reason=why[:500])
    score, choice = _score(principle["name"], steps, settings)
    first = f"; the first bad one is {bad[0].step_id}: {bad[0].reason}" if bad else ""
    by_evidence = all(step.decided_by == "evidence" for step in (bad[:1] or steps))
    return PrincipleResult(
        **base,
        choice=choice,
        score=score,
        valid=True,
        reason=f"{len(bad)} of {len(steps)} steps are bad{first}"[:1000],
        citations=bad[0].citations if bad else (),
        decided_by="evidence" if by_evidence else "model",
    )


def _score(name: str, steps: Sequence[StepResult], settings: Steps) -> tuple[float, str]:
    if settings.come_to == "none_bad":
        clean = all(step.label != "bad" for step in steps)
        return float(clean), "pass" if clean else "fail"
    # What evidence decided of a step holds for every principle that the others are rated by.
    scores = [step.scores.get(name, step.score) if settings.feeds is None else step.score for step in steps]
    score = math.fsum(score or 0.0 for score in scores) / len(scores)
    return score, f"{score:.4g}"


def _unjudged(steps: Sequence[StepResult], unjudged: Sequence[StepResult]) -> str:
    if not steps:
        return "the candidate has no steps"
    return f"{len(unjudged)} of {len(steps)} steps are unjudged: {unjudged[0].step_id}: {unjudged[0].reason}"


def with_one_correction(steps: Sequence[StepResult]) -> list[StepResult]:
    """The steps with the correction of the first bad one alone: those after it rest on what went wrong there."""
    first = next((step.step_id for step in steps if step.label == "bad"), None)
    return [step if step.step_id == first else step.model_copy(update={"correction": None}) for step in steps]

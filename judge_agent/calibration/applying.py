"""Applies a calibration to a result: its confidence, and the abstention at a risk. Pure."""

from __future__ import annotations

from judge_agent.calibration.risk import DELTA
from judge_agent.calibration.table import Calibration
from judge_agent.schema import CandidateResult, Confidence


def with_calibration(confidence: Confidence, calibration: Calibration | None) -> Confidence:
    """The confidence with its calibrated value, and the raw one beside; as it is where there is none of either."""
    if calibration is None or confidence.value is None:
        return confidence
    return confidence.model_copy(
        update={
            "value": calibration.applied(confidence.value),
            "raw": confidence.value,
            "method": calibration.method,
            "calibration": calibration.sha256,
        }
    )


def abstaining(
    result: CandidateResult, calibration: Calibration | None, max_risk: float | None
) -> CandidateResult:
    """The result, or an abstention where its raw confidence lies below the threshold of the risk.

    An abstained candidate is unscored, with null reward, score and vector; its principles stay in the record. Without
    a threshold (no calibration fits, or it cannot show the risk) everybody abstains: a promise of a risk is kept or
    not given.
    """
    if max_risk is None or result.status == "unscored":
        return result
    found = calibration.threshold(max_risk) if calibration is not None else None
    raw = result.confidence.raw
    if found is not None and raw is not None and raw >= found.raw:
        return result
    return result.model_copy(
        update={
            "status": "unscored",
            "failure_kind": "abstained",
            "failure_reason": _reason(calibration, max_risk, raw, found.raw if found else None),
            "score": None,
            "reward": None,
            "raw_reward": None,
            "passed": None,
            "needs_review": True,
            "vector": dict.fromkeys(result.vector),
            "reward_bounds": (0.0, 1.0),
        }
    )


def _reason(calibration: Calibration | None, max_risk: float, raw: float | None, least: float | None) -> str:
    if calibration is None:
        return f"max_risk={max_risk:g} needs a calibration of this recipe and model, and none fits"
    if least is None:
        shown = calibration.least_risk
        return f"max_risk={max_risk:g} cannot be shown by the calibration; the least that can is {shown:g}"
    said = "not known" if raw is None else f"{raw:.4f}"
    return (
        f"the raw confidence is {said}; at max_risk={max_risk:g} verdicts count from {least:.4f} on "
        f"({1 - DELTA:.0%} sure by calibration {calibration.sha256[:12]})"
    )

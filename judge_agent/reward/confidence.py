"""How sure a verdict is before any calibration: one number from evidence, agreement, orders and entropy. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from judge_agent.schema import Confidence, PrincipleResult


def raw_confidence(
    principles: Sequence[PrincipleResult], order_consistency: float | None = None
) -> Confidence:
    """Return the mean over the scored principles, by the size of their weights, of how sure each verdict is, in [0, 1].

    evidence, screening: 1
    readouts of text (json, tag, boxed, scores): the agreement of the samples; 0 for one, which agrees with nobody
    readouts of tokens (P(yes), ordinal): 1 - H / ln K over K labels, times the agreement where there are several
    comparisons: the agreement of samples over both orders, a half at most where the orders name different winners
    likelihood: the agreement of the samples; a number that ranks says nothing of how sure it is

    `signals` are what it is made of, each over the weight of those that have it: `evidence_share`, `agreement`,
    `certainty` (1 - normalised entropy), `order_consistency` (told beside; the agreement holds it already).
    `basis` names those that are in the value.
    """
    scored = [one for one in principles if one.valid]
    total = math.fsum(abs(one.weight) for one in scored)
    if total == 0:
        return Confidence(method="none")
    by_model = [one for one in scored if one.decided_by == "model"]
    agreed = [(one.weight, one.agreement) for one in by_model if one.agreement is not None]
    certain = [(one.weight, share) for one in by_model if (share := certainty(one)) is not None]
    decided = math.fsum(abs(one.weight) for one in scored if one.decided_by != "model")
    value = math.fsum(abs(one.weight) * _sure(one) for one in scored) / total
    found = {
        "evidence_share": min(1.0, decided / total),
        "agreement": _mean(agreed),
        "certainty": _mean(certain),
        "order_consistency": order_consistency,
    }
    parts = [name for name, there in (("agreement", agreed), ("entropy", certain)) if there]
    return Confidence(
        value=min(1.0, value),
        method="uncalibrated",
        basis="_and_".join(["evidence", *parts]) if parts else "evidence_share",
        signals={name: share for name, share in found.items() if share is not None},
    )


def certainty(verdict: PrincipleResult) -> float | None:
    """Return 1 - H / ln K of a verdict that was read from the probabilities of K labels; None for any other one."""
    shares = verdict.distribution
    if not shares or len(shares) < 2 or not any("menu_mass" in one.numbers for one in verdict.samples):
        return None
    return 1.0 - normalised_entropy(shares)


def normalised_entropy(shares: Mapping[str, float]) -> float:
    """Return the entropy of a distribution over two labels or more by the largest possible: 0 sure, 1 even."""
    entropy = -math.fsum(share * math.log(share) for share in shares.values() if share > 0)
    return min(1.0, max(0.0, entropy / math.log(len(shares))))


def _sure(verdict: PrincipleResult) -> float:
    if verdict.decided_by != "model":
        return 1.0
    share = certainty(verdict)
    if share is None:
        return verdict.agreement or 0.0
    return share if verdict.agreement is None else share * verdict.agreement


def _mean(parts: Sequence[tuple[float, float]]) -> float | None:
    total = math.fsum(abs(weight) for weight, _ in parts)
    return math.fsum(abs(weight) * share for weight, share in parts) / total if total else None

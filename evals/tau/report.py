"""Counts verdicts against rewards: what was decided, how much of it rightly, and why the rest was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evals.tau.episodes import Episode
from judge_agent.schema import Judgment


@dataclass(frozen=True)
class Outcome:
    """One judgment beside its label. `passed` is None where nothing was decided; `why` then says why."""

    name: str
    succeeded: bool
    passed: bool | None
    why: str
    claims: int = 0
    contradicted: int = 0


def outcome_of(episode: Episode, judgment: Judgment) -> Outcome:
    """What a judgment says of an episode."""
    (candidate,) = judgment.candidates
    reasons = [principle.failure_reason or principle.reason for principle in candidate.principles]
    why = "; ".join(reason for reason in reasons if reason) or candidate.failure_reason or ""
    passed = candidate.passed if candidate.status == "scored" else None
    claims = [claim for one in judgment.evidence for claim in _claims_of(one.output)]
    contradicted = sum(claim.get("holds") is False for claim in claims)
    return Outcome(episode.name, episode.reward >= 1.0, passed, why, len(claims), contradicted)


def _claims_of(output: Any) -> list[dict[str, Any]]:
    claims = output.get("claims") if isinstance(output, dict) else None
    return [claim for claim in claims or () if isinstance(claim, dict)]


def shares(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The figures: decided of all, right of the decided, and the confusion of verdicts and rewards."""
    confusion = Counter((one.succeeded, one.passed) for one in outcomes)
    decided = [one for one in outcomes if one.passed is not None]
    right = sum(one.passed == one.succeeded for one in decided)
    return {
        "trajectories": len(outcomes),
        "decided": len(decided),
        "right": right,
        "wrong": len(decided) - right,
        "success_passed": confusion[True, True],
        "success_failed": confusion[True, False],
        "success_undecided": confusion[True, None],
        "failure_passed": confusion[False, True],
        "failure_failed": confusion[False, False],
        "failure_undecided": confusion[False, None],
        "claims": sum(one.claims for one in outcomes),
        "contradicted": sum(one.contradicted for one in outcomes),
    }


def table(outcomes: Sequence[Outcome]) -> str:
    """The confusion, the two shares, and a line for each reason why nothing was decided and each wrong verdict."""
    told = shares(outcomes)
    lines = [
        "reward     passed  failed  undecided",
        *(
            f"{label:<9} {told[f'{label}_passed']:>7} {told[f'{label}_failed']:>7} {told[f'{label}_undecided']:>10}"
            for label in ("success", "failure")
        ),
        f"claims looked up: {told['claims']}; contradicted: {told['contradicted']}",
        f"decided: {told['decided']} of {told['trajectories']}; rightly: {told['right']} of {told['decided']}",
    ]
    whys = Counter(one.why for one in outcomes if one.passed is None)
    lines += [f"undecided, {count}: {why}" for why, count in whys.most_common()]
    wrong = [one for one in outcomes if one.passed not in (None, one.succeeded)]
    lines += [f"wrong, {one.name}: {one.why}" for one in sorted(wrong, key=lambda one: one.name)]
    return "\n".join(lines)

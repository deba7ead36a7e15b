"""Is a set of requests fit to reward with? References must score full; empty, idle and broken answers must not.

Pure: what the judgments of the probes (`judge_agent/probes.py`) say. An untouched task that scores full is a broken
task; a probe that was not scored says nothing, neither that an answer is rewarded nor that it is not; and of a request
without a reference nothing says that a right answer is rewarded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from judge_agent.probes import IDLE, MUTANTS, Kind, reference_of
from judge_agent.schema import CandidateResult, Judgment

FULL = 1.0 - 1e-9
# A broken reference may happen to be right (a number in a comment); so many of a hundred are no fault of the set.
MAX_STANDING_SHARE = 0.1
# Of the idle answers, of the broken references and of the references judged again: what is unscored was not checked.
MAX_UNSCORED_SHARE = 0.1
# Of the requests: those for which no answer is known that must score full.
MAX_WITHOUT_REFERENCE_SHARE = 0.1
_CHECKED: tuple[tuple[str, tuple[Kind, ...]], ...] = (
    ("idle answers", IDLE),
    ("broken references", MUTANTS),
    ("references judged again", ("again",)),
)


@dataclass
class Report:
    """What the judgments of all probes say. `problems` are lines for people; none means that the set is fit.

    `standing` are broken references that score as high as the whole ones: a few may be right all the same.
    """

    requests: int
    without_reference: int = 0
    judged: dict[str, int] = field(default_factory=dict)
    full: dict[str, int] = field(default_factory=dict)
    unscored: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    standing: list[str] = field(default_factory=list)
    differences: list[float] = field(default_factory=list)
    model_tokens: list[int] = field(default_factory=list)

    @property
    def noise(self) -> dict[str, float | None]:
        """How far the reward of the same answer lies from itself, judged again with another seed."""
        found = self.differences
        return {"mean": fmean(found) if found else None, "largest": max(found, default=None)}


def report(requests: Sequence[Mapping[str, Any]], judged: Mapping[tuple[int, Kind], Judgment]) -> Report:
    """Hold every probe's judgment to what it must be."""
    found = Report(len(requests), sum(reference_of(request) is None for request in requests))
    for (index, kind), judgment in sorted(judged.items()):
        candidate = _answer(judgment)
        found.judged[kind] = found.judged.get(kind, 0) + 1
        found.full[kind] = found.full.get(kind, 0) + is_full(candidate)
        found.unscored[kind] = found.unscored.get(kind, 0) + (candidate.reward is None)
        found.model_tokens.append(judgment.usage.prompt_tokens + judgment.usage.completion_tokens)
        if problem := _problem(index, kind, candidate):
            found.problems.append(problem)
        if kind in MUTANTS and _stands(candidate, judged.get((index, "reference"))):
            found.standing.append(f"request {index}: the reference, {kind}, scores as high as it does whole")
        if (
            kind == "again"
            and (difference := _difference(candidate, judged.get((index, "reference")))) is not None
        ):
            found.differences.append(difference)
    mutants = sum(found.judged.get(kind, 0) - found.unscored.get(kind, 0) for kind in MUTANTS)
    if len(found.standing) > MAX_STANDING_SHARE * mutants:
        found.problems.append(f"{len(found.standing)} of {mutants} broken references do not fall")
    if found.without_reference < found.requests and not any(kind in found.judged for kind in MUTANTS):
        found.problems.append("no reference could be broken: nothing says that wrong answers fall")
    found.problems += _unchecked(judged)
    if found.without_reference > MAX_WITHOUT_REFERENCE_SHARE * found.requests:
        found.problems.append(_without_reference(found))
    return found


def _answer(judgment: Judgment) -> CandidateResult:
    """The one answer of a probe. A service whose store lost the request ends its judgment without one."""
    if judgment.candidates:
        return judgment.candidates[0]
    reason = f"judgment {judgment.id} came back without candidates"
    return CandidateResult(id=judgment.id, status="unscored", failure_kind="internal", failure_reason=reason)


def _without_reference(found: Report) -> str:
    return (
        f"{found.without_reference} of {found.requests} requests have no answer that must score full (at most "
        f"{MAX_WITHOUT_REFERENCE_SHARE:.0%} may): nothing says that a right answer to them is rewarded; give each a "
        "task.reference.solution, .sql, .tool_calls or .answer, or a right rollout as its candidate 'reference'"
    )


def _unchecked(judged: Mapping[tuple[int, Kind], Judgment]) -> list[str]:
    """What too few of gave a score, and why most of those gave none."""
    found = []
    for name, kinds in _CHECKED:
        results = [_answer(judgment) for (_, kind), judgment in judged.items() if kind in kinds]
        reasons = Counter(
            f"{one.failure_kind}: {one.failure_reason}" for one in results if one.reward is None
        )
        if reasons.total() > MAX_UNSCORED_SHARE * len(results):
            [(reason, _)] = reasons.most_common(1)
            found.append(
                f"{reasons.total()} of {len(results)} {name} are unscored (at most {MAX_UNSCORED_SHARE:.0%} may be), "
                f"which says nothing of their rewards; most of them {reason}"
            )
    return found


def is_full(candidate: CandidateResult) -> bool:
    """Whether the candidate passed; where nothing says what passes, whether its reward is 1."""
    if candidate.reward is None:
        return False
    return candidate.passed if candidate.passed is not None else candidate.reward >= FULL


def _stands(candidate: CandidateResult, reference: Judgment | None) -> bool:
    best = _answer(reference).reward if reference else None
    return candidate.reward is not None and best is not None and candidate.reward >= best


def _problem(index: int, kind: Kind, candidate: CandidateResult) -> str | None:
    where = f"request {index}"
    if kind == "reference" and candidate.reward is None:
        return f"{where}: the reference is unscored, {candidate.failure_kind}: {candidate.failure_reason}"
    if kind == "reference" and not is_full(candidate):
        return f"{where}: the reference does not score full (reward {candidate.reward}): {_why(candidate)}"
    if kind in IDLE and is_full(candidate):
        return f"{where}: an answer that does nothing ({kind}) scores full"
    return None


def _why(candidate: CandidateResult) -> str:
    low = [one for one in candidate.principles if one.score is not None and one.score < 1]
    return "; ".join(f"{one.name}: {one.reason[:120]}" for one in low[:3]) or "no principle says why"


def _difference(candidate: CandidateResult, reference: Judgment | None) -> float | None:
    first = _answer(reference).reward if reference else None
    return None if first is None or candidate.reward is None else abs(first - candidate.reward)

"""What a judgment says of an item, held against the item's label: the only place where the two meet."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from evals.loaders.item import Better, FirstError, Label, Outcome
from judge_agent.schema import CandidateResult, Judgment

Verdict = Literal["right", "wrong", "tie", "none"]
PASSES = 0.5


class Length(NamedTuple):
    """Of a pair of answers of different length: whether the longer one is the better, and whether it was preferred."""

    better_is_longer: bool
    prefers_longer: bool


def verdict_of(judgment: Judgment, label: Label) -> Verdict:
    """Whether the judge agrees with the label; `none` where it gave no score, `tie` where it told nothing apart."""
    if isinstance(label, Better):
        rewards = {one.id: one.reward for one in judgment.candidates}
        return "none" if None in rewards.values() else _ordered(rewards, label)  # type: ignore[arg-type]
    (candidate,) = judgment.candidates
    if isinstance(label, Outcome):
        passed = _passed(candidate)
        return "none" if passed is None else _agrees(passed == label.succeeded)
    return _first_error(candidate, label)


def by_evidence(judgment: Judgment, label: Label) -> Verdict | None:
    """The same of what tools alone decided; None where they tell nothing apart."""
    if isinstance(label, Better):
        verdict = _ordered(_evidence_scores(judgment.candidates), label)
        return None if verdict == "tie" else verdict
    (candidate,) = judgment.candidates
    if isinstance(label, Outcome):
        found = _decided(candidate)
        return None if found is None else _agrees(found == label.succeeded)
    bad = [
        place
        for place, step in enumerate(candidate.steps)
        if step.label == "bad" and step.decided_by == "evidence"
    ]
    return _agrees(bad[0] == label.step) if bad else None


def preferred_of(judgment: Judgment) -> CandidateResult | None:
    """The candidate of the highest reward; None where none is alone at the top, or a reward is null."""
    rewards = sorted((one.reward for one in judgment.candidates if one.reward is not None), reverse=True)
    if len(rewards) < len(judgment.candidates) or (len(rewards) > 1 and rewards[0] == rewards[1]):
        return None
    return next(one for one in judgment.candidates if one.reward == rewards[0])


def length_of(judgment: Judgment, label: Label, chars: Mapping[str, int]) -> Length | None:
    """None for what is no pair of different lengths, or where none was preferred."""
    preferred = preferred_of(judgment)
    if not isinstance(label, Better) or len(chars) != 2 or preferred is None or len(set(chars.values())) != 2:
        return None
    longer = max(chars, key=chars.__getitem__)
    return Length(longer in label.chosen, preferred.id == longer)


def _ordered(scores: Mapping[str, float], label: Better) -> Verdict:
    least = min(score for name, score in scores.items() if name in label.chosen)
    most = max(score for name, score in scores.items() if name not in label.chosen)
    return "right" if least > most else "tie" if least == most else "wrong"


def _agrees(is_so: bool) -> Verdict:
    return "right" if is_so else "wrong"


def _passed(candidate: CandidateResult) -> bool | None:
    """`passed` says it where nothing that is missing could turn it; a lone model score passes from the middle of its
    scale on."""
    if candidate.passed is not None or candidate.reward is None:
        return candidate.passed
    return candidate.reward >= PASSES


def _evidence_scores(candidates: Sequence[CandidateResult]) -> dict[str, float]:
    """The mean of what evidence decided of each, over the principles that it decided of anybody.

    What it does not decide of one (a candidate without calls has none that are valid) is taken for passed as well as
    any other passes it: that a part is sound puts nobody above who lacks it, that it is broken puts below.
    """
    found = {
        one.id: {
            p.name: p.score for p in one.principles if p.decided_by == "evidence" and p.score is not None
        }
        for one in candidates
    }
    names = sorted({name for own in found.values() for name in own})
    lacking = {name: max(PASSES, *(own.get(name, PASSES) for own in found.values())) for name in names}
    return {
        key: statistics.fmean([own.get(name, lacking[name]) for name in names] or [PASSES])
        for key, own in found.items()
    }


def _decided(candidate: CandidateResult) -> bool | None:
    """Whether evidence says that the candidate fails, or passes in all that is hard; None where it says neither."""
    hard = [p for p in candidate.principles if p.kind == "hard"]
    scores = [p.score for p in hard if p.decided_by == "evidence" and p.score is not None]
    if any(score < PASSES for score in scores):
        return False
    return True if hard and len(scores) == len(hard) else None


def _first_error(candidate: CandidateResult, label: FirstError) -> Verdict:
    """`none` where a step up to the first bad one has no verdict."""
    labels = [step.label for step in candidate.steps]
    first = labels.index("bad") if "bad" in labels else None
    if not labels or "unjudged" in labels[:first]:
        return "none"
    return _agrees(first == label.step)

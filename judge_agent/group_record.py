"""What becomes of a group: from its members' own results to rewards beside each other. Pure.

A member whose result is missing or null is in no statistic, and in a group that failed nobody gets a reward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from judge_agent import reward
from judge_agent.errors import FailureKind
from judge_agent.schema import CandidateResult, Group, GroupMember, GroupPreference, GroupState, OnPartial
from judge_agent.schema.shape import Shape

STILL_JUDGED = "it was still being judged when the group settled"


@dataclass(frozen=True)
class Seated:
    """A member and what it was judged worth by itself; None where that is not known yet."""

    index: int
    candidate_id: str
    judgment_id: str | None
    result: CandidateResult | None = None
    late: bool = False


@dataclass(frozen=True)
class Terms:
    """What the members of a group have agreed on."""

    size: int
    shape: Shape = ()
    deadline_seconds: float | None = None
    on_partial: OnPartial = "wait"
    min_size: int | None = None


@dataclass(frozen=True)
class Failure:
    """Why nobody in a group gets a reward."""

    kind: FailureKind
    reason: str


def group_record(
    terms: Terms,
    members: Sequence[Seated],
    *,
    state: GroupState,
    failure: Failure | None = None,
    consistent: bool | None = None,
    **facts: Any,
) -> Group:
    """Put a group's record together; `facts` are its id, key and times. `consistent` is what a comparison of two said.

    Rewards are given in a group that is `done`, to members that came in time. One whose shape cannot be computed has
    failed (`internal`): a bug in a formula must not keep who waits for it waiting.
    """
    seated = sorted((one for one in members if not one.late), key=lambda one: one.index)
    has_ended = state not in ("open", "judging")
    results = [one.result or _unjudged(one) for one in seated] if has_ended else []
    rewards: Sequence[float | None] = (None,) * len(seated)
    links: Sequence[Any] = ()
    if state == "done":
        try:
            shaped = reward.shaped(terms.shape, results)
            rewards, links = shaped.rewards, shaped.links
        except Exception as error:  # noqa: BLE001 - see above
            reason = f"its shape cannot be computed: {type(error).__name__}: {error}"
            state, failure = "failed", Failure("internal", reason)
    told = [_member(one, value, has_ended) for one, value in zip(seated, rewards, strict=True)]
    counted = sum(value is not None for value in rewards)
    missing = tuple(sorted(set(range(terms.size)) - {one.index for one in seated}))
    ranked = [
        result.model_copy(update={"id": str(one.index), "reward": value})
        for one, result, value in zip(seated, results, rewards, strict=False)
    ]
    return Group(
        size=terms.size,
        state=state,
        failure_kind=failure.kind if failure else None,
        failure_reason=failure.reason if failure else None,
        deadline_seconds=terms.deadline_seconds,
        on_partial=terms.on_partial,
        min_size=terms.min_size,
        partial=has_ended and counted < terms.size,
        missing=missing,
        counted=counted,
        members=(*told, *(late_member(one) for one in members if one.late)),
        ranking=_ranking(ranked) if state == "done" and terms.size > 1 else None,
        preference=_preference(ranked, consistent) if state == "done" and terms.size == 2 else None,
        shape=[link.model_dump(mode="json") for link in terms.shape],
        flags={"shape": list(links)} if links else {},
        **facts,
    )


def late_member(one: Seated) -> GroupMember:
    """A member that came after its group had settled: judged for itself, without a reward in the group."""
    return _member(one, None, False).model_copy(update={"late": True})


def scored(members: Sequence[Seated]) -> int:
    """How many members have a reward of their own."""
    return sum(one.result is not None and reward.raw_reward(one.result) is not None for one in members)


def common_failure(members: Sequence[Seated]) -> FailureKind:
    """The commonest kind among members without a reward; the first of several in the order of the members."""
    kinds = [one.result.failure_kind for one in members if one.result and one.result.failure_kind]
    return max(kinds, key=kinds.count) if kinds else "deadline"


def _unjudged(one: Seated) -> CandidateResult:
    return CandidateResult(
        id=one.candidate_id, status="unscored", failure_kind="deadline", failure_reason=STILL_JUDGED
    )


def _member(one: Seated, value: float | None, has_ended: bool) -> GroupMember:
    result = one.result if one.result is not None or not has_ended else _unjudged(one)
    found: Mapping[str, Any] = {}
    if result is not None:
        found = {
            "status": result.status,
            "failure_kind": result.failure_kind,
            "failure_reason": result.failure_reason,
            "score": result.score,
            "raw_reward": reward.raw_reward(result),
            "passed": result.passed,
            "vector": result.vector,
        }
    return GroupMember(
        index=one.index, candidate_id=one.candidate_id, judgment_id=one.judgment_id, reward=value, **found
    )


def _ranking(results: Sequence[CandidateResult]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(sorted(map(int, tied))) for tied in reward.ranking(results))


def _preference(results: Sequence[CandidateResult], consistent: bool | None) -> GroupPreference | None:
    found = reward.preference(results)
    if found is None:
        return None
    winner = None if found.winner is None else int(found.winner)
    return GroupPreference(winner=winner, probability=found.probability, consistent=consistent)

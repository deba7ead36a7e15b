"""What becomes of a cohort of rollouts of one task."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, FiniteFloat

from judge_agent.errors import FailureKind
from judge_agent.schema.base import Envelope, Score
from judge_agent.schema.group_spec import OnPartial
from judge_agent.schema.judgment import Status

GroupState = Literal["open", "judging", "done", "failed", "cancelled"]


class GroupMember(Envelope):
    """One rollout of a group. `raw_reward` is what it was judged worth by itself, `reward` what it gets in the group.

    `reward` is null where the judge failed, in a group that failed, and for one that came `late`: after the group had
    settled. What came of each is told when the group has settled: until then `status` is null.
    """

    index: int
    candidate_id: str
    judgment_id: str | None = None
    status: Status | None = None
    failure_kind: FailureKind | None = None
    failure_reason: str | None = None
    score: Score | None = None
    raw_reward: FiniteFloat | None = None
    reward: FiniteFloat | None = None
    passed: bool | None = None
    vector: dict[str, Score | None] = {}
    late: bool = False


class GroupPreference(Envelope):
    """Which of exactly two members is better, by index."""

    winner: int | None = None
    probability: Score | None = None
    consistent: bool | None = None


class Group(Envelope):
    """What became of a group. `seconds` counts from its first member, without time in which the service was down.

    `counted` is how many members' rewards the group's statistics rest on, `missing` are the indices that had not come
    when it settled, and `partial` says that one of the two is not as it should be.
    """

    id: str
    object: Literal["group"] = "group"
    group_id: str | None = None
    attempt: int = 0
    size: int
    state: GroupState
    failure_kind: FailureKind | None = None
    failure_reason: str | None = None
    created: float
    seconds: float = 0.0
    deadline_seconds: float | None = None
    on_partial: OnPartial = "wait"
    min_size: int | None = None
    partial: bool = False
    missing: tuple[int, ...] = ()
    counted: int = 0
    your_index: int | None = Field(
        default=None, description="The member that this post brought; null where it brought the whole group."
    )
    members: tuple[GroupMember, ...] = ()
    ranking: tuple[tuple[int, ...], ...] | None = Field(
        default=None, description="Indices from best to worst by reward; indices in one inner list are tied."
    )
    preference: GroupPreference | None = None
    shape: Any = None
    flags: dict[str, Any] = {}

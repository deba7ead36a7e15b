"""Reads a group with its members and their judgments, one judgment at a time, and puts its record together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from api.callers import Caller
from judge_agent.group_record import (
    Failure,
    Seated,
    Terms,
    common_failure,
    group_record,
    late_member,
    scored,
)
from judge_agent.schema import CandidateResult, Group, GroupState
from judge_agent.schema.shape import Shape
from judge_agent.store import KeyLimits, Store
from judge_agent.store.groups import SETTLED, StoredGroup, StoredMember

_SHAPE: TypeAdapter[Shape] = TypeAdapter(Shape)


@dataclass(frozen=True)
class Read:
    """A group as it was at one moment. `template` is what its members are judged by together, for `payer`: who
    brought the first of them."""

    group: StoredGroup
    members: tuple[StoredMember, ...]
    terms: Terms
    recipe: str
    template: dict[str, Any] | None
    payer: Caller
    record: Group | None

    @property
    def is_settled(self) -> bool:
        return self.group.state in SETTLED

    @property
    def in_time(self) -> tuple[StoredMember, ...]:
        return tuple(one for one in self.members if not one.is_late)

    def overdue(self) -> Failure:
        """Why a group fails whose time is over."""
        terms, ended = self.terms, sum(one.has_ended for one in self.in_time)
        seconds = self.group.seconds if self.group.is_over else terms.deadline_seconds
        return Failure(
            "deadline",
            f"after {seconds:.3g} s {len(self.in_time)} of {terms.size} members had come and {ended} were judged "
            f"(on_partial={terms.on_partial!r})",
        )


async def read(store: Store, id: str, tenant: str | None = None) -> Read | None:
    """Read a group; None for an unknown one, or another tenant's. Members are read after the group: its revision
    tells whether one has come since."""
    group = await store.groups.get(id, tenant)
    if group is None:
        return None
    members = await store.groups.members(id)
    kept, agreed = json.loads(await store.groups.request(id)), json.loads(group.agreed)
    terms = Terms(
        group.size,
        _SHAPE.validate_python(kept["shape"]),
        agreed["group.deadline_seconds"],
        agreed["group.on_partial"],
        agreed["group.min_size"],
    )
    record = None if group.record is None else Group.model_validate_json(group.record)
    limits = KeyLimits(*kept.get("limits", ()))
    payer = Caller(group.tenant, key_id=kept.get("key_id", ""), limits=limits)
    return Read(group, members, terms, kept["recipe"], kept["template"], payer, record)


async def settled_record(store: Store, found: Read, state: GroupState, failure: Failure | None) -> Group:
    """The record of a group that ends now: `done`, unless too few of its members are scored."""
    seated, consistent = await _seated(store, found, found.in_time)
    terms = found.terms
    if state == "done" and terms.min_size is not None and (count := scored(seated)) < terms.min_size:
        state = "failed"
        reason = f"{count} of {terms.size} members are scored, fewer than min_size={terms.min_size}"
        all_ended = all(one.has_ended for one in found.in_time) and len(seated) == terms.size
        failure = Failure(common_failure(seated) if all_ended else "deadline", reason)
    return group_record(
        terms, seated, state=state, failure=failure, consistent=consistent, **_facts(found.group)
    )


async def live_record(store: Store, found: Read) -> Group:
    """A group as it stands: as it settled, with those that came late. Of an open one who is in it: what came of each is
    in its own judgment, and every post that does not wait would read all of them again."""
    if found.record is None:
        seated = [Seated(one.index, one.candidate_id, one.judgment_id) for one in found.in_time]
        return group_record(found.terms, seated, state=found.group.state, **_facts(found.group))
    late, _ = await _seated(store, found, [one for one in found.members if one.is_late])
    members = (*found.record.members, *map(late_member, late))
    return found.record.model_copy(update={"members": members})


def _facts(group: StoredGroup) -> dict[str, Any]:
    return {
        "id": group.id,
        "group_id": group.group_id,
        "attempt": group.attempt,
        "created": group.created,
        "seconds": round(group.seconds, 3),
    }


async def _seated(
    store: Store, found: Read, members: Sequence[StoredMember]
) -> tuple[list[Seated], bool | None]:
    """The members with what came of each; and what a comparison of two said of its own consistency."""
    together = found.group.is_joint
    common = await _ended(store, members[0]) if together and members else None
    seated = []
    for place, one in enumerate(members):
        ended = common if together else await _ended(store, one)
        result = None if ended is None else ended.result(place if together else 0)
        seated.append(Seated(one.index, one.candidate_id, one.judgment_id, result, one.is_late))
    return seated, None if common is None else common.consistent


@dataclass(frozen=True)
class _Ended:
    """What a group reads of an ended judgment, which holds much more (evidence, samples)."""

    id: str
    candidates: tuple[dict[str, Any], ...]
    consistent: bool | None

    def result(self, place: int) -> CandidateResult:
        """What came of the candidate at a place; a record that says nothing of it gives no score."""
        if place < len(self.candidates):
            return CandidateResult.model_validate(self.candidates[place])
        return CandidateResult(
            id=str(place),
            status="unscored",
            failure_kind="internal",
            failure_reason=f"judgment {self.id} says nothing of this member",
        )


async def _ended(store: Store, member: StoredMember) -> _Ended | None:
    """The ended judgment of a member; None while it is not there."""
    row = await store.get(member.judgment_id) if member.judgment_id is not None else None
    if row is None or row.judgment is None:
        return None
    data = json.loads(row.judgment)
    return _Ended(row.id, tuple(data["candidates"]), (data.get("preference") or {}).get("consistent"))

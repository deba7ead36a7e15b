"""Reads a group with its members and their judgments, one judgment at a time, and puts its record together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from judge_agent.group_record import (
    Failure,
    Seated,
    Terms,
    common_failure,
    group_record,
    late_member,
    scored,
)
from judge_agent.schema import CandidateResult, Group, GroupState, Judgment
from judge_agent.schema.shape import Shape
from judge_agent.store import Store
from judge_agent.store.groups import SETTLED, StoredGroup, StoredMember

_SHAPE: TypeAdapter[Shape] = TypeAdapter(Shape)


@dataclass(frozen=True)
class Read:
    """A group as it was at one moment. `template` is what its members are judged by together."""

    group: StoredGroup
    members: tuple[StoredMember, ...]
    terms: Terms
    recipe: str
    template: dict[str, Any] | None
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
    return Read(group, members, terms, kept["recipe"], kept["template"], record)


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
    """A group as it stands: as it settled, with those that came late, or what is known of it so far."""
    if found.record is None:
        seated, _ = await _seated(store, found, found.in_time)
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
    seated, consistent = list[Seated](), None
    together = found.group.is_joint
    judgment = await _judgment(store, members[0]) if together and members else None
    for place, one in enumerate(members):
        if not together:
            judgment = await _judgment(store, one)
        result = _result(judgment, place if together else 0)
        seated.append(Seated(one.index, one.candidate_id, one.judgment_id, result, one.is_late))
    if together and judgment is not None and judgment.preference is not None:
        consistent = judgment.preference.consistent
    return seated, consistent


async def _judgment(store: Store, member: StoredMember) -> Judgment | None:
    """The ended judgment of a member; None while it is not there."""
    row = await store.get(member.judgment_id) if member.judgment_id is not None else None
    if row is None or row.judgment is None:
        return None
    return Judgment.model_validate_json(row.judgment)


def _result(judgment: Judgment | None, place: int) -> CandidateResult | None:
    """What came of the candidate at a place; a record that was damaged says nothing of it, which is no score."""
    if judgment is None:
        return None
    if place < len(judgment.candidates):
        return judgment.candidates[place]
    return CandidateResult(
        id=str(place),
        status="unscored",
        failure_kind="internal",
        failure_reason=f"judgment {judgment.id} says nothing of this member",
    )

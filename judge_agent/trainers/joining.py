"""Rollouts of one group that several processes have: each process posts its own, and all get the settled group.

Trainers that hand each rank its own slice of a batch (TRL) split groups; recipes that compare, and shapes, need them
whole. A group that is not complete in time gives nobody a reward: its ranks would be paid for different comparisons.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from judge_agent.client import AsyncJudgeClient
from judge_agent.errors import JudgeClientError
from judge_agent.schema import Group, GroupMember, Judgment
from judge_agent.trainers.outcome import Outcome
from judge_agent.trainers.rollout import Asking, Rollout

log = logging.getLogger(__name__)
_LOOK_AGAIN_SECONDS = 0.25


def group_field(rollout: Rollout, asking: Asking) -> dict[str, Any] | None:
    """Write a request's `group`; None for a rollout that is not to be joined, or does not know its place."""
    if not asking.join or rollout.group is None or rollout.index is None or rollout.size is None:
        return None
    place = {"group_id": rollout.group, "index": rollout.index, "size": rollout.size}
    if asking.seconds is None:
        return place | {"attempt": rollout.attempt}
    return place | {"attempt": rollout.attempt, "deadline_seconds": asking.seconds, "on_partial": "fail"}


async def joined(client: AsyncJudgeClient, request: Mapping[str, Any], timeout_seconds: float) -> Outcome:
    """Bring one member, wait for the group, and return what the member gets. Raises as `judge_group` does."""
    group = await client.judge_group(request, timeout_seconds=timeout_seconds)
    member = next((one for one in group.members if one.index == group.your_index), None)
    if member is None:
        return Outcome.failed("judge_malformed", f"group {group.id} has no member {group.your_index!r}")
    return _outcome(group, member, await _own_judgment(client, group, member))


async def call_off(client: AsyncJudgeClient, group: Mapping[str, Any], seconds: float) -> bool:
    """Call off the group of a member that will never come, so that nobody waits for it; say whether that was done.

    Peers may not have joined yet: it is looked for as long as `seconds`. A key that may only judge may not call off:
    then the peers wait for the group's deadline, and have no rewards then.
    """
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            for found in await client.find_groups(group["group_id"], deadline=time.monotonic() + left):
                if found.attempt == group["attempt"]:
                    await client.cancel_group(found.id)
                    return True
        except JudgeClientError as error:
            log.warning("group %r cannot be called off: %s", group["group_id"], error)
            return False
        await asyncio.sleep(min(_LOOK_AGAIN_SECONDS, left))
    return False


async def _own_judgment(client: AsyncJudgeClient, group: Group, member: GroupMember) -> Judgment | None:
    """The member's own judgment, for its steps and its costs; of one that is of all members each has too little."""
    ids = [one.judgment_id for one in group.members]
    if member.judgment_id is None or ids.count(member.judgment_id) > 1:
        return None
    try:
        return await client.get(member.judgment_id)
    except JudgeClientError:
        return None  # The reward is known: what explains it may be missing.


def _outcome(group: Group, member: GroupMember, judgment: Judgment | None) -> Outcome:
    told = Outcome(None, judgment_id=member.judgment_id)
    if judgment is not None:
        told = Outcome.of(judgment, member.candidate_id)
    counts = group.state == "done" and not member.late and member.status != "unscored"
    reward = member.reward if counts else None
    return replace(
        told,
        reward=reward,
        score=member.score,
        passed=member.passed,
        vector=dict(member.vector),
        status=member.status or "unscored",
        failure_kind=member.failure_kind if reward is not None else _kind(group, member),
        failure_reason=member.failure_reason or group.failure_reason,
        flags={
            **told.flags,
            "group": group.id,
            "raw_reward": member.raw_reward,
            "group_means": _means(group),
        },
    )


def _means(group: Group) -> dict[str, float]:
    """The mean of each dimension over the members with a reward that have it, alike for all who joined."""
    numbers: dict[str, list[float]] = {}
    for member in group.members:
        for name, value in member.vector.items() if member.reward is not None and not member.late else ():
            if value is not None:
                numbers.setdefault(name, []).append(value)
    return {name: statistics.fmean(values) for name, values in numbers.items()}


def _kind(group: Group, member: GroupMember) -> str:
    """Why there is no reward: the member's own failure, else the group's, else that it came too late."""
    if found := member.failure_kind or group.failure_kind:
        return found
    if group.state == "cancelled":
        return "cancelled"
    return "deadline" if member.late else "partial"

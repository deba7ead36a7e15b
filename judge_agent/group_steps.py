"""What is to be done for an open group now. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from judge_agent.group_record import Terms
from judge_agent.store.groups import StoredGroup, StoredMember

# `begin`: judge the members together. `close`: let nobody in any more, then begin. `extend`: let what is being judged
# together end. `settle`: all have ended. `settle_with_those`: with those that are scored. `fail`: the time is over.
Step = Literal["nothing", "begin", "close", "extend", "settle", "settle_with_those", "fail"]


def next_step(group: StoredGroup, members: Sequence[StoredMember], terms: Terms) -> Step:
    """Return the step for an open group; `members` are those that came in time."""
    if group.state == "judging":
        if any(one.judgment_id is None for one in members):
            return "fail" if group.is_over else "begin"
        if all(one.has_ended for one in members):
            return "settle"
    if group.is_over:
        return "fail"
    if not group.is_due or terms.on_partial == "wait":
        return "nothing"
    if terms.on_partial == "fail":
        return "fail"
    if not group.is_joint:
        return "settle_with_those"
    if group.state == "open":
        return "close" if len(members) >= (terms.min_size or 1) else "fail"
    # One judgment for all: it is at work and bounded by its own budget, or has not even begun.
    return "extend" if any(one.judgment_state == "running" for one in members) else "fail"

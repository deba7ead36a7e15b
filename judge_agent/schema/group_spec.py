"""The group that a request belongs to: a cohort of rollouts of one task."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from judge_agent.schema.base import Envelope, Name, Number, Whole
from judge_agent.schema.refusals import Refused

MAX_MEMBERS = 64
OnPartial = Literal["wait", "min_size", "fail"]
Count = Annotated[Whole, Field(ge=1, le=MAX_MEMBERS)]


class GroupSpec(Envelope):
    """The group that a request belongs to.

    Without `index` the candidates of the request are the whole group. With `group_id`, `index` and `size` each request
    brings one member, from any process; `attempt` is a new try of the whole group. At `deadline_seconds` after the
    first member's arrival `on_partial` says what becomes of a group that is not complete: `wait` goes on waiting as
    long as the service lets it, `min_size` settles with those that are scored when they are at least `min_size`, `fail`
    gives nobody a reward.
    """

    group_id: Name | None = None
    index: Annotated[Whole, Field(ge=0, lt=MAX_MEMBERS)] | None = None
    size: Count | None = None
    attempt: Annotated[Whole, Field(ge=0, le=2**31 - 1)] = 0
    deadline_seconds: Annotated[Number, Field(gt=0, le=86_400)] | None = None
    on_partial: OnPartial = "wait"
    min_size: Count | None = None

    @property
    def cohort(self) -> str | None:
        """What the queue knows the group by: the members of one cohort are judged before those of the next."""
        return None if self.group_id is None else f"{self.group_id}#{self.attempt}"

    @property
    def is_joined(self) -> bool:
        """Whether each request brings one member."""
        return self.index is not None

    @model_validator(mode="after")
    def _fits_together(self) -> GroupSpec:
        if self.index is not None:
            for field in ("group_id", "size"):
                if getattr(self, field) is None:
                    raise Refused(field, "is required beside index: it says which group is joined", None)
            if self.size is not None and self.index >= self.size:
                raise Refused("index", f"{self.index} is not below size={self.size}", self.index)
        if (self.min_size is None) == (self.on_partial == "min_size"):
            message = f"belongs to on_partial='min_size', and to no other (here {self.on_partial!r})"
            raise Refused("min_size", message, self.min_size)
        if self.on_partial != "wait" and self.deadline_seconds is None:
            raise Refused("deadline_seconds", f"is required with on_partial={self.on_partial!r}", None)
        if self.size is not None and self.min_size is not None and self.min_size > self.size:
            raise Refused("min_size", f"{self.min_size} is more than size={self.size}", self.min_size)
        return self

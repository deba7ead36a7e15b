"""How scores of steps become what each step is paid: a chain of links, as with `shape`.

`"first_error"`, `{"kind": "delta", "gamma": 0.9}` and `["first_error", "gate"]` all say a step credit; an empty list
says none, also where the recipe names one. What each kind computes is in `judge_agent.reward.credit`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field

from judge_agent.schema.base import Envelope, Number

MAX_LINKS = 4
_Share = Annotated[Number, Field(ge=0, le=1)]
_Real = Annotated[Number, Field(ge=-1e6, le=1e6)]


class StepDelta(Envelope):
    """What a step adds: `gamma` x its value - the value before it, `start` before the first one.

    `against` `next`: its value - the value after it instead, and its own value for the last one.
    """

    kind: Literal["delta"] = "delta"
    gamma: Annotated[Number, Field(gt=0, le=1)] = 1.0
    start: _Real = 0.0
    against: Literal["before", "next"] = "before"


class FirstError(Envelope):
    """Behind the first bad step every judged step gets `after`; the steps up to it keep what they have."""

    kind: Literal["first_error"] = "first_error"
    after: _Real = 0.0


class Gate(Envelope):
    """Where the reward does not reach `threshold`, no step gets more than `most`."""

    kind: Literal["gate"] = "gate"
    threshold: _Share = 0.5
    most: _Real = 0.0


class ReNorm(Envelope):
    """The step's value, plus 1 where the reward reaches `threshold`, minus 1."""

    kind: Literal["renorm"] = "renorm"
    threshold: _Share = 0.5


StepKind = Literal["delta", "first_error", "gate", "renorm"]
StepLink = Annotated[StepDelta | FirstError | Gate | ReNorm, Field(discriminator="kind")]
_FORMS = f"give a kind ({', '.join(get_args(StepKind))}), an object {{kind, ...}}, or a list of these"


def _as_links(given: Any) -> Any:
    """A kind's name stands for the kind as it is by default, and one link for a chain of one."""
    links = [given] if isinstance(given, (str, dict, Envelope)) else given
    if not isinstance(links, (list, tuple)):
        raise ValueError(f"{given!r} is no step credit: {_FORMS}")
    for link in links:
        if not isinstance(link, (str, dict, Envelope)) or (isinstance(link, dict) and "kind" not in link):
            raise ValueError(f"{str(link)[:60]!r} is no link of a step credit: {_FORMS}")
    return [{"kind": link} if isinstance(link, str) else link for link in links]


StepCredit = Annotated[
    tuple[StepLink, ...],
    Field(max_length=MAX_LINKS),
    BeforeValidator(
        _as_links,
        json_schema_input_type=StepKind
        | StepLink
        | Annotated[list[StepKind | StepLink], Field(max_length=MAX_LINKS)],
    ),
]

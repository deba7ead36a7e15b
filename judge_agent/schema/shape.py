"""How rewards of a group are shaped: a chain of links, each a kind with its parameters.

In a request or a recipe `"z"`, `{"kind": "z", "ddof": 1}` and `["difficulty", {"kind": "z"}]` all say a shape; an empty
list says none, also where the recipe names one. What each kind computes is in `judge_agent.reward`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field

from judge_agent.schema.base import Envelope, Number, Whole

MAX_LINKS = 4
DimensionName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_Share = Annotated[Number, Field(ge=0, le=1)]
_Ddof = Annotated[Whole, Field(ge=0, le=1)]
_Weight = Annotated[Number, Field(ge=0, le=1e6)]


class Rank(Envelope):
    """1 - rank/(N-1) among the N counted, from 1 for the best to 0 for the last; ties share the mean of their ranks."""

    kind: Literal["rank"] = "rank"


class Z(Envelope):
    """(reward - mean) / std over the counted. `ddof`: the std divides by N - ddof; up to `epsilon` it counts as 0."""

    kind: Literal["z"] = "z"
    ddof: _Ddof = 0
    epsilon: Annotated[Number, Field(ge=0, le=1)] = 1e-9


class Difficulty(Envelope):
    """Unit tests weighed by how rarely the group passes them; `outcome` is the share that the raw reward keeps."""

    kind: Literal["difficulty"] = "difficulty"
    outcome: _Share = 0.5


class Dimensions(Envelope):
    """Each dimension normalised over the group by itself, their weighted sum normalised again.

    `weights` by dimension: one that is not named counts for nothing; where none is given, all count alike.
    """

    kind: Literal["dimensions"] = "dimensions"
    weights: Annotated[dict[DimensionName, _Weight], Field(min_length=1, max_length=32)] | None = None
    ddof: _Ddof = 0
    epsilon: Annotated[Number, Field(ge=0, le=1)] = 1e-9


Kind = Literal["rank", "z", "difficulty", "dimensions"]
Link = Annotated[Rank | Z | Difficulty | Dimensions, Field(discriminator="kind")]
_FORMS = f"give a kind ({', '.join(get_args(Kind))}), an object {{kind, ...}}, or a list of these"
# Kinds that read more of a member than its reward so far: before them there is nothing to shape.
_FIRST_ONLY = ("difficulty", "dimensions")


def _as_links(given: Any) -> Any:
    """A kind's name stands for the kind as it is by default, and one link for a chain of one."""
    links = [given] if isinstance(given, (str, dict, Envelope)) else given
    if not isinstance(links, (list, tuple)):
        raise ValueError(f"{given!r} is no shape: {_FORMS}")
    for link in links:
        if not isinstance(link, (str, dict, Envelope)) or (isinstance(link, dict) and "kind" not in link):
            raise ValueError(f"{str(link)[:60]!r} is no link of a shape: {_FORMS}")
    return [{"kind": link} if isinstance(link, str) else link for link in links]


def _in_order(links: tuple[Link, ...]) -> tuple[Link, ...]:
    for place, link in enumerate(links):
        if place and link.kind in _FIRST_ONLY:
            raise ValueError(
                f"{link.kind!r} reads tests or dimensions, not rewards: it must be the first link"
            )
        if link.kind == "dimensions" and link.weights is not None and not any(link.weights.values()):
            raise ValueError(f"weights {link.weights!r} are all 0: at least one dimension must count")
    return links


Shape = Annotated[
    tuple[Link, ...],
    Field(max_length=MAX_LINKS),
    AfterValidator(_in_order),
    BeforeValidator(
        _as_links,
        json_schema_input_type=Kind | Link | Annotated[list[Kind | Link], Field(max_length=MAX_LINKS)],
    ),
]

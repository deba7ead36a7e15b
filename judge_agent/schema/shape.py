"""How rewards of a group are shaped: a chain of links, each a kind with its parameters.

In a request or a recipe `"z"`, `{"kind": "z", "ddof": 1}` and `["difficulty", {"kind": "z"}]` all say a shape; an empty
list says none, also where the recipe names one. What each kind computes is in `judge_agent.reward`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from judge_agent.schema.base import Envelope, Number, Whole

MAX_LINKS = 4
DimensionName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_Share = Annotated[Number, Field(ge=0, le=1)]
_Ddof = Annotated[Whole, Field(ge=0, le=1)]
_Weight = Annotated[Number, Field(ge=0, le=1e6)]
_Signed = Annotated[Number, Field(ge=-1e6, le=1e6)]
_Real = Annotated[Number, Field(ge=-1e9, le=1e9)]
_Slope = Annotated[Number, Field(gt=0, le=1e6)]


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


class Par(Envelope):
    """The mean over `references` of sigmoid(`k` (reward - reference)), in (0, 1).

    References are rewards of reference answers; where none are given, those of the members counted.
    """

    kind: Literal["par"] = "par"
    references: Annotated[tuple[_Real, ...], Field(min_length=1, max_length=64)] | None = None
    k: _Slope = 1.0


class LogSigmoid(Envelope):
    """The sum over dimensions of weight x log sigmoid(`k` (score - reference)): good in this one and in that one.

    `references` and `weights` by dimension: 0.5 and 1 where none is named; with `weights` only those named count.
    """

    kind: Literal["log_sigmoid"] = "log_sigmoid"
    references: Annotated[dict[DimensionName, _Real], Field(min_length=1, max_length=32)] | None = None
    weights: Annotated[dict[DimensionName, _Weight], Field(min_length=1, max_length=32)] | None = None
    k: _Slope = 1.0


class Clip(Envelope):
    """Nothing below `low`, nothing above `high`; null: no bound on that side."""

    kind: Literal["clip"] = "clip"
    low: _Real | None = 0.0
    high: _Real | None = 1.0

    @model_validator(mode="after")
    def _is_a_range(self) -> Clip:
        if self.low is None and self.high is None:
            raise ValueError("low and high are both null: there is nothing to clip")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low={self.low:g} must be below high={self.high:g}")
        return self


class Delta(Envelope):
    """reward - `baseline`: a number, the mean of those counted, or of the others counted (0 for the only one)."""

    kind: Literal["delta"] = "delta"
    baseline: _Real | Literal["mean", "others"] = "others"


class SoftLength(Envelope):
    """Takes off up to `weight` of what is too long: nothing up to `max_chars` - `buffer_chars`, all past `max_chars`.

    Characters are those that the policy wrote (`coverage.written_chars`).
    """

    kind: Literal["soft_length"] = "soft_length"
    max_chars: Annotated[Whole, Field(ge=1, le=100_000_000)]
    buffer_chars: Annotated[Whole, Field(ge=0, le=100_000_000)]
    weight: Annotated[Number, Field(gt=0, le=1e6)] = 1.0

    @model_validator(mode="after")
    def _buffer_fits(self) -> SoftLength:
        if self.buffer_chars > self.max_chars:
            raise ValueError(f"buffer_chars={self.buffer_chars} is more than max_chars={self.max_chars}")
        return self


class Bonus(Envelope):
    """reward + `weight` x the weighted mean of dimensions, for those whose reward reaches `threshold`; else the reward.

    `dimensions` with their weights; where none are given, all count alike.
    """

    kind: Literal["bonus"] = "bonus"
    dimensions: Annotated[dict[DimensionName, _Weight], Field(min_length=1, max_length=32)] | None = None
    weight: Annotated[Number, Field(gt=0, le=1e6)] = 0.5
    threshold: _Share = 1.0


class Process(Envelope):
    """The mean score of the judged steps, plus 1 where the reward reaches `threshold`, minus 1."""

    kind: Literal["process"] = "process"
    threshold: _Share = 0.5


class Direction(Envelope):
    """How preferences over dimensions become one number.

    `weights` by dimension; below 0, less of it is better. `norm` `l1`: the weighted mean; `l2`: the projection on the
    weights as a direction of length 1; `worst`: 1 - the largest weight x shortfall, weights relative to the largest.
    """

    kind: Literal["direction"] = "direction"
    weights: Annotated[dict[DimensionName, _Signed], Field(min_length=1, max_length=32)]
    norm: Literal["l1", "l2", "worst"] = "l1"

    @model_validator(mode="after")
    def _worst_has_no_less(self) -> Direction:
        if self.norm == "worst" and min(self.weights.values()) < 0:
            raise ValueError("norm 'worst' takes the shortfall from the best; weights below 0 have none")
        return self


Kind = Literal[
    "rank", "z", "difficulty", "dimensions", "par", "log_sigmoid", "clip", "delta", "soft_length", "bonus", "process",
    "direction",
]  # fmt: skip
Link = Annotated[
    Rank
    | Z
    | Difficulty
    | Dimensions
    | Par
    | LogSigmoid
    | Clip
    | Delta
    | SoftLength
    | Bonus
    | Process
    | Direction,
    Field(discriminator="kind"),
]
_FORMS = f"give a kind ({', '.join(get_args(Kind))}), an object {{kind, ...}}, or a list of these"
# Kinds that read more of a member than its reward so far: before them there is nothing to shape.
_FIRST_ONLY = ("difficulty", "dimensions", "log_sigmoid", "process", "direction")


def dimensions_of(link: Link) -> tuple[str, ...]:
    """The dimensions that a link names."""
    if isinstance(link, Bonus):
        return tuple(link.dimensions or ())
    if isinstance(link, LogSigmoid):
        return tuple(dict.fromkeys((*(link.weights or ()), *(link.references or ()))))
    return tuple(link.weights or ()) if isinstance(link, Dimensions | Direction) else ()


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
                f"{link.kind!r} reads tests, steps or dimensions, not rewards: it must be the first link"
            )
        weights = link.dimensions if isinstance(link, Bonus) else getattr(link, "weights", None)
        if weights is not None and not any(weights.values()):
            raise ValueError(f"weights {weights!r} are all 0: at least one dimension must count")
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

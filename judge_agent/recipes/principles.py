"""Where a recipe's principles come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from judge_agent.schema import Envelope, PrincipleSpec
from judge_agent.schema.shape import DimensionName


class PrincipleSource(Envelope):
    """Where principles come from. `generate`: when the caller gives none, or never.

    `default` stand in where the caller gives none. `each_a_dimension`: one that names no dimension is a dimension of
    its own, so that the vector has an entry for each. `not_generated`: dimensions that tools alone feed, so that no
    generated principle is of them. `always`: the recipe's own beside the caller's, which make the method; the caller's
    of the same name stands instead. `give_way` names those of them that are not asked about where a tool has decided a
    hard principle of the same dimension. `dimension_weights`: what all principles of a dimension weigh together, in the
    proportions of their own weights; those of other dimensions keep theirs. Without `tools_must_decide` a tool's own
    principle that its tool ran for and left open is left out: for recipes whose turns look at the reference themselves.
    """

    tools: bool = True
    tools_must_decide: bool = True
    default: tuple[PrincipleSpec, ...] = ()
    each_a_dimension: bool = False
    generate: Literal["when_none_given", "never"] = "never"
    max_generated: Annotated[int, Field(ge=1, le=16)] = 3
    generated_kind: Literal["soft", "hard"] = "soft"
    not_generated: tuple[DimensionName, ...] = ()
    always: tuple[PrincipleSpec, ...] = ()
    give_way: tuple[str, ...] = ()
    dimension_weights: Mapping[DimensionName, Annotated[float, Field(ge=0)]] = {}

"""What candidates are compared by: one principle made of all those that no tool settles, and what is lost by that."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence, Set

from judge_agent.prompting.material import indented
from judge_agent.recipes import Compare
from judge_agent.schema import Principle, PrincipleSpec

# What a principle says of itself alone, which has no meaning where the model compares by all of them at once.
_OF_ITS_OWN = ("name", "scale")


def comparison_of(
    principles: Sequence[Principle], named: Set[str | None], compare: Compare, dimensions: Sequence[str]
) -> Principle:
    """Return the principle that stands for all of these in a comparison, or for the recipe's description alone.

    It weighs what they weigh together, and feeds the dimension that all of them name, else the recipe's. `named` are
    their dimensions as they were given, with None for one that was not.
    """
    criteria = [principle.description for principle in principles]
    if compare.criteria == "added" or not criteria:
        criteria = [compare.description, *criteria]
    shared = next(iter(named)) if len(named) == 1 else None
    own = compare.dimension if compare.dimension in dimensions else dimensions[0]
    return Principle(
        name="comparison",
        description=as_description(criteria),
        dimension=shared or own,
        kind="soft",
        weight=math.fsum(principle.weight for principle in principles) if principles else 1.0,
        scale="1-10",
        origin="comparison",
    )


def ignored_fields(specs: Sequence[PrincipleSpec], comparison: Principle) -> list[str]:
    """Return the fields of the caller's principles that a comparison by all of them takes no account of.

    Names and scales, and dimensions other than the one that it feeds. Weights where they differ: no model is shown
    them, so they decide nothing between one criterion and another.
    """
    compared = {index: spec for index, spec in enumerate(specs) if spec.tool is None}
    weights = {spec.weight for spec in compared.values()}
    ignored = []
    for index, spec in compared.items():
        names = [name for name in _OF_ITS_OWN if getattr(spec, name) is not None]
        names += ["dimension"] if spec.dimension not in (None, comparison.dimension) else []
        names += ["weight"] if len(weights) > 1 and "weight" in spec.model_fields_set else []
        ignored += [f"principles.{index}.{name}" for name in names]
    return ignored


def as_description(criteria: Sequence[str]) -> str:
    """Several criteria as the description of one principle; the further lines of each are indented."""
    return "\n".join(indented(said.lstrip()) for said in criteria)


def criteria_of(description: str) -> list[str]:
    """The criteria that `as_description` put together, in the words that they were given in."""
    return [said.replace("\n    ", "\n") for said in re.split(r"\n(?!    )", description)]

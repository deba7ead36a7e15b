"""Which declared dimensions a judgment without a model can ever feed, as far as that is known before it. Pure.

A model can be asked about any dimension. Without one a dimension is fed by what the recipe, the principles and the
tools name, so that a misspelt one would be null in every vector of a run.
"""

from __future__ import annotations

from collections.abc import Sequence

from judge_agent.errors import InvalidRequest
from judge_agent.given_principles import given_principles
from judge_agent.recipes import Recipe
from judge_agent.schema import JudgmentRequest
from judge_agent.seams.tool import Tool, dimensions_of


def check_fed(request: JudgmentRequest, recipe: Recipe, tools: Sequence[Tool]) -> None:
    """Raise InvalidRequest for a declared dimension that nothing can feed, whatever the candidates hold.

    Nothing is refused where a tool does not say which dimensions its principles are of.
    """
    if recipe.models or request.dimensions is None:
        return
    of_tools = _of_tools(tools)
    if of_tools is None:
        return
    specs = given_principles(request, recipe)
    named = {spec.dimension or request.dimensions[0] for spec in specs}
    fed = {*recipe.dimensions, *named, *of_tools}
    for index, name in enumerate(request.dimensions):
        if name not in fed:
            raise InvalidRequest(
                f"dimensions.{index}",
                f"{name!r} is fed by nothing: recipe {recipe.name!r} asks no model, and no principle of the request "
                f"is of that dimension; there are {sorted(fed)}",
            )


def _of_tools(tools: Sequence[Tool]) -> set[str] | None:
    found = set[str]()
    for tool in tools:
        said = dimensions_of(tool)
        if said is None:
            return None
        found.update(said)
    return found

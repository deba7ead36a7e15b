"""The principles that a judgment starts from: the caller's, else the recipe's own, each in its dimension. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from judge_agent.recipes import Recipe
from judge_agent.same_words import WORD
from judge_agent.schema import JudgmentRequest, PrincipleSpec

_NOT_A_KEY = re.compile(r"[^a-z0-9]+")
MAX_KEY_CHARS = 60


def given_principles(request: JudgmentRequest, recipe: Recipe) -> tuple[PrincipleSpec, ...]:
    """Return the caller's principles, else the recipe's default ones, and those that the recipe always has.

    One without a name keeps none.

    Where the recipe makes each a dimension, one that names none has the dimension of its own name.
    """
    specs = request.principles or _within(recipe.principles.default, request.dimensions)
    named = {spec.name for spec in specs}
    own = tuple(spec for spec in recipe.principles.always if spec.name not in named)
    specs = (*specs, *_within(own, request.dimensions))
    return _each_apart(specs, request.dimensions) if recipe.principles.each_a_dimension else specs


def declared_dimensions(request: JudgmentRequest, recipe: Recipe) -> tuple[str, ...]:
    """The keys of the vector: the request's, else the recipe's and those that the principles name.

    A recipe that makes each principle a dimension adds none of its own to them.
    """
    if request.dimensions is not None:
        return request.dimensions
    named = [p.dimension for p in given_principles(request, recipe) if p.dimension]
    own = () if named and recipe.principles.each_a_dimension else recipe.dimensions
    return tuple(dict.fromkeys([*own, *named]))


def name_from(description: str) -> str:
    """A name for a principle that has none: its first words."""
    words = WORD.findall(description.lower())[:5]
    return "_".join(words)[:60] or "principle"


def _within(specs: Sequence[PrincipleSpec], declared: Sequence[str] | None) -> tuple[PrincipleSpec, ...]:
    """The recipe's own principles in the dimensions that the caller declared: of another one, in none."""
    return tuple(
        spec
        if declared is None or spec.dimension in declared
        else spec.model_copy(update={"dimension": None})
        for spec in specs
    )


def _each_apart(specs: Sequence[PrincipleSpec], declared: Sequence[str] | None) -> tuple[PrincipleSpec, ...]:
    """Give each a dimension that no other has; where the caller declared the dimensions, one of these or none."""
    taken = {spec.dimension for spec in specs if spec.dimension}
    placed = []
    for spec in specs:
        if spec.dimension is None:
            wanted = _key(spec.name or name_from(spec.description))
            key = wanted if declared is not None else _free(wanted, taken)
            taken.add(key)
            spec = spec.model_copy(update={"dimension": key if declared is None or key in declared else None})
        placed.append(spec)
    return tuple(placed)


def _key(name: str) -> str:
    """A name as a key of the vector: lower case letters, digits and underscores, a letter first."""
    key = _NOT_A_KEY.sub("_", name.lower()).strip("_")[:MAX_KEY_CHARS].rstrip("_")
    return key if key[:1].isalpha() else f"principle_{key}".rstrip("_")


def _free(wanted: str, taken: set[str]) -> str:
    key, count = wanted, 1
    while key in taken:
        count += 1
        key = f"{wanted}_{count}"
    return key

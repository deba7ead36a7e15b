"""Recipes: how to judge, as TOML files. `[recipe]` keys are the fields of `Recipe`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from judge_agent.errors import PromptError
from judge_agent.hashing import sha256_of
from judge_agent.schema import Aggregate, Envelope, Granularity, PrincipleSpec
from judge_agent.schema.base import Score
from judge_agent.schema.request import DimensionName

CitationPolicy = Literal["required", "optional", "none"]


class PrincipleSource(Envelope):
    """Where principles come from. `generate`: when the caller gives none, or never."""

    tools: bool = True
    generate: Literal["when_none_given", "never"] = "never"
    max_generated: Annotated[int, Field(ge=1, le=16)] = 3
    generated_kind: Literal["soft", "hard"] = "soft"


class Citations(Envelope):
    """How strictly a critique must cite: for a pass of a hard principle, and otherwise."""

    hard_pass: CitationPolicy = "required"
    otherwise: CitationPolicy = "optional"


class Gather(Envelope):
    """`rounds`: how many times the model may ask for a tool, per candidate."""

    rounds: Annotated[int, Field(ge=0, le=16)] = 0


class Critique(Envelope):
    """`steps_per_call`: how many steps one model call labels."""

    max_tokens: Annotated[int, Field(ge=16, le=32768)] = 512
    reason_chars: Annotated[int, Field(ge=16, le=8000)] = 400
    max_citations: Annotated[int, Field(ge=1, le=8)] = 2
    cannot_assess: bool = False
    steps_per_call: Annotated[int, Field(ge=1, le=32)] = 4


class DefaultBudget(Envelope):
    """What a judgment may spend when the request does not say. Tokens and tool calls are per candidate."""

    seconds: Annotated[float, Field(gt=0)] = 100.0
    model_tokens_per_candidate: int = 100_000
    tool_calls_per_candidate: int = 16
    call_seconds: Annotated[float, Field(gt=0)] = 60.0


class Recipe(Envelope):
    """How to judge. `models` false asks no model at all: evidence decides or the candidate is unscored."""

    name: str
    description: str
    paper: str | None = None
    models: bool
    protocols: tuple[Literal["pointwise", "steps"], ...]
    dimensions: tuple[DimensionName, ...]
    tools: tuple[str, ...] = Field(default=(), description="Names of tools; empty means every tool.")
    granularity: tuple[Granularity, ...]
    aggregate: Aggregate = "gated"
    pass_threshold: Score | None = None
    min_weight: Score = 0.8
    principles: PrincipleSource = PrincipleSource()
    citations: Citations = Citations()
    gather: Gather = Gather()
    critique: Critique = Critique()
    budget: DefaultBudget = DefaultBudget()
    prompts: Mapping[Literal["propose", "gather", "critique", "steps"], str] = {}
    fallback_principles: Mapping[str, tuple[PrincipleSpec, ...]] = {}
    sha256: str = ""


def load_recipes(folder: Path) -> dict[str, Recipe]:
    """Read `recipes/*.toml` under the prompts folder, by name. Raises PromptError that names file and field."""
    recipes = [_load(path) for path in sorted((folder / "recipes").glob("*.toml"))]
    return {recipe.name: recipe for recipe in recipes}


def _load(path: Path) -> Recipe:
    text = path.read_text("utf-8")
    try:
        data: dict[str, Any] = tomllib.loads(text)
        fallback = data.pop("fallback_principles_from", None)
        if fallback:
            fallback_text = (path.parent.parent / fallback).read_text("utf-8")
            data["fallback_principles"] = tomllib.loads(fallback_text)
            text += fallback_text
        recipe = Recipe.model_validate({**data, "sha256": sha256_of(text)})
    except (tomllib.TOMLDecodeError, ValidationError, OSError) as error:
        raise PromptError(f"recipe file {path.name!r}: {error}") from error
    if recipe.name != path.stem:
        raise PromptError(f"recipe file {path.name!r} names itself {recipe.name!r}; the two must agree")
    return recipe

"""Reads recipe files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from judge_agent.errors import PromptError
from judge_agent.hashing import sha256_of
from judge_agent.recipes.recipe import Recipe


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
        own = data.pop("default_principles_from", None)
        if own:
            own_text = (path.parent.parent / own).read_text("utf-8")
            learned = tomllib.loads(own_text).get("principles", ())
            data["principles"] = {**data.get("principles", {}), "default": learned}
            text += own_text
        recipe = Recipe.model_validate({**data, "sha256": sha256_of(text)})
    except (tomllib.TOMLDecodeError, ValidationError, OSError) as error:
        raise PromptError(f"recipe file {path.name!r}: {error}") from error
    if recipe.name != path.stem:
        raise PromptError(f"recipe file {path.name!r} names itself {recipe.name!r}; the two must agree")
    return recipe

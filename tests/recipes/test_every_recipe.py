"""Every recipe of the library runs to its end with a model that answers whatever is asked."""

from __future__ import annotations

import pytest

from judge_agent.prompting import default_folder
from judge_agent.recipes import load_recipes

pytestmark = pytest.mark.anyio
RECIPES = load_recipes(default_folder())
ANSWERS = {"a": "The moon pulls the water.", "b": "The sun pulls the water.", "c": "It is the wind."}


@pytest.mark.parametrize("recipe", sorted(RECIPES))
async def test_each_candidate_ends_scored_or_unscored_with_a_reason(panel, recipe):
    judgment = await panel().judge(recipe, ANSWERS)
    for candidate in judgment.candidates:
        assert candidate.status == "scored" or candidate.failure_kind is not None
        assert candidate.failure_kind != "internal"
        assert (candidate.reward is None) == (candidate.status != "scored")
    assert set(judgment.provenance.prompts) == set(RECIPES[recipe].all_prompts)


@pytest.mark.parametrize("recipe", sorted(name for name, recipe in RECIPES.items() if recipe.paper))
async def test_a_published_method_names_its_paper_and_what_it_does(recipe):
    found = RECIPES[recipe]
    assert found.paper.startswith("arXiv:")
    assert found.description.endswith(".")
    assert found.all_prompts

"""Recipes are listed with their papers: by the verb, by the service, and in the files themselves."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from judge_agent.prompting import default_folder
from judge_agent.recipes import load_recipes
from tests.service.served import serving

pytestmark = pytest.mark.anyio
FOLDER = Path(__file__).parent
LISTED = tomllib.loads((FOLDER / "papers.toml").read_text("utf-8"))["recipe"]
PAPERS = {row["name"]: row.get("paper") for row in LISTED}
RECIPES = load_recipes(default_folder())
# `verify` asks nothing; the others ask by the prompts of `default` (`refuted` by one more, tested elsewhere).
OWN_PROMPTS = sorted(PAPERS.keys() - {"refuted", "verify", "by-place", "one-pass"})


def listed_by_the_verb(*arguments: str) -> str:
    command = [sys.executable, "-m", "judge_agent.cli", "recipes", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.parametrize("name", sorted(PAPERS))
async def test_a_recipe_names_the_paper_that_its_method_is_from(name):
    assert RECIPES[name].paper == PAPERS[name]


async def test_there_is_no_recipe_of_which_the_table_knows_nothing():
    assert set(RECIPES) == set(PAPERS)


async def test_the_verb_lists_every_recipe_with_its_paper_and_what_it_does():
    lines = listed_by_the_verb().splitlines()
    heads = dict(zip(lines[::2], lines[1::2], strict=True))
    assert heads == {
        f"{name} ({', '.join(RECIPES[name].protocols)}; {paper or 'no paper'})": f"  {RECIPES[name].description}"
        for name, paper in PAPERS.items()
    }


async def test_the_verb_lists_every_setting_of_them_as_json():
    told = json.loads(listed_by_the_verb("--json"))
    assert {recipe["name"]: recipe["paper"] for recipe in told} == PAPERS
    assert all(recipe["dimensions"] and recipe["protocols"] for recipe in told)


async def test_the_service_lists_every_recipe_with_its_paper_and_what_it_does():
    async with serving() as served:
        told = (await served.http.get("/v1/recipes")).json()["data"]
    assert {recipe["name"]: recipe["paper"] for recipe in told} == PAPERS
    assert {recipe["description"] for recipe in told} == {recipe.description for recipe in RECIPES.values()}


@pytest.mark.parametrize("name", OWN_PROMPTS)
async def test_the_table_of_a_recipe_says_what_each_of_its_prompts_must_say(name):
    table = tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))
    assert {prompt["name"] for prompt in table["prompt"]} == set(RECIPES[name].all_prompts)


async def test_of_the_others_one_asks_nothing_and_one_has_a_prompt_more_than_default():
    assert RECIPES["verify"].all_prompts == ()
    more = set(RECIPES["refuted"].all_prompts) - set(RECIPES["default"].all_prompts)
    assert more == {"refute/default.v1"}

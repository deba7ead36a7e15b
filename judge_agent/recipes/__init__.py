"""Recipes: how to judge, as TOML files. `[recipe]` keys are the fields of `Recipe`."""

from judge_agent.recipes.bounds import Detector as Detector
from judge_agent.recipes.critiques import Batch as Batch
from judge_agent.recipes.critiques import CitationPolicy as CitationPolicy
from judge_agent.recipes.critiques import Gather as Gather
from judge_agent.recipes.critiques import Steps as Steps
from judge_agent.recipes.loading import load_recipes as load_recipes
from judge_agent.recipes.recipe import Recipe as Recipe
from judge_agent.recipes.samples import Compare as Compare
from judge_agent.recipes.samples import Samples as Samples
from judge_agent.recipes.turns import Readout as Readout
from judge_agent.recipes.turns import Turn as Turn
from judge_agent.recipes.turns import TurnCalls as TurnCalls

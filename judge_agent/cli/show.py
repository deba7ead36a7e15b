"""`judge-agent graph | schema | recipes`: the state machine as Mermaid, the border types, the ways to judge."""

from __future__ import annotations

import argparse
import json
from typing import Any

from judge_agent.errors import JudgeError
from judge_agent.schema import Judgment, JudgmentRequest

_TYPES: dict[str, Any] = {"request": JudgmentRequest, "judgment": Judgment}


def add_parser(verbs: Any) -> None:
    graph = verbs.add_parser("graph", help="print the state machine as a Mermaid diagram")
    graph.set_defaults(run=_graph)
    schema = verbs.add_parser("schema", help="print the JSON Schema of requests and judgments")
    schema.add_argument("type", nargs="?", choices=tuple(_TYPES), help="one type only; both without it")
    schema.set_defaults(run=_schema)
    recipes = verbs.add_parser("recipes", help="list the recipes with their papers")
    recipes.add_argument("--json", action="store_true", help="print every setting of them")
    recipes.set_defaults(run=_recipes)


def _recipes(arguments: argparse.Namespace) -> int:
    from judge_agent.prompting import default_folder
    from judge_agent.recipes import load_recipes

    recipes = load_recipes(default_folder()).values()
    if arguments.json:
        print(json.dumps([recipe.model_dump(mode="json") for recipe in recipes], indent=2))
        return 0
    for recipe in recipes:
        print(f"{recipe.name} ({', '.join(recipe.protocols)}; {recipe.paper or 'no paper'})")
        print(f"  {recipe.description}")
    return 0


def _graph(arguments: argparse.Namespace) -> int:
    try:
        from judge_agent.graph import build
    except ModuleNotFoundError as error:
        raise JudgeError(
            f"'graph' needs the package {error.name!r}; install it with: pip install 'judge-agent[service]'"
        ) from error
    print(build().get_graph().draw_mermaid())
    return 0


def _schema(arguments: argparse.Namespace) -> int:
    wanted = [arguments.type] if arguments.type else list(_TYPES)
    schemas = {name: _TYPES[name].model_json_schema(mode="validation") for name in wanted}
    print(json.dumps(schemas[wanted[0]] if arguments.type else schemas, indent=2))
    return 0

"""`judge-agent graph` prints the state machine as Mermaid; `judge-agent schema` the JSON Schema of the border types."""

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

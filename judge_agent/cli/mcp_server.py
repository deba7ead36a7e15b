"""`judge-agent mcp`: the judge as an MCP server over standard input and output.

Its tools: `judge` (one request), `list_recipes` and `list_tools`. It judges here, with the parts that a service would
have, or at a running service (`--url`). Nothing but the protocol is written to standard output.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from pydantic import ValidationError

import judge_agent
from judge_agent.cli.checkout import load
from judge_agent.errors import InvalidRequest, JudgeError
from judge_agent.schema import Judgment, JudgmentRequest
from judge_agent.schema.refusals import message_of

TENANT = "mcp"
_ABOUT = (
    "A judge for agent trajectories that checks before it scores: what a tool can decide, a tool decides; the "
    "model judges the rest and cites. A candidate that it failed to judge is unscored, with reward null: that is not 0."
)


class Asked(Protocol):
    """What judges: this process, or a service."""

    async def judge(self, request: JudgmentRequest) -> Judgment: ...

    async def recipes(self) -> Sequence[Mapping[str, Any]]: ...

    async def tools(self) -> Sequence[Mapping[str, Any]]: ...


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser(
        "mcp",
        help="serve the judge as an MCP server on standard input and output",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--url", default=os.environ.get("JUDGE_URL"), help="judge at this service instead of here"
    )
    parser.add_argument(
        "--model",
        choices=("embedded", "openai", "vllm", "none"),
        help="where the model runs, when judging here",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    asyncio.run(_serve(arguments.url, arguments.model))
    return 0


async def _serve(url: str | None, model: str | None) -> None:
    async with _at_service(url) if url else _here(model) as asked:
        await server(asked).run_stdio_async()


def server(asked: Asked) -> Any:
    """The MCP server on what judges. Raises JudgeError where the package `mcp` is missing."""
    try:
        from mcp.server import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError as Refusal
    except ModuleNotFoundError as error:
        raise JudgeError(
            f"'mcp' needs the package {error.name!r}; install it with: pip install 'judge-agent[tools]'"
        ) from error
    made = MCPServer("judge-agent", version=judge_agent.__version__, instructions=_ABOUT, log_level="WARNING")

    async def judge(request: dict[str, Any]) -> dict[str, Any]:
        """Judge the candidates of one request; returns the whole judgment: rewards, vectors, evidence, reasons.

        request: as of POST /v1/judgments, such as {"task": {"prompt": "..."}, "candidates": [{"id": "a",
        "trajectory": {"text": "..."}}], "recipe": "default", "principles": [{"description": "..."}]}. The recipe
        `verify` asks no model. reward null means that nothing was found out.
        """
        try:
            judgment = await asked.judge(_request(request))
        except JudgeError as error:
            raise Refusal(str(error)) from error
        return judgment.model_dump(mode="json")

    async def list_recipes() -> list[dict[str, Any]]:
        """List the recipes: name, what they do, whether they ask a model."""
        return [dict(one) for one in await asked.recipes()]

    async def list_tools() -> list[dict[str, Any]]:
        """List what the judge can check: name, description, arguments, limits."""
        return [dict(one) for one in await asked.tools()]

    for function in (judge, list_recipes, list_tools):
        made.tool()(function)
    return made


def _request(data: Mapping[str, Any]) -> JudgmentRequest:
    """Read and check the request. Raises InvalidRequest that names the field."""
    try:
        return JudgmentRequest.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "request"
        raise InvalidRequest(field, message_of(first)) from error


@asynccontextmanager
async def _at_service(url: str) -> AsyncIterator[Asked]:
    from judge_agent.client import AsyncJudgeClient

    async with AsyncJudgeClient(url) as client:
        yield client


class _Local:
    """This process's own judge."""

    def __init__(self, judge: Any) -> None:
        self._judge = judge

    async def judge(self, request: JudgmentRequest) -> Judgment:
        self._judge.check(request)
        judgment: Judgment = await self._judge.judge(
            request, judgment_id=f"jdg_{uuid.uuid4().hex}", tenant=TENANT, created=time.time()
        )
        return judgment

    async def recipes(self) -> Sequence[Mapping[str, Any]]:
        listed: Sequence[Mapping[str, Any]] = self._judge.recipes()
        return listed

    async def tools(self) -> Sequence[Mapping[str, Any]]:
        listed: Sequence[Mapping[str, Any]] = self._judge.tools()
        return listed


@asynccontextmanager
async def _here(model: str | None) -> AsyncIterator[Asked]:
    wiring = load("api.wiring", "mcp")
    settings = load("api.settings", "mcp").from_environment(model=model)
    async with wiring.local_judge(settings) as judge:
        yield _Local(judge)

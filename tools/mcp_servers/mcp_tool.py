"""One tool of an MCP server: the model may call it, and what it says informs and never decides.

It is not offered, and refuses to run, where a request brings a reference or hidden tests: the server may have a
network. Every call is journalled with its result, so that a replay asks nobody.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from judge_agent.errors import BudgetExceeded, ToolError
from judge_agent.schema import Reference
from judge_agent.seams.tool import AskedTool, Finding, ToolResult, ToolView
from tools.mcp_servers.connection import Connection, Limits, McpServer
from tools.mcp_servers.schemas import plain_schema, said

if TYPE_CHECKING:
    from mcp.types import CallToolResult, Tool

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]+")
MAX_NAME_CHARS = 64


class McpTool(AskedTool):
    """A tool of a server, named `mcp_SERVER_TOOL`. Its version changes with the server's, its schema and its words."""

    repeats = False  # what a server says may change

    def __init__(self, connection: Connection, listed: Tool) -> None:
        """Raises ToolError for a tool whose schema cannot be used."""
        server = connection.server
        self._connection, self._remote = connection, listed.name
        self.limits: Limits = server.limits
        self.name = _NOT_IN_NAMES.sub("_", f"mcp_{server.name}_{listed.name}")[:MAX_NAME_CHARS]
        words = said(listed.description or listed.name, server.limits.description_chars)
        self.description = f"A tool of the server {server.name!r}, in its own words: {words}"
        self.parameters: Mapping[str, Any] = _usable(listed.input_schema, server, listed.name)
        told = json.dumps([listed.description, self.parameters], sort_keys=True)
        digest = hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:8]
        self.version = f"1/{connection.version}/{digest}"

    def offered(self, view: ToolView) -> bool:
        """Where the request holds no reference and no tests, which must not leave, or the server may see them."""
        return self._connection.server.sees_references or view.task.reference == Reference()

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Call the server. Raises ValueError (of the arguments), ToolError (it is gone), BudgetExceeded."""
        if not self.offered(view):
            raise ValueError(f"{self.name} is not called where there is a reference or a hidden test")
        chars = len(json.dumps(dict(arguments), ensure_ascii=False))
        if chars > self.limits.argument_chars:
            raise ValueError(
                f"arguments have {chars} characters; the limit is argument_chars={self.limits.argument_chars}"
            )
        try:
            async with asyncio.timeout(timeout_seconds) as own:
                result = await self._connection.call(self._remote, arguments)
        except TimeoutError as error:
            if own.expired():
                message = (
                    f"tool {self.name!r} exceeded timeout_seconds={timeout_seconds:g}; raise budget.seconds"
                )
                raise BudgetExceeded("deadline", message) from error
            said = f"it did not answer within call_seconds={self.limits.call_seconds:g}"
            return ToolResult("timeout", {"error": said}, (Finding("none", "hint", None, said),))
        return _result(result, self.limits)


@asynccontextmanager
async def opened_mcp_tools(servers: Sequence[McpServer]) -> AsyncIterator[tuple[McpTool, ...]]:
    """Connect to the servers, and give their allowed tools. Raises ToolError for one that is not as configured."""
    connections = [Connection(server) for server in servers]
    try:
        found = [tool for connection in connections for tool in await _allowed(connection)]
        names = [tool.name for tool in found]
        for name in names:
            if names.count(name) > 1:
                raise ToolError(f"two tools of MCP servers are called {name!r}; name a server otherwise")
        yield tuple(found)
    finally:
        for connection in connections:
            await connection.aclose()


async def _allowed(connection: Connection) -> list[McpTool]:
    server = connection.server
    listed = {tool.name: tool for tool in await connection.listed()}
    missing = [name for name in server.tools if name not in listed]
    if missing:
        raise ToolError(
            f"the MCP server {server.name!r} has no tool {missing[0]!r}; it has {sorted(listed)[:20]}"
        )
    if len(server.tools) > server.limits.tools:
        raise ToolError(
            f"{len(server.tools)} tools of {server.name!r} are allowed; the limit is tools={server.limits.tools}"
        )
    return [McpTool(connection, listed[name]) for name in server.tools]


def _usable(schema: Mapping[str, Any], server: McpServer, tool: str) -> Mapping[str, Any]:
    """The plain part of a schema that is small. Raises ToolError."""
    whose, written = f"the schema of {tool!r} of the MCP server {server.name!r}", json.dumps(schema)
    if len(written) > server.limits.schema_chars:
        raise ToolError(
            f"{whose} has {len(written)} characters; the limit is schema_chars={server.limits.schema_chars}"
        )
    return plain_schema(schema, whose)


def _result(result: CallToolResult, limits: Limits) -> ToolResult:
    """What the server said as text and data, cut to `output_chars`; pictures and sounds are named, not shown."""
    texts = [block.text for block in result.content if block.type == "text"]
    others = [block.type for block in result.content if block.type != "text"]
    output: dict[str, Any] = {"text": "\n".join(texts)}
    if result.structured_content is not None:
        output["data"] = result.structured_content
    if others:
        output["left_out"] = {kind: others.count(kind) for kind in sorted(set(others))}
    cut = len(json.dumps(output, ensure_ascii=False)) > limits.output_chars
    if cut:
        output = {
            "text": (output["text"] or json.dumps(output["data"], ensure_ascii=False))[: limits.output_chars]
        }
    told = "the MCP server says that the call failed" if result.is_error else "what the MCP server said"
    finding = Finding("none", "hint", None, told)
    return ToolResult("failed" if result.is_error else "ok", output, (finding,), truncated=cut)

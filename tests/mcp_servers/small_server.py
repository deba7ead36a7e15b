"""A small MCP server on standard input and output, for tests: what it does is said by its tools."""

from __future__ import annotations

import asyncio
import os

from mcp.server import MCPServer

server = MCPServer("small", version="1.0", log_level="ERROR")


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
def fails() -> str:
    """Always fails."""
    raise ValueError("not today")


@server.tool()
def much() -> str:
    """Says very much."""
    return "x" * 100_000


@server.tool()
async def slow() -> str:
    """Takes its time."""
    await asyncio.sleep(60)
    return "late"


@server.tool()
def dies() -> str:
    """Ends the server."""
    os._exit(3)


@server.tool()
def secret() -> str:
    """Says what it sees of the service's environment."""
    return os.environ.get("JUDGE_SECRET_OF_TEST", "nothing")


server.run()

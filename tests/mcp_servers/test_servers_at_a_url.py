"""MCP servers over streamable HTTP: a real one answers, and one whose answers are too large or packed is let go."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from judge_agent.errors import ToolError
from judge_agent.schema import Task, Trajectory
from judge_agent.seams.tool import ToolView
from tools.mcp_servers.connection import Limits, McpServer
from tools.mcp_servers.mcp_tool import opened_mcp_tools

pytest.importorskip("mcp", reason="pip install 'judge-agent[tools]'")
pytestmark = pytest.mark.anyio
VIEW = ToolView(Task(prompt="x"), Trajectory(final_answer="y"))


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """An ASGI application on a loopback port."""
    import asyncio

    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="on"))
    task = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(30):
            while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
                await asyncio.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.should_exit = True
        await task


def at(url: str, tool: str, **limits: Any) -> McpServer:
    return McpServer(
        "far", (tool,), url=url, headers={"X-Key": "k"}, limits=Limits(start_seconds=60, **limits)
    )


async def test_a_real_server_at_a_url_answers_and_one_that_says_too_much_is_let_go() -> None:
    from mcp.server import MCPServer

    made = MCPServer("far", version="1", log_level="ERROR")

    @made.tool()
    def repeated(times: int) -> str:
        """Says x so often."""
        return "x" * times

    async with (
        served(made.streamable_http_app()) as url,
        opened_mcp_tools([at(url, "repeated", message_bytes=100_000)]) as (tool,),
    ):
        short = await tool.run({"times": 3}, VIEW, timeout_seconds=60)
        assert (short.status, short.output["text"]) == ("ok", "xxx")
        with pytest.raises(ToolError, match="'far' did not answer"):
            await tool.run({"times": 5_000_000}, VIEW, timeout_seconds=60)
        again = await tool.run({"times": 2}, VIEW, timeout_seconds=60)
        assert again.output["text"] == "xx"


class Raw:
    """Answers MCP by hand; a call is answered with `body`, packed where `packed`."""

    def __init__(self, body: bytes, packed: bool) -> None:
        self._body, self._packed = body, packed
        self.keys = set[bytes]()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.keys |= {value for name, value in scope["headers"] if name == b"x-key"}
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        status, headers, answer = self._answer(json.loads(body) if body else {})
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _answer(self, asked: dict[str, Any]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        json_type = [(b"content-type", b"application/json")]
        method = asked.get("method")
        if method == "tools/call":
            packed = [(b"content-encoding", b"gzip")] if self._packed else []
            return 200, [*json_type, *packed], self._body
        result: dict[str, Any] | None = None
        if method == "initialize":
            result = {
                "protocolVersion": asked["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "raw", "version": "1"},
            }
        if method == "tools/list":
            result = {"tools": [{"name": "tool", "description": "x", "inputSchema": {"type": "object"}}]}
        if result is not None:
            return (
                200,
                json_type,
                json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode(),
            )
        if "id" in asked:
            error = {"code": -32601, "message": "Method not found"}
            return 200, json_type, json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}).encode()
        return (202 if asked else 405), [], b""


@pytest.mark.parametrize(
    ("body", "packed"),
    [(b"[" + b"1," * 1_000_000 + b"1]", False), (gzip.compress(b" " * 50_000_000), True)],
    ids=["large", "packed"],
)
async def test_an_answer_that_is_large_or_packed_is_no_answer(body: bytes, packed: bool) -> None:
    raw = Raw(body, packed)
    async with (
        served(raw) as url,
        opened_mcp_tools([at(url, "tool", message_bytes=1_000_000, call_seconds=20)]) as (tool,),
    ):
        with pytest.raises(ToolError, match="'far' did not answer"):
            await tool.run({}, VIEW, timeout_seconds=60)
    assert raw.keys == {b"k"}

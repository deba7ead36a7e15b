"""The connection to one MCP server, kept open by a task of its own and made anew by the next call after it broke.

Does NOT protect against: the server itself, which is the operator's choice and runs with the service's rights (a
command) or elsewhere (a URL). A command is given no environment but PATH, HOME and their like, and what `env` names.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from judge_agent.errors import ToolError, innermost
from judge_agent.seams.progress import Done, Progress
from tools.mcp_servers.stdio import Wire

if TYPE_CHECKING:
    from mcp import Client
    from mcp.shared.dispatcher import ProgressFnT
    from mcp.types import CallToolResult, Tool

INSTALL = "pip install 'judge-agent[tools]'"
MAX_PAGES = 20


@dataclass(frozen=True)
class Limits:
    """Ceilings of one server: its tools and what they may say of themselves, one call of one of them, in seconds and in
    characters; the bytes of one message, and how many may come without being asked for.
    """

    start_seconds: float = 30.0
    call_seconds: float = 30.0
    tools: int = 64
    schema_chars: int = 20_000
    description_chars: int = 1000
    argument_chars: int = 20_000
    output_chars: int = 20_000
    message_bytes: int = 4_000_000
    unasked_messages: int = 10_000


@dataclass(frozen=True)
class McpServer:
    """A server that the operator configured: a command (`args`, `env`) or a URL (`headers`), and which of its tools may
    be called.

    `sees_references`: it may also be called where a request brings a reference or hidden tests; only for a server that
    passes on nothing.
    """

    name: str
    tools: tuple[str, ...]
    command: str | None = None
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    sees_references: bool = False
    limits: Limits = Limits()


class Connection:
    """One session with a server. Serves concurrent calls; `aclose` ends it."""

    def __init__(self, server: McpServer) -> None:
        self.server = server
        self.version = ""
        self._wire: Wire | None = None
        self._client: Client | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._opening = asyncio.Lock()

    async def listed(self) -> list[Tool]:
        """The tools that the server has. Raises ToolError."""
        client = await self._opened()
        found: list[Tool] = []
        cursor: str | None = None
        try:
            async with asyncio.timeout(self.server.limits.start_seconds):
                for _ in range(MAX_PAGES):
                    page = await client.list_tools(cursor=cursor)
                    found += page.tools
                    cursor = page.next_cursor
                    if not cursor:
                        return found
        except Exception as error:
            raise self._broken(error) from error
        raise ToolError(f"the MCP server {self.server.name!r} lists more than {MAX_PAGES} pages of tools")

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """Call a tool. Raises ToolError where the server is gone, TimeoutError past `call_seconds`, and ValueError
        where it answers that it will not.

        The next call starts it anew; this one is not made twice, for it may have done something.
        """
        client = await self._opened()
        try:
            async with asyncio.timeout(self.server.limits.call_seconds):
                return await client.call_tool(tool, dict(arguments), progress_callback=_telling())
        except TimeoutError:
            raise
        except Exception as error:
            if _is_refusal(error):
                told = f"the MCP server {self.server.name!r} refused: {str(error)[:500]}"
                raise ValueError(told) from error
            raise self._broken(error) from error

    async def aclose(self) -> None:
        """End the session, and with it the process of a command. Repeated calls do nothing."""
        keeper, self._keeper, self._client = self._keeper, None, None
        self._stop.set()
        if keeper is not None:
            await asyncio.wait([keeper])

    async def _opened(self) -> Client:
        async with self._opening:
            if self._client is None:
                await self.aclose()
                self._stop = asyncio.Event()
                ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
                self._keeper = asyncio.create_task(self._keep(ready, self._stop))
                try:
                    async with asyncio.timeout(self.server.limits.start_seconds):
                        self._client = await asyncio.shield(ready)
                except BaseException as error:
                    self._keeper.cancel()
                    await asyncio.wait([self._keeper])
                    if ready.done() and not ready.cancelled():
                        ready.exception()
                    if isinstance(error, Exception):
                        raise self._broken(error) from error
                    raise
            return self._client

    async def _keep(self, ready: asyncio.Future[Client], stop: asyncio.Event) -> None:
        """Hold the session in one task from beginning to end, as its cancel scopes want it."""
        try:
            async with self._made() as client:
                _leave_unchecked(client)
                info = client.server_info
                self.version = f"{info.name} {info.version}"[:100] if info is not None else ""
                if not ready.done():
                    ready.set_result(client)
                await stop.wait()
        except Exception as error:  # noqa: BLE001 - whatever a transport raises is told to who waits, or it is over
            if not ready.done():
                ready.set_exception(error)

    def _made(self) -> Client:
        """A client that is not open yet. Raises ToolError where the package is missing."""
        try:
            from mcp import Client
        except ModuleNotFoundError as error:
            raise ToolError(
                f"tools of MCP servers need the package {error.name!r}; install it with: {INSTALL}"
            ) from error
        server = self.server
        if server.url is not None:
            from tools.mcp_servers.http import opened_http

            most, patience = server.limits.message_bytes, server.limits.call_seconds
            return Client(opened_http(server.url, server.headers, message_bytes=most, call_seconds=patience))
        assert server.command is not None
        self._wire = Wire(server.command, server.args, server.env)
        limits = server.limits
        return Client(
            self._wire.opened(message_bytes=limits.message_bytes, unasked_messages=limits.unasked_messages)
        )

    def _broken(self, error: BaseException) -> ToolError:
        """Let the session go: the next call makes another one."""
        self._client = None
        self._stop.set()
        why = self._wire.why if self._wire is not None else ""
        said = why or f"{type(innermost(error)).__name__}: {innermost(error)}"[:200]
        return ToolError(f"the MCP server {self.server.name!r} did not answer: {said}")


def _is_refusal(error: Exception) -> bool:
    """Whether the server answered with an error: it is there, and says no."""
    from mcp.shared.exceptions import MCPError
    from mcp_types import CONNECTION_CLOSED

    return isinstance(error, MCPError) and error.error.code != CONNECTION_CLOSED


def _telling() -> ProgressFnT:
    """Tells what the server says of a long call, to the call in which this is asked; its words stay where they are.

    The package calls it in a task of its own, which knows nothing of the call.
    """
    current = Progress.current()

    async def told(progress: float, total: float | None, message: str | None) -> None:
        if current is not None and math.isfinite(progress) and (total is None or math.isfinite(total)):
            current.say(Done(int(progress), None if total is None else int(total), "steps"))

    return told


def _leave_unchecked(client: Client) -> None:
    """Have results taken as they come: the schema that the package would hold them to is the server's own, and its
    patterns would run in this process."""

    async def unchecked(name: str, result: CallToolResult) -> None:
        return None

    client.session.validate_tool_result = unchecked  # type: ignore[method-assign]

"""A hostile MCP server costs a bounded amount, is told as what it is, and decides nothing."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from judge_agent.errors import ToolError
from judge_agent.schema import Task, Trajectory
from judge_agent.seams.progress import Progress
from judge_agent.seams.tool import ToolResult, ToolView
from tools.mcp_servers.connection import Limits, McpServer
from tools.mcp_servers.mcp_tool import McpTool, opened_mcp_tools
from tools.mcp_servers.stdio import Wire

pytest.importorskip("mcp", reason="pip install 'judge-agent[tools]'")
pytestmark = pytest.mark.anyio
VIEW = ToolView(Task(prompt="x"), Trajectory(final_answer="y"))
SCRIPT = str(Path(__file__).parent / "hostile_server.py")
LIMITS = Limits(start_seconds=60, call_seconds=30, message_bytes=1_000_000, unasked_messages=200)


def hostile(mode: str, **limits: Any) -> McpServer:
    return McpServer(
        "bad", ("tool",), command=sys.executable, args=(SCRIPT, mode), limits=replace(LIMITS, **limits)
    )


async def called(tool: McpTool) -> ToolResult:
    return await tool.run({"text": "a"}, VIEW, timeout_seconds=60)


async def test_what_it_says_of_itself_is_short_and_no_delimiter_and_its_patterns_run_nowhere() -> None:
    async with opened_mcp_tools([hostile("plain")]) as (tool,):
        assert tool.description.startswith("A tool of the server 'bad', in its own words: Does it.")
        assert len(tool.description) < 1100
        told = tool.description + str(tool.parameters)
        assert "=====END" not in told
        assert "<|im_start" not in told
        assert "pattern" not in str(tool.parameters).lower()
        assert tool.parameters["properties"]["tree"] == {"type": "array", "items": {"type": "integer"}}
        assert tool.parameters["required"] == ["text"]
        result = await called(tool)
        assert (result.status, result.output["text"]) == ("ok", "fine")
        assert {(one.bearing, one.strength) for one in result.findings} == {("none", "hint")}


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("huge", "message_bytes=1000000"),
        ("endless_line", "message_bytes=1000000"),
        ("flood", "unasked_messages=200"),
        ("nonsense", "did not answer"),
    ],
)
async def test_one_that_says_too_much_or_nonsense_is_let_go_and_found_again(mode: str, message: str) -> None:
    async with opened_mcp_tools([hostile(mode)]) as (tool,):
        for _ in range(2):
            with pytest.raises(ToolError, match=message):
                await called(tool)


async def test_one_that_says_that_it_has_no_such_tool_any_more_tells_the_model() -> None:
    async with opened_mcp_tools([hostile("gone_tool")]) as (tool,):
        with pytest.raises(ValueError, match="Unknown tool"):
            await called(tool)


async def test_one_that_never_answers_costs_its_time() -> None:
    async with opened_mcp_tools([hostile("silent", call_seconds=0.05)]) as (tool,):
        assert (await called(tool)).status == "timeout"


@pytest.mark.parametrize("mode", ["asks", "no_json", "output_schema"])
async def test_what_it_asks_of_the_judge_or_says_beside_is_not_heeded(mode: str) -> None:
    async with opened_mcp_tools([hostile(mode)]) as (tool,):
        async with asyncio.timeout(30):
            result = await called(tool)
        assert (result.status, result.output["text"]) == ("ok", "fine")


async def test_its_progress_is_told_in_numbers_alone() -> None:
    async with opened_mcp_tools([hostile("progress")]) as (tool,):
        told = Progress()
        token = told.begun()
        await called(tool)
        told.ended(token)
    assert told.said is not None
    assert told.said.what == "steps"


async def test_pictures_are_named_and_not_shown() -> None:
    async with opened_mcp_tools([hostile("pictures")]) as (tool,):
        result = await called(tool)
        assert result.output["left_out"] == {"image": 3}
        assert not result.images


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("endless", "too large"),
        ("doubling", "too large"),
        ("outside", "not within it"),
        ("nowhere", "not there"),
        ("no_type", "has the type 'anything'"),
        ("no_object", "inputSchema.type"),
        ("endless_list", "pages"),
    ],
)
async def test_a_schema_or_a_list_that_cannot_be_used_stops_the_start(mode: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        async with opened_mcp_tools([hostile(mode)]):
            pass


@pytest.mark.parametrize("after", [0.0, 0.05])
async def test_one_that_is_given_up_while_it_starts_is_ended(
    monkeypatch: pytest.MonkeyPatch, after: float
) -> None:
    begun, start = asyncio.Queue[asyncio.subprocess.Process](), asyncio.create_subprocess_exec

    async def slowly(*command: Any, **options: Any) -> asyncio.subprocess.Process:
        process = await start(*command, **options)
        begun.put_nowait(process)
        await asyncio.sleep(0.2)
        return process

    async def use() -> None:
        async with Wire("sleep", ["60"], {}).opened(message_bytes=1000, unasked_messages=5):
            pytest.fail("it was to be given up before")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slowly)
    using = asyncio.create_task(use())
    process: Any = await begun.get()
    await asyncio.sleep(after)
    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await using
    assert process.returncode == -signal.SIGKILL
    assert process._transport.is_closing()

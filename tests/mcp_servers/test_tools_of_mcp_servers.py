"""Allowed tools of a real MCP server serve the judge's model; the server's failures decide nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from api.mcp_servers import allowed_servers
from judge_agent.errors import BudgetExceeded, InvalidRequest, ToolError
from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models import ScriptedModel
from judge_agent.models.scripted import by_schema
from judge_agent.schema import JudgmentRequest, Reference, Task, Trajectory
from judge_agent.seams.tool import ToolView
from tools.mcp_servers.connection import Limits, McpServer
from tools.mcp_servers.mcp_tool import opened_mcp_tools

pytest.importorskip("mcp", reason="pip install 'judge-agent[tools]'")
pytestmark = pytest.mark.anyio
VIEW = ToolView(Task(prompt="x"), Trajectory(final_answer="y"))
WITH_REFERENCE = ToolView(Task(prompt="x", reference=Reference(answer="7")), Trajectory(final_answer="y"))
SCRIPT = str(Path(__file__).parent / "small_server.py")
PATIENT = Limits(start_seconds=120, call_seconds=60)


def small(*tools: str, **fields: Any) -> McpServer:
    given = {"limits": PATIENT, "command": sys.executable, "args": (SCRIPT,)} | fields
    return McpServer(name="small", tools=tools, **given)


async def test_the_model_calls_an_allowed_tool_and_reads_the_result() -> None:
    async with opened_mcp_tools([small("add")]) as tools:
        (tool,) = tools
        assert (tool.name, tool.description) == (
            "mcp_small_add",
            "A tool of the server 'small', in its own words: Adds two numbers.",
        )
        assert set(tool.parameters["properties"]) == {"a", "b"}
        asked = {"thought": "Add.", "call": {"tool": "mcp_small_add", "arguments": {"a": 19, "b": 23}}}
        model = ScriptedModel([asked, {"thought": "Done.", "call": {"tool": "done"}}], otherwise=by_schema())
        judge = Judge(
            model=model, tools=tools, journal=MemoryJournal(), shared=MemorySharedResults(), log=MemoryLog()
        )
        request = JudgmentRequest.model_validate(
            {
                "task": {"prompt": "What is 19 + 23?"},
                "candidates": [{"id": "a", "trajectory": {"text": "It is 42."}}],
                "principles": [{"description": "The sum is right.", "name": "right"}],
            }
        )
        judgment = await judge.judge(request, judgment_id="j", tenant="t", created=0.0)
    (evidence,) = [item for item in judgment.evidence if item.tool == "mcp_small_add"]
    assert "42" in str(evidence.output)
    assert (evidence.bearing, evidence.strength) == ("none", "hint")


async def test_failures_of_a_server_are_told_and_the_next_call_finds_it_again() -> None:
    listed = ("add", "fails", "much", "dies")
    async with opened_mcp_tools([small(*listed)]) as tools:
        by_name = {tool.name.removeprefix("mcp_small_"): tool for tool in tools}
        failed = await by_name["fails"].run({}, VIEW, timeout_seconds=60)
        assert failed.status == "failed"
        assert "fails" in failed.output["text"]
        much = await by_name["much"].run({}, VIEW, timeout_seconds=60)
        assert much.truncated
        assert len(much.output["text"]) == Limits().output_chars
        with pytest.raises(ToolError, match="'small' did not answer"):
            await by_name["dies"].run({}, VIEW, timeout_seconds=60)
        again = await by_name["add"].run({"a": 1, "b": 2}, VIEW, timeout_seconds=120)
        assert "3" in again.output["text"]


async def test_a_call_that_takes_too_long_is_no_verdict() -> None:
    async with opened_mcp_tools([small("slow", limits=Limits(start_seconds=120, call_seconds=0.1))]) as (
        tool,
    ):
        slow = await tool.run({}, VIEW, timeout_seconds=60)
        assert (slow.status, slow.output["error"]) == ("timeout", "it did not answer within call_seconds=0.1")
        with pytest.raises(BudgetExceeded, match=r"timeout_seconds=0\.05"):
            await tool.run({}, VIEW, timeout_seconds=0.05)


async def test_a_server_sees_nothing_of_the_services_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_SECRET_OF_TEST", "a key")
    async with opened_mcp_tools([small("secret")]) as (tool,):
        assert (await tool.run({}, VIEW, timeout_seconds=60)).output["text"] == "nothing"


async def test_no_server_is_reached_from_a_request_with_a_reference() -> None:
    async with opened_mcp_tools([small("add")]) as (tool,):
        assert tool.offered(VIEW)
        assert not tool.offered(WITH_REFERENCE)
        with pytest.raises(ValueError, match="reference"):
            await tool.run({"a": 1, "b": 2}, WITH_REFERENCE, timeout_seconds=60)
        with pytest.raises(ValueError, match="argument_chars=20000"):
            await tool.run({"a": "x" * 20_001, "b": 2}, VIEW, timeout_seconds=60)


@pytest.mark.parametrize(
    ("server", "message"),
    [
        (small("nothing"), "has no tool 'nothing'"),
        (small("add", limits=Limits(start_seconds=120, schema_chars=10)), "schema_chars=10"),
        (small("add", limits=Limits(start_seconds=120, tools=0)), "tools=0"),
        (small("add", command="/no/such/program"), "did not answer"),
        (small("add", command=None, url="http://127.0.0.1:9/mcp"), "did not answer"),
        (
            small("add", args=("-c", "import time; time.sleep(60)"), limits=Limits(start_seconds=1)),
            "TimeoutError",
        ),
    ],
)
async def test_a_server_that_is_not_as_configured_stops_the_start(server: McpServer, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        async with opened_mcp_tools([server]):
            pass


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("servers = 1", "servers"),
        ("[servers.a]\ntools = []\ncommand = 'x'", "servers.a.tools"),
        ("[servers.a]\ntools = ['t']", "either a command or a url"),
        ("[servers.a]\ntools = ['t']\nurl = 'file:///etc'", "servers.a.url"),
        ("[servers.a]\ntools = ['t']\ncommand = 'x'\nnonsense = 1", "nonsense"),
        ("][", "cannot be read"),
    ],
)
def test_a_wrong_file_of_servers_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "servers.toml"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match=message) as raised:
        allowed_servers(path)
    assert "JUDGE_MCP_SERVERS" in str(raised.value)


def test_a_file_of_servers_is_read(tmp_path: Path) -> None:
    path = tmp_path / "servers.toml"
    path.write_text(
        "[servers.sums]\ncommand = 'python'\nargs = ['s.py']\ntools = ['add']\ncall_seconds = 5\n"
    )
    (server,) = allowed_servers(path)
    assert (server.name, server.tools, server.limits.call_seconds, server.sees_references) == (
        "sums", ("add",), 5.0, False,
    )  # fmt: skip

"""`judge-agent mcp`, spoken to by a real MCP client over standard input and output."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="pip install 'judge-agent[tools]'")
pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("default::ResourceWarning")]
CALL = {"name": "add", "arguments": {"a": 1}}
REQUEST = {
    "recipe": "verify",
    "task": {"prompt": "Add.", "reference": {"tool_calls": [CALL], "tool_call_rules": {"exact": True}}},
    "candidates": [
        {"id": "a", "trajectory": {"messages": [{"role": "assistant", "tool_calls": [{"function": CALL}]}]}},
        {"id": "b", "trajectory": {"messages": [{"role": "assistant", "content": "I did not call a tool."}]}},
    ],
}


async def test_a_client_judges_and_is_told_what_is_wrong_with_a_request(tmp_path: Path) -> None:
    from mcp import Client, StdioServerParameters

    started = StdioServerParameters(
        command=sys.executable,
        args=["-m", "judge_agent.cli", "mcp", "--model", "none"],
        env={"JUDGE_DATA_DIR": str(tmp_path / "data"), "JUDGE_SANDBOX": "none"},
        cwd=Path(__file__).parents[2],
    )
    async with Client(started) as client:
        listed = await client.list_tools()
        assert {tool.name for tool in listed.tools} == {"judge", "list_recipes", "list_tools"}
        judged = await client.call_tool("judge", {"request": REQUEST})
        candidates = json.loads(judged.content[0].text)["candidates"]
        assert [one["reward"] for one in candidates] == [1.0, 0.0]
        wrong = await client.call_tool("judge", {"request": {"candidates": []}})
        assert wrong.is_error
        assert "task" in wrong.content[0].text
        tools = await client.call_tool("list_tools", {})
        assert "check_text" in str(tools.content)

"""Through the real client to a loopback server: function calls and pictures as such a server gets them."""

from __future__ import annotations

import base64
import shutil
import struct

import pytest

from judge_agent.models import OpenAIChatModel
from judge_agent.models.fake_server import FakeServer
from judge_agent.prompting import PromptLibrary, default_folder
from judge_agent.seams.tool import AskedTool, Finding, ToolResult

pytestmark = pytest.mark.anyio
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 2, 2) + b"\x08\x02\0\0\0"
URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
BODY = {
    "recipe": "functions",
    "principles": [{"name": "polite", "description": "The agent was polite."}],
    "granularity": ["outcome"],
}


PARAMETERS = {
    "type": "object",
    "properties": {"path": {"type": "string"}},
    "required": ["path"],
    "additionalProperties": False,
}


class Look(AskedTool):
    """Looks at a path."""

    name, version, description = "look", "1", "Looks at a path."
    parameters = PARAMETERS

    async def run(self, arguments, view, *, timeout_seconds):
        return ToolResult("ok", "nothing there", (Finding("none", "hint", None, "looked"),))


@pytest.fixture
def prompts(tmp_path):
    folder = tmp_path / "prompts"
    shutil.copytree(default_folder(), folder)
    text = (folder / "recipes/default.toml").read_text("utf-8")
    for old, new in (
        ('name = "default"', 'name = "functions"'),
        ("rounds = 2", 'rounds = 2\nformat = "tools"'),
        ("[prompts]\n", '[prompts]\ngather_tools = "gather/tools.v1"\n'),
    ):
        text = text.replace(old, new)
    (folder / "recipes/functions.toml").write_text(text, "utf-8")
    return PromptLibrary(folder)


@pytest.mark.parametrize(("mode", "bad"), [("tool_call", 0), ("hermes_call", 0), ("broken_call", 2)])
async def test_calls_and_their_results_travel_in_the_servers_own_form(bench, prompts, mode, bad):
    async with FakeServer(misbehave=f"{mode}:2") as server:
        model = OpenAIChatModel(server.base_url, tools=True)
        try:
            result = await bench(model, tools=[Look()], prompts=prompts).one(text="Thank you.", **BODY)
        finally:
            await model.aclose()
    first, second, last = [body for body in server.requests if "functions" in str(body["messages"])]
    assert [tool["function"]["name"] for tool in first["tools"]] == ["look", "open_result", "done"]
    assert all(tool["function"]["strict"] is True for tool in first["tools"])
    assert first["tool_choice"] == "auto"
    assert "response_format" not in first
    assistant, answer = second["messages"][-2:]
    assert answer["tool_call_id"] == assistant["tool_calls"][0]["id"]
    assert "error" not in assistant["tool_calls"][0]
    assert (answer["role"], "nothing there" in answer["content"]) == ("tool", not bad)
    assert "tools" not in last
    assert "tool_choice" not in last
    assert result.flags.get("bad_tool_calls", {}).get("count", 0) == bad
    assert result.status == "scored"


async def test_a_picture_travels_as_data_beside_the_text_that_names_it(bench):
    part = {"type": "image_url", "image_url": {"url": URL}}
    messages = [{"role": "assistant", "content": [{"type": "text", "text": "My cat:"}, part]}]
    async with FakeServer() as server:
        model = OpenAIChatModel(server.base_url, images=True)
        try:
            result = await bench(model).one(messages=messages, **{**BODY, "recipe": "default"})
        finally:
            await model.aclose()
    (body,) = server.requests
    text, picture = body["messages"][-1]["content"]
    assert "My cat:\n    [image i1]" in text["text"]
    assert picture == {"type": "image_url", "image_url": {"url": URL}}
    assert not [line for line in result.coverage.unread if line.startswith("images")]

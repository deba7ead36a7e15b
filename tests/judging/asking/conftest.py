"""A tool that a model may ask for, and a judge whose model asks for it by function calls."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from typing import Any

import pytest

from judge_agent.models import ScriptedModel
from judge_agent.prompting import PromptLibrary, default_folder
from judge_agent.seams.tool import Finding, OpeningCall, ToolResult
from tests.judging.asking.said import ANSWER, ASK

SOFT = [{"name": "polite", "description": "The agent was polite."}]


@dataclass
class Echo:
    """Says a word back, often where asked for. It has no opening calls unless `opens` is set."""

    name: str = "echo"
    version: str = "1"
    description: str = "Says a word."
    parameters: dict[str, Any] = field(
        default_factory=lambda: {
            "type": "object",
            "properties": {"word": {"type": "string", "minLength": 1}, "times": {"type": "integer"}},
            "required": ["word"],
            "additionalProperties": False,
        }
    )
    opens: int = 0
    fails: dict[str, Exception] = field(default_factory=dict)
    finding: Finding = field(default_factory=lambda: Finding("none", "hint", None, "said"))
    together: asyncio.Event | None = None
    calls: list[Any] = field(default_factory=list)

    def principle(self, view):
        return None

    def opening_calls(self, view):
        return [OpeningCall({"word": f"opening{index}"}) for index in range(self.opens)]

    def offered(self, view):
        return True

    def can_decide(self, principle, view):
        return True

    async def run(self, arguments, view, *, timeout_seconds):
        self.calls.append(arguments)
        word = arguments["word"]
        if self.together is not None:
            if len(self.calls) == 2:
                self.together.set()
            await self.together.wait()
        if word in self.fails:
            raise self.fails[word]
        return ToolResult("ok", f"{word} " * arguments.get("times", 1), (self.finding,))


@pytest.fixture
def echo():
    return Echo


@pytest.fixture
def prompts(tmp_path):
    """The product's prompts with a recipe `functions`: the default one, asking by function calls."""
    folder = tmp_path / "prompts"
    shutil.copytree(default_folder(), folder)
    text = (
        (folder / "recipes/default.toml").read_text("utf-8").replace('name = "default"', 'name = "functions"')
    )
    text = text.replace("rounds = 2", 'rounds = 3\nformat = "tools"')
    text = text.replace(
        'gather = "gather/default.v1"', 'gather = "gather/default.v1"\ngather_tools = "gather/tools.v1"'
    )
    (folder / "recipes/functions.toml").write_text(text, "utf-8")
    return PromptLibrary(folder)


@pytest.fixture
def asked(bench, prompts):
    """Judges one text with a model that asks for these turns, one after the other, and then judges."""

    async def ask(*turns, tools=None, text="It leaves at nine.", window=32_768, model=None, **body):
        queue = list(turns)

        def answer(request):
            return queue.pop(0) if queue else "Nothing more."

        scripted = model or ScriptedModel(rules=[(ASK, answer)], otherwise=ANSWER, context_window=window)
        judge = bench(scripted, tools=tools or [Echo()], prompts=prompts)
        body = {"principles": SOFT, "granularity": ["outcome"], "recipe": "functions", "text": text, **body}
        if "messages" in body or "candidates" in body:
            body.pop("text")
        judgment = await judge.judge(**body)
        return judgment, [request for request in scripted.requests if ASK in request.text]

    return ask

"""Who follows a judgment sees a long call of a tool before it ends; the log has it once, a short call is not told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.schema import PrincipleSpec
from judge_agent.seams.progress import progress
from judge_agent.seams.tool import DecidingTool, Finding, OpeningCall, ToolResult, ToolView
from tests.service.served import serving
from tests.service.test_cancel_and_follow import events

pytestmark = pytest.mark.anyio
BODY = {
    "recipe": "verify",
    "task": {"prompt": "Do it."},
    "candidates": [{"id": "a", "trajectory": {"text": "done"}}],
}


class Parts(DecidingTool):
    """Looks at parts, one each time that the gate lets it, and says how many; the last words are from a thread."""

    name, version, parameters = "parts", "1", {}
    description = "Looks at parts."
    decides = PrincipleSpec(name="parts", description="All is there.", kind="hard", dimension="correctness")
    steps: asyncio.Queue[tuple[int, int | None, str] | None]

    def opening_calls(self, view: ToolView) -> tuple[OpeningCall, ...]:
        return (OpeningCall(),)

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        while (step := await self.steps.get()) is not None:
            await asyncio.to_thread(progress, *step)
        return ToolResult("ok", {}, (Finding("confirms", "decisive", 1.0),))


class JudgeOfParts(Judge):
    """A judge with that tool alone."""

    tool: Parts

    def __init__(self, **parts: Any) -> None:
        type(self).tool = Parts()
        self.tool.steps = asyncio.Queue()
        super().__init__(**parts | {"tools": (self.tool,), "model": None})


async def until(http: Any, path: str, wanted: str, fields: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The first event of a type with these fields, of a judgment that goes on: its id and its data."""
    async with asyncio.timeout(15):
        async with http.stream("GET", f"{path}/events") as answer:
            found: dict[str, str] = {}
            async for line in answer.aiter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    found[name] = value
                elif found.get("event") == wanted:
                    data: dict[str, Any] = json.loads(found["data"])
                    if fields.items() <= data.items():
                        return found["id"], data
                    found = {}
    raise AssertionError(f"no {wanted}")


async def test_a_long_call_is_seen_before_it_ends_and_the_stream_is_taken_up_behind_it() -> None:
    log = MemoryLog()
    async with serving(judge_type=JudgeOfParts, log=log) as served:
        answer = await served.post(BODY, prefer="respond-async")
        path, steps = str(answer.headers["location"]), JudgeOfParts.tool.steps
        _, started = await until(served.http, path, "tool.started", {})
        assert (started["tool"], started["node"]) == ("parts", "gather/parts")
        for done in range(200):
            steps.put_nowait((done, 200, "parts"))
        steps.put_nowait((7, None, "x" * 100))
        number, last = await until(served.http, path, "tool.progress", {"done": 7})
        assert (last["total"], last["what"], last["key"]) == (None, "x" * 40, started["key"])
        steps.put_nowait(None)
        rest = await events(served.http, path, **{"Last-Event-ID": number})
        assert [type_ for _, type_, _ in rest if type_.startswith("tool.")] == ["tool.call"]
        assert rest[-1][1] == "judgment.done"
        every = [type_ for _, type_, _ in await events(served.http, path)]
        assert every.count("tool.started") == 1
        assert 1 <= every.count("tool.progress") <= 4  # of 201 that were said
    assert {event.type for event in log.events} & {"tool.started", "tool.progress"} == set()


async def test_of_a_short_call_nothing_is_told_but_its_end() -> None:
    async with serving(judge_type=JudgeOfParts) as served:
        answer = await served.post(BODY, prefer="respond-async")
        JudgeOfParts.tool.steps.put_nowait((1, 1, "parts"))
        JudgeOfParts.tool.steps.put_nowait(None)
        told = await events(served.http, str(answer.headers["location"]))
    assert [type_ for _, type_, _ in told if type_.startswith("tool.")] == ["tool.call"]


def test_outside_of_a_judgment_it_does_nothing() -> None:
    progress(1, 2, "parts")

"""While something enormous is judged the event loop serves others: it is never held for a large part of that time.

What counts is the time that the loop's own thread computes between two turns: a busy machine takes it from the
processor, and that says nothing. Objects that earlier tests left are not collected meanwhile.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.facades.asked import model
from tests.service.served import request, serving

pytestmark = pytest.mark.anyio
# Of the whole time, so that a slow machine changes nothing: what stalls once stalls for about half of it.
MOST_OF_THE_WHOLE = 0.15


class Beats:
    """The longest computing between two turns of the loop."""

    longest_seconds = 0.0

    async def go_on(self) -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0.005)
            now = time.thread_time()
            self.longest_seconds = max(self.longest_seconds, now - last)
            last = now


@asynccontextmanager
async def beating() -> AsyncIterator[Beats]:
    beats = Beats()
    going = asyncio.create_task(beats.go_on())
    try:
        yield beats
    finally:
        going.cancel()


def distinct_steps() -> list[dict[str, Any]]:
    """Thousands of steps that differ: each few are a prompt of their own, which holds the whole trajectory."""
    return [
        {
            "id": f"c{index}",
            "trajectory": {
                "messages": [{"role": "assistant", "content": f"{index} {at}"} for at in range(900)]
            },
        }
        for index in range(8)
    ]


def calls_in_few_messages() -> list[dict[str, Any]]:
    """Tens of thousands of calls, in a hundred messages."""

    def call(id_: str) -> dict[str, Any]:
        return {"id": id_, "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}

    messages = [
        {"role": "assistant", "content": None, "tool_calls": [call(f"{at}_{index}") for index in range(500)]}
        for at in range(100)
    ]
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    return [{"id": "a", "trajectory": {"messages": messages, "tools": [tool]}}]


@pytest.fixture
def _young_heap() -> Iterator[None]:
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_young_heap")
@pytest.mark.parametrize(
    ("recipe", "candidates"), [("default", distinct_steps), ("verify", calls_in_few_messages)]
)
async def test_no_part_of_what_is_enormous_holds_the_loop_for_long(recipe: str, candidates: Any) -> None:
    async with serving(model=model()) as served:
        body = request(recipe=recipe, candidates=candidates())
        async with beating() as beats:
            began = time.monotonic()
            answer = await served.http.post("/v1/judgments", json=body, timeout=100)
            whole = time.monotonic() - began
    assert answer.status_code == 200
    assert beats.longest_seconds < MOST_OF_THE_WHOLE * whole, (beats.longest_seconds, whole)

"""A judgment that is called off, or out of time, takes the embedded model with it: the thread that writes goes idle."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from judge_agent.judge import Judge
from judge_agent.models import EmbeddedModel
from tests.service.served import Served, request, serving

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
STOP_SECONDS = 3.0
WINDOW_SECONDS = 0.1
BUSY_SHARE = 0.3


def long(prompts: int, words: int, seconds: float) -> dict[str, Any]:
    """So many candidates of so many words, each judged by six principles: minutes of work for two cores."""
    candidates = [
        {
            "id": f"c{at}",
            "trajectory": {"text": f"Answer {at}: " + f"the price is {at} euros, " * (words // 5)},
        }
        for at in range(prompts)
    ]
    principles = [
        {"description": f"The answer is right in respect {at}.", "name": f"p{at}", "dimension": "correctness"}
        for at in range(6)
    ]
    return request(candidates=candidates, principles=principles, budget={"seconds": seconds})


async def is_idle() -> bool:
    """Whether this process, the thread of the model included, hardly uses a processor for a moment."""
    before = time.process_time()
    await asyncio.sleep(WINDOW_SECONDS)
    return time.process_time() - before < BUSY_SHARE * WINDOW_SECONDS


async def seconds_until_idle() -> float:
    began = time.monotonic()
    async with asyncio.timeout(30):
        while not (await is_idle() and await is_idle() and await is_idle()):
            pass
    return time.monotonic() - began


async def worked_for(seconds: float) -> None:
    """Wait until this process has used a processor for so long."""
    before = time.process_time()
    async with asyncio.timeout(60):
        while time.process_time() - before < seconds:  # noqa: ASYNC110 - a thread tells nobody that it works
            await asyncio.sleep(0.05)


def of(model: EmbeddedModel) -> Any:
    return lambda **given: Judge(**(given | {"model": model}))


async def is_judged(served: Served) -> None:
    answer = await served.post(request(budget={"seconds": 100}))
    assert answer.json()["candidates"][0]["status"] == "scored"


@pytest.mark.parametrize(
    ("prompts", "words"), [(4, 3000), (16, 20)], ids=["while it reads", "while it writes"]
)
async def test_a_cancelled_judgment_stops_the_generation_within_three_seconds(
    embedded: EmbeddedModel, prompts: int, words: int
) -> None:
    async with serving(judge_type=of(embedded)) as served:
        posted = await served.post(long(prompts, words, 300), prefer="respond-async")
        await worked_for(2.0)
        began = time.monotonic()
        answer = await served.http.post(f"{posted.headers['location']}:cancel")
        assert answer.json()["state"] == "cancelled"
        await seconds_until_idle()
        assert time.monotonic() - began < STOP_SECONDS
        await is_judged(served)


async def test_a_deadline_stops_the_generation_too(embedded: EmbeddedModel) -> None:
    async with serving(judge_type=of(embedded)) as served:
        answer = await served.post(long(16, 20, 3.0))
        failed = {one["failure_kind"] for one in answer.json()["candidates"]}
        assert failed == {"deadline"}
        assert await seconds_until_idle() < STOP_SECONDS
        await is_judged(served)

"""Measures how fast a model reads and writes on this machine, through its public door."""

from __future__ import annotations

import asyncio
import resource
import time
from dataclasses import dataclass

from judge_agent.seams.model import ChatMessage, ChatModel

_WORDS = "The agent looked up the order, asked for the number, and then told the user what it found. "


@dataclass(frozen=True)
class ModelSpeed:
    """Tokens per second, of all calls together; `peak_rss_bytes` is this process's, weights included."""

    start_seconds: float
    read_per_second: float
    read_again_per_second: float
    write_per_second: float
    write_batch_per_second: float
    peak_rss_bytes: int


async def measure(
    model: ChatModel, *, prompt_repeats: int = 60, answer_tokens: int = 32, batch: int = 8
) -> ModelSpeed:
    """Measure one long prompt, the same again (prefix cache), one long answer, and `batch` of them at once."""
    began = time.monotonic()
    await model.info()
    start = time.monotonic() - began
    long = [ChatMessage("user", _WORDS * prompt_repeats)]
    tokens = await model.count_tokens(long)
    read, again = await _seconds(model, [long], 1), await _seconds(model, [long], 1)
    tales = [
        [ChatMessage("user", f"Tell a long story about the number {number}.")] for number in range(batch)
    ]
    await _seconds(model, tales, 1)
    one, many = await _seconds(model, tales[:1], answer_tokens), await _seconds(model, tales, answer_tokens)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return ModelSpeed(
        start, tokens / read, tokens / again, answer_tokens / one, batch * answer_tokens / many, peak
    )


async def _seconds(model: ChatModel, prompts: list[list[ChatMessage]], max_tokens: int) -> float:
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for prompt in prompts:
            group.create_task(model.complete(prompt, max_tokens=max_tokens, timeout_seconds=600))
    return time.monotonic() - began

"""What a model in this process loads: once for all who wait, and never left open behind a close."""

from __future__ import annotations

import asyncio
import threading

import pytest

from judge_agent.errors import ModelError
from judge_agent.models.loading import Loading

pytestmark = pytest.mark.anyio


class Weights:
    """Load when they are let, and say how often they were loaded and closed."""

    def __init__(self, error: Exception | None = None) -> None:
        self.loads, self.closed = 0, threading.Event()
        self.closes = 0
        self.begun, self.may_load = threading.Event(), threading.Event()
        self._error = error

    def load(self) -> Weights:
        self.loads += 1
        self.begun.set()
        self.may_load.wait(5)
        if self._error is not None:
            raise self._error
        return self

    def close(self) -> None:
        self.closes += 1
        self.closed.set()


def loading(weights: Weights) -> Loading[Weights]:
    return Loading("the model", weights.load, lambda loaded: loaded.close())


async def test_all_who_ask_at_once_get_what_was_loaded_once():
    weights = Weights()
    weights.may_load.set()
    parts = loading(weights)
    found = await asyncio.gather(*(parts.loaded() for _ in range(5)))
    assert all(one is weights for one in found)
    await parts.aclose()
    await parts.aclose()
    assert (weights.loads, weights.closes) == (1, 1)


async def test_a_caller_that_gives_up_does_not_stop_the_loading_for_the_next():
    weights = Weights()
    parts = loading(weights)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await parts.loaded()
    weights.may_load.set()
    assert await parts.loaded() is weights
    assert weights.loads == 1
    await parts.aclose()


async def test_an_error_is_raised_to_every_caller_and_loading_is_not_tried_again():
    weights = Weights(ModelError("model_unreachable", "no weights"))
    weights.may_load.set()
    parts = loading(weights)
    for _ in range(3):
        with pytest.raises(ModelError, match="no weights"):
            await parts.loaded()
    await parts.aclose()
    assert (weights.loads, weights.closes) == (1, 0)


async def test_what_is_loaded_after_the_close_is_closed_and_nobody_gets_more():
    weights = Weights()
    parts = loading(weights)
    waits = asyncio.create_task(parts.loaded())
    assert await asyncio.to_thread(weights.begun.wait, 5)
    await parts.aclose()
    with pytest.raises(ModelError, match="the model is closed"):
        await parts.loaded()
    weights.may_load.set()
    assert await asyncio.to_thread(weights.closed.wait, 5)
    assert await waits is weights
    assert (weights.loads, weights.closes) == (1, 1)


async def test_what_was_never_asked_for_is_never_loaded():
    weights = Weights()
    await loading(weights).aclose()
    assert (weights.loads, weights.closes) == (0, 0)

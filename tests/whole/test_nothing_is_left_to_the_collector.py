"""A judgment that has ended is gone: nothing of it waits for the garbage collector, whose walks hold up all others."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from judge_agent.errors import ModelError
from judge_agent.models import OpenAIChatModel
from judge_agent.models.fake_server import FakeServer
from judge_agent.models.scripted import Held, ScriptedModel, ScriptedRequest, by_schema
from judge_agent.prompting import default_folder
from judge_agent.recipes import load_recipes
from judge_agent.seams.model import ChatModel
from tests.groups.grouped import by_word, member
from tests.service.served import request, serving

pytestmark = pytest.mark.anyio
OWN = ("judge_agent", "tools", "api")
ALONE = [
    name
    for name, recipe in load_recipes(default_folder()).items()
    if recipe.comparing is None and recipe.models and not recipe.jury
]


def _unreadable(_: ScriptedRequest) -> str:
    return "I would rather not say."


def _out_of_order(_: ScriptedRequest) -> str:
    raise ModelError("model_error", "the model is out of order")


def _late(_: ScriptedRequest) -> Held:
    return Held(asyncio.Event(), by_schema())


@contextmanager
def nothing_left() -> Iterator[None]:
    """Hold that what the block leaves in circles is not of the project: neither objects, nor frames, nor errors."""
    gc.collect()
    gc.disable()
    try:
        yield
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = Counter(filter(None, map(_name_of_own, gc.garbage)))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == {}


def _name_of_own(one: object) -> str | None:
    if type(one) is FrameType:
        return one.f_code.co_qualname if one.f_globals.get("__name__", "").startswith(OWN) else None
    return type(one).__name__ if type(one).__module__.partition(".")[0] in OWN else None


@pytest.mark.parametrize("recipe", ["verify", "by-place", "default"])
async def test_a_judgment_that_has_ended_is_in_no_circle(recipe: str) -> None:
    body = {name: value for name, value in member(0, "RIGHT", recipe=recipe).items() if name != "group"}
    async with serving(model=by_word()) as served:
        assert (await served.post(body)).status_code == 200
        with nothing_left():
            for at in range(3):
                assert (await served.post(body | {"seed": at + 1})).json()["state"] == "done"


@pytest.mark.parametrize("recipe", ALONE)
@pytest.mark.parametrize("answer", [_unreadable, _out_of_order, _late])
async def test_one_that_failed_is_in_no_circle_either(
    answer: Callable[[ScriptedRequest], str | Held], recipe: str
) -> None:
    await _leaves_nothing(ScriptedModel(otherwise=answer), recipe)


@pytest.mark.parametrize(
    "misbehave", ["error_500", "hang", "close_midway", "broken_json", "bad_request", "truncated"]
)
async def test_nor_is_one_whose_server_fails(misbehave: str) -> None:
    async with (
        FakeServer(misbehave=misbehave) as server,
        OpenAIChatModel(server.base_url, max_attempts=1) as model,
    ):
        await _leaves_nothing(model, "default")


async def _leaves_nothing(model: ChatModel, recipe: str) -> None:
    budget = {"seconds": 0.3}
    async with serving(model=model) as served:
        first = await served.post(request(recipe=recipe, budget=budget))
        assert first.status_code == 200, first.text
        with nothing_left():
            for at in range(3):
                ended = (await served.post(request(recipe=recipe, budget=budget, seed=at + 1))).json()
                assert ended["state"] == "done"

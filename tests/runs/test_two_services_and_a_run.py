"""Two services on one store race for a run: one pin stands, every judgment counts once. Both stores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.parts import assembled
from api.settings import Settings
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models.scripted import ScriptedModel
from tests.service.served import request
from tests.store.conftest import database_url as database_url
from tests.store.conftest import place as place
from tests.store.conftest import postgres as postgres
from tests.store.stores import Place

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def service(place: Place, model: str) -> AsyncIterator[httpx.AsyncClient]:
    """A service of its own on the store, whose model has this name."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(place.opened())
        judge = Judge(
            model=ScriptedModel(id=model),
            tools=(),
            journal=store.journal,
            shared=store.shared,
            log=MemoryLog(),
            pins=store.runs,
        )
        parts = await stack.enter_async_context(
            assembled(Settings(database_url=place.url), store=store, judge=judge, is_alone=False)
        )
        transport = httpx.ASGITransport(create_app(parts))
        yield await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8800", timeout=30)
        )


def pinned(seed: int) -> dict[str, Any]:
    return request(seed=seed, run={"id": "r", "step": seed % 3, "pin": True})


async def test_of_two_models_that_come_together_one_is_pinned_and_the_other_refused(place: Place) -> None:
    async with service(place, "one") as one, service(place, "two") as two:
        answers = await asyncio.gather(
            *(http.post("/v1/judgments", json=pinned(seed)) for seed in range(5) for http in (one, two))
        )
        by_model = {0: answers[::2], 1: answers[1::2]}
        good = [at for at, found in by_model.items() if all(answer.status_code == 200 for answer in found)]
        refused = [at for at, found in by_model.items() if all(answer.status_code == 409 for answer in found)]
        assert sorted(good + refused) == [0, 1]
        assert len(good) == 1
        assert by_model[refused[0]][0].json()["changes"][0]["part"] == "model.id"
        rewards = {answer.json()["candidates"][0]["reward"] for answer in by_model[good[0]]}
        assert None not in rewards
        run = (await (one, two)[refused[0]].get("/v1/runs/r")).json()
        assert run["pin"]["parts"]["model.id"] == ("one", "two")[good[0]]
        assert run["overall"]["points"] == 5


async def test_what_one_service_judged_the_other_tells_step_by_step(place: Place) -> None:
    async with service(place, "same") as one, service(place, "same") as two:
        posts = [(one, two)[seed % 2].post("/v1/judgments", json=pinned(seed)) for seed in range(12)]
        answers = await asyncio.gather(*posts)
        assert {answer.status_code for answer in answers} == {200}
        told = [(await http.get("/v1/runs/r")).json() for http in (one, two)]
        assert told[0]["steps"] == told[1]["steps"]
        assert [(step["step"], step["points"]) for step in told[0]["steps"]] == [(0, 4), (1, 4), (2, 4)]

"""What is remembered serves a pinned run only where the server that answers in it had answered. Both stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from judge_agent.held_results import HeldResults
from judge_agent.models.fake_server import FakeServer
from judge_agent.models.openai_chat import OpenAIChatModel
from judge_agent.store import Store
from tests.service.served import Served, request, serving
from tests.store.conftest import database_url as database_url
from tests.store.conftest import place as place
from tests.store.conftest import postgres as postgres
from tests.store.conftest import store as store

pytestmark = pytest.mark.anyio


@dataclass
class Server:
    """A model server that says which one it is."""

    mark: str = "a"

    def marked(self, answer: dict[str, Any]) -> dict[str, Any]:
        return answer | {"system_fingerprint": self.mark}


@asynccontextmanager
async def served_by(server: Server) -> AsyncIterator[Served]:
    async with (
        FakeServer(edited=server.marked) as fake,
        OpenAIChatModel(fake.base_url) as model,
        serving(model=model) as served,
    ):
        yield served


async def judged(
    served: Served, prompt: str, run: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    found = await served.post(request(task={"prompt": prompt}, **more, **({"run": run} if run else {})))
    assert found.status_code == 200, found.text
    answer: dict[str, Any] = found.json()
    return answer


async def test_a_pinned_run_takes_no_reward_that_another_server_gave() -> None:
    run, server = {"id": "r", "step": 1, "pin": True}, Server("a")
    async with served_by(server) as served:
        free = await judged(served, "X")
        server.mark = "b"
        await judged(served, "Y", run)
        held = await judged(served, "X", run)
        assert held["cached_from"] is None
        assert held["candidates"][0]["status"] == "scored"
        again = await judged(served, "X", run)
        assert again["cached_from"] == held["id"]
        assert again["candidates"][0]["reward"] == held["candidates"][0]["reward"]
        # Whoever no pin holds gets what was kept first.
        assert (await judged(served, "X"))["cached_from"] == free["id"]
        other = await judged(served, "X", {"id": "other", "step": 1, "pin": False})
        assert other["cached_from"] == free["id"]


async def test_the_first_judgment_of_a_pinned_run_is_judged_and_says_who_answers() -> None:
    run, server = {"id": "new", "step": 1, "pin": True}, Server("a")
    async with served_by(server) as served:
        free = await judged(served, "X")
        first = await judged(served, "X", run)
        # The model was asked; what the same server had said before holds.
        assert first["usage"]["model_calls"] > 0
        assert first["candidates"][0]["reward"] == free["candidates"][0]["reward"]
        told = (await served.http.get("/v1/runs/new")).json()
        assert told["answered_by"] == "fake a"
        # What the same server had answered outside of the run serves it from then on.
        outside = await judged(served, "Z")
        assert (await judged(served, "Z", run))["cached_from"] == outside["id"]


async def test_a_run_whose_server_is_gone_gets_no_reward_of_the_one_that_is_there_now() -> None:
    run, server = {"id": "r", "step": 1, "pin": True}, Server("a")
    async with served_by(server) as served:
        await judged(served, "Y", run)
        server.mark = "b"
        await judged(served, "X")
        held = await judged(served, "X", run)
        (candidate,) = held["candidates"]
        assert (candidate["status"], candidate["reward"]) == ("unscored", None)
        assert "fake b" in candidate["failure_reason"]
        assert (await judged(served, "Y", run))["candidates"][0]["reward"] is not None


async def test_principles_that_another_server_wrote_are_written_anew_for_a_pinned_run() -> None:
    run, server = {"id": "r", "step": 1, "pin": True}, Server("a")
    async with served_by(server) as served:
        await judged(served, "X", principles=None)
        server.mark = "b"
        held = await judged(served, "X", run, principles=None)
        assert held["candidates"][0]["status"] == "scored"
        assert (await served.http.get("/v1/runs/r")).json()["answered_by"] == "fake b"


async def test_what_was_judged_without_a_model_is_remembered_in_every_run() -> None:
    body = {"candidates": [{"id": "a", "trajectory": {"text": ":"}}]}
    async with serving() as served:
        first = (await served.post(request(**body))).json()
        assert (first["candidates"][0]["status"], first["usage"]["model_calls"]) == ("scored", 0)
        held = (await served.post(request(**body, run={"id": "r", "pin": True}))).json()
        assert held["cached_from"] == first["id"]


@dataclass
class Holding:
    server: str | None
    is_held: bool = True


async def test_each_server_has_a_place_of_its_own_where_the_first_holds(store: Store) -> None:
    def value(by: str, *servers: str) -> dict[str, Any]:
        return {"by": by, "answered": list(servers)}

    free = HeldResults(store.shared, Holding(None, is_held=False))
    unknown, a, b = (HeldResults(store.shared, Holding(name)) for name in (None, "a", "b"))
    assert (await free.put("ada", "k", value("1", "a")))["by"] == "1"
    assert (await b.put("ada", "k", value("2", "b")))["by"] == "2"
    assert (await unknown.put("ada", "k", value("3", "b")))["by"] == "2"
    assert (await b.put("ada", "k", value("4")))["by"] == "2"
    assert [
        found and found["by"] for found in [await one.get("ada", "k") for one in (free, unknown, a, b)]
    ] == [
        "1",
        None,
        "1",
        "2",
    ]
    await store.shared.put("ada", "old", {"by": "0"})
    assert await a.get("ada", "old") is None
    assert (await free.get("ada", "old")) == {"by": "0"}

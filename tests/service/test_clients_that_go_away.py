"""A client that goes away: what it posted is judged, unless it asked for the other thing and nobody else wants it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import httpx
import pytest

from judge_agent.models.scripted import Held, ScriptedModel, by_schema
from tests.service.served import Served, request, serving

pytestmark = pytest.mark.anyio
GOES = "cancel-on-disconnect"


def held() -> tuple[asyncio.Event, ScriptedModel]:
    gate = asyncio.Event()
    return gate, ScriptedModel(otherwise=Held(gate, by_schema()))


async def leave(
    served: Served, meanwhile: Callable[[], Awaitable[None]] | None = None, **headers: str
) -> str:
    """Post, wait until it is judged and until what is to happen `meanwhile` has, and hang up; return its id."""
    async with httpx.AsyncClient(base_url=served.url, timeout=20) as http:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        posting = asyncio.create_task(http.post("/v1/judgments", json=request(), headers=names))
        for _ in range(500):
            if served.model.requests:
                break
            await asyncio.sleep(0.01)
        if meanwhile is not None:
            await meanwhile()
        posting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await posting
    return str((await served.http.get("/v1/judgments")).json()["data"][-1]["id"])


async def state(served: Served, id: str, seconds: float) -> str:
    answer = await served.http.get(f"/v1/judgments/{id}", headers={"Prefer": f"wait={seconds:g}"})
    return str(answer.json()["state"])


async def test_what_was_posted_is_judged_though_its_client_has_gone() -> None:
    gate, model = held()
    async with serving(model=model) as served:
        id = await leave(served)
        assert await state(served, id, 1) == "running"
        gate.set()
        assert await state(served, id, 10) == "done"


async def test_who_asks_for_it_takes_the_judgment_along_within_a_second() -> None:
    _, model = held()
    async with serving(model=model) as served:
        id = await leave(served, prefer=f"wait=15, {GOES}")
        gone = time.monotonic()
        assert await state(served, id, 5) == "cancelled"
        assert time.monotonic() - gone < 1
        row = (await served.http.get(f"/v1/judgments/{id}")).json()
        assert (row["candidates"][0]["status"], row["candidates"][0]["reward"]) == ("unscored", None)


async def test_one_that_another_waits_for_is_judged() -> None:
    gate, model = held()
    async with serving(model=model) as served:
        again: list[asyncio.Task[httpx.Response]] = []

        async def post_again() -> None:
            again.append(asyncio.create_task(served.post(request(), idempotency_key="k")))
            await asyncio.sleep(0.1)

        id = await leave(served, post_again, prefer=GOES, idempotency_key="k")
        gate.set()
        answer = await again[0]
        assert (answer.json()["id"], answer.json()["state"]) == (id, "done")


async def test_one_that_another_judgment_of_the_same_request_follows_is_judged() -> None:
    gate, model = held()
    async with serving(model=model) as served:
        followers: list[str] = []

        async def follow() -> None:
            followers.append((await served.post(request(), prefer="respond-async")).json()["id"])

        id = await leave(served, follow, prefer=GOES)
        gate.set()
        assert {await state(served, one, 10) for one in (id, *followers)} == {"done"}


async def test_who_posted_again_and_goes_calls_off_nothing_of_the_first() -> None:
    gate, model = held()
    async with serving(model=model) as served:
        first = await served.post(request(), prefer="respond-async", idempotency_key="k")
        await leave(served, prefer=GOES, idempotency_key="k")
        assert await state(served, first.json()["id"], 1) == "running"
        gate.set()


async def test_the_preference_is_said_to_be_applied() -> None:
    async with serving() as served:
        waited = await served.post(request(), prefer=f"wait=9, {GOES}")
        assert waited.headers["preference-applied"] == f"wait=9, {GOES}"
        at_once = await served.post(request(seed=1), prefer=f"respond-async, {GOES}")
        assert at_once.headers["preference-applied"] == "respond-async"

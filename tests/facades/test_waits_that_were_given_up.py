"""A facade that gave a wait up does not know what the judge says: it counts as failed until the judgment has ended."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.facades.asked import BROKEN, LABEL, QUESTION, RIGHT, held_model, was_asked
from tests.service.served import Served, request, serving

pytestmark = pytest.mark.anyio
MANY = 24


async def slime(served: Served, response: str, **query: Any) -> httpx.Response:
    body = {"prompt": QUESTION, "response": response, "label": LABEL}
    return await served.http.post("/compat/slime", json=body, params=query)


async def given_up(served: Served) -> list[httpx.Response]:
    """Post rollouts behind a judgment that holds the only place, each with a wait that ends before their turn."""
    blocking = await served.post(request(), prefer="respond-async")
    assert blocking.status_code == 202
    await was_asked(served.model, request()["task"]["prompt"])
    return await asyncio.gather(*(slime(served, f"{RIGHT} ({one})", seconds=0.5) for one in range(MANY)))


async def ended(served: Served) -> list[dict[str, Any]]:
    """The judgments of the facade, once all of them have ended."""
    listed: list[dict[str, Any]] = (await served.http.get("/v1/judgments", params={"limit": 100})).json()[
        "data"
    ]
    found = [
        (await served.http.get(f"/v1/judgments/{one['id']}", headers={"Prefer": "wait=15"})).json()
        for one in listed
    ]
    return [one for one in found if one["metadata"].get("facade") == "slime"]


async def test_a_rollout_that_was_scored_after_its_wait_is_in_the_mean_and_no_failure() -> None:
    gate = asyncio.Event()
    async with serving(model=held_model(gate), max_running=1) as served:
        answers = await given_up(served)
        assert {(one.status_code, one.json()["failure_kind"]) for one in answers} == {(503, "deadline")}
        gate.set()
        judged = await ended(served)
        assert [one["candidates"][0]["reward"] for one in judged] == [1.0] * MANY
        failed = await slime(served, BROKEN)
        assert failed.status_code == 200, failed.text
        assert (failed.json()["score"], failed.json()["judge_failed"]) == (1.0, 1.0)


async def test_while_they_are_not_judged_waits_that_were_given_up_end_the_means() -> None:
    gate = asyncio.Event()
    gate.set()
    async with serving(model=held_model(gate), max_running=1) as served:
        assert (await slime(served, RIGHT)).json()["score"] == 1.0
        gate.clear()
        answers = await given_up(served)
        assert "failed" in answers[-1].json()["detail"], answers[-1].text
        gate.set()
        await ended(served)
        assert (await slime(served, BROKEN)).json()["score"] == 1.0

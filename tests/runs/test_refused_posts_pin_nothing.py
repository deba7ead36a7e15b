"""A post that is not accepted leaves its run as it was: the next one may pin it to something else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.service.served import Served, request, serving

pytestmark = pytest.mark.anyio


def pinned(**changes: Any) -> dict[str, Any]:
    return request(run={"id": "r", "step": 1, "pin": True}, **changes)


async def status_of_the_run(served: Served) -> int:
    return (await served.http.get("/v1/runs/r")).status_code


async def test_a_post_that_a_key_has_no_room_for_pins_nothing() -> None:
    async with serving(key_requests_per_minute=1) as served:
        assert (await served.post(request())).status_code == 200
        assert (await served.post(pinned())).status_code == 429
        assert await status_of_the_run(served) == 404


async def test_a_group_that_a_key_has_no_room_for_pins_nothing() -> None:
    twins = [{"id": name, "trajectory": {"text": f"It is {name}."}} for name in "abc"]
    async with serving(key_requests_per_minute=3) as served:
        assert (await served.post(request())).status_code == 200
        answer = await served.http.post("/v1/groups", json=pinned(candidates=twins))
        assert answer.status_code == 429
        assert await status_of_the_run(served) == 404


async def test_a_post_whose_idempotency_key_was_used_for_another_pins_nothing() -> None:
    async with serving() as served:
        assert (await served.post(request(), idempotency_key="k")).status_code == 200
        answer = await served.post(pinned(), idempotency_key="k")
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
        assert await status_of_the_run(served) == 404


async def test_a_facade_that_is_refused_pins_nothing() -> None:
    body = {"prompt": "2+2?", "response": "It is 4.", "label": "4"}
    where = {"run": "r", "pin": "true", "recipe": "verify"}
    async with serving(key_requests_per_minute=1) as served:
        assert (await served.post(request())).status_code == 200
        answer = await served.http.post("/compat/slime", params=where, json=body)
        assert answer.status_code == 429
        assert await status_of_the_run(served) == 404

"""Requests whose right reward is known, posted without end while the service is killed and started again.

What was accepted is known by its id; a post whose answer was lost is sent again under the same Idempotency-Key, so that
it is accepted once. Half of the requests run tests in boxes (right and wrong code), half are judged by the model.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import httpx

from evals.bench.service_requests import by_model, by_tests

MODEL_REWARD = 0.75
POSTERS = 6
PAUSE_SECONDS = 0.05
END_SECONDS = 120.0


def request_of(number: int) -> dict[str, Any]:
    """Request number `number`: by its last digit, one that the model judges, right code, or wrong code."""
    body = by_tests(number) if number % 2 else by_model(number)
    if number % 4 == 3:
        text = body["candidates"][0]["trajectory"]["text"]
        body["candidates"][0]["trajectory"]["text"] = text.replace("x * x + y", "x * x - y - 1")
    return {**body, "metadata": {"number": number}, "budget": {"seconds": END_SECONDS}}


def right_reward(number: int) -> float:
    """What a judge that did not fail gives."""
    if number % 2 == 0:
        return MODEL_REWARD
    return 0.0 if number % 4 == 3 else 1.0


class Load:
    """Posts until `stop`. `accepted` maps ids to numbers; `url` is where the service is now."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url
        self.accepted: dict[str, int] = {}
        self._next = 0
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        async with httpx.AsyncClient(timeout=10) as http, asyncio.TaskGroup() as tasks:
            for _ in range(POSTERS):
                tasks.create_task(self._post_on(http))

    def stop(self) -> None:
        self._stopped.set()

    async def _post_on(self, http: httpx.AsyncClient) -> None:
        while not self._stopped.is_set():
            number, self._next = self._next, self._next + 1
            judgment_id = await self._posted(http, number)
            self.accepted[judgment_id] = number
            await asyncio.sleep(PAUSE_SECONDS)

    async def _posted(self, http: httpx.AsyncClient, number: int) -> str:
        """Post until it is accepted: through kills, restarts and 429."""
        headers = {"Prefer": "respond-async", "Idempotency-Key": f"number-{number}"}
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await http.post(
                    f"{self._url()}/v1/judgments", json=request_of(number), headers=headers
                )
                if answer.status_code in (200, 202):
                    return str(answer.json()["id"])
                if answer.status_code not in (429, 503):
                    raise RuntimeError(
                        f"request {number} was refused: {answer.status_code} {answer.text[:500]}"
                    )
            await asyncio.sleep(PAUSE_SECONDS)


async def all_ended(url: str) -> dict[str, dict[str, Any]]:
    """Every judgment of the service by id, once none is open any more, or the time is over."""
    deadline = time.monotonic() + END_SECONDS
    async with httpx.AsyncClient(timeout=30) as http:
        while time.monotonic() < deadline:
            states = httpx.QueryParams({"state": ["queued", "running"], "limit": 1})
            with contextlib.suppress(httpx.TransportError):
                answer = await http.get(f"{url}/v1/judgments", params=states)
                if not answer.raise_for_status().json()["data"]:
                    break
            await asyncio.sleep(0.2)
        return await _all(http, url)


async def _all(http: httpx.AsyncClient, url: str) -> dict[str, dict[str, Any]]:
    found, cursor = dict[str, dict[str, Any]](), None
    while True:
        params = httpx.QueryParams({"limit": 100, **({"cursor": cursor} if cursor else {})})
        page = (await http.get(f"{url}/v1/judgments", params=params)).raise_for_status().json()
        found |= {one["id"]: one for one in page["data"]}
        cursor = page["next_cursor"]
        if cursor is None:
            return found

"""Clients of every kind, all the time, while the service is killed and started again; and what it has in the end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpx

from evals.kill_clients import PAUSE_SECONDS, Clients, Ledger
from evals.kill_requests import END_SECONDS

ALONE = 5
SETTLED = ("done", "failed", "cancelled")


class Load:
    """Posts until `stop`. `ledger` holds what was accepted; `url` is where the service is now."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url
        self.ledger = Ledger()
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        async with httpx.AsyncClient(timeout=10) as http, asyncio.TaskGroup() as tasks:
            clients = Clients(http, self._url, self.ledger)
            kinds = (clients.cancelled, clients.batched, clients.faced, clients.grouped)
            for kind in (*[clients.judged] * ALONE, *kinds):
                tasks.create_task(self._on(kind))

    def stop(self) -> None:
        self._stopped.set()

    async def _on(self, kind: Callable[[], Awaitable[None]]) -> None:
        while not self._stopped.is_set():
            await kind()
            self.ledger.done[kind.__name__] += 1
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


async def all_settled(url: str, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """These groups as the service has them, once each has settled, or the time is over; an unknown one is left out."""
    deadline, found = time.monotonic() + END_SECONDS, dict[str, dict[str, Any]]()
    async with httpx.AsyncClient(timeout=30) as http:
        for id_ in ids:
            while True:
                answer = await http.get(f"{url}/v1/groups/{id_}")
                if answer.status_code == httpx.codes.NOT_FOUND:
                    break
                found[id_] = answer.raise_for_status().json()
                if found[id_]["state"] in SETTLED or time.monotonic() > deadline:
                    break
                await asyncio.sleep(0.2)
    return found


async def _all(http: httpx.AsyncClient, url: str) -> dict[str, dict[str, Any]]:
    found, cursor = dict[str, dict[str, Any]](), None
    while True:
        params = httpx.QueryParams({"limit": 100, **({"cursor": cursor} if cursor else {})})
        page = (await http.get(f"{url}/v1/judgments", params=params)).raise_for_status().json()
        found |= {one["id"]: one for one in page["data"]}
        cursor = page["next_cursor"]
        if cursor is None:
            return found

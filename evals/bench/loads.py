"""Loads on a service over HTTP: in an open loop (requests come when they come) and in a closed one (so many at once).

In the open loop the arrivals are a Poisson process that is drawn before the first request is sent, and a latency is
counted from the moment at which its request was due, so that a service that stalls is not excused by a client that
waits for it (coordinated omission).
"""

from __future__ import annotations

import asyncio
import gc
import math
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import aiohttp

Bodies = Iterator[bytes]
_HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Answered:
    """One request: its answer, when it was due and when it was answered (`time.monotonic`), how late it was sent."""

    status: int
    body: bytes
    due: float
    ended: float
    late_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        return self.ended - self.due


@contextmanager
def uncollected() -> Iterator[None]:
    """In the block the client's own garbage collector does not run: its pauses would count as the service's."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Poster:
    """Posts bodies to one URL over as many connections as it takes."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    @classmethod
    @asynccontextmanager
    async def opened(cls, url: str, *, timeout_seconds: float = 170.0) -> AsyncIterator[Poster]:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=25)
        timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=_HEADERS) as session:
            with uncollected():
                yield cls(session, url)

    async def post(self, body: bytes, due: float | None = None) -> Answered:
        """Post one body now; a due time in the past counts as part of its latency. Raises aiohttp.ClientError."""
        sent = time.monotonic()
        async with self._session.post(self._url, data=body) as answer:
            text = await answer.read()
        wanted = sent if due is None else due
        return Answered(answer.status, text, wanted, time.monotonic(), sent - wanted)


async def open_loop(
    poster: Poster, bodies: Bodies, *, per_second: float, seconds: float, seed: int
) -> list[Answered]:
    """Send requests at the times of a Poisson process, whatever becomes of those before; wait for all answers."""
    began = time.monotonic() + 0.05
    async with asyncio.TaskGroup() as tasks:
        sent = []
        for offset in arrivals(per_second, seconds, seed):
            await asyncio.sleep(began + offset - time.monotonic())
            sent.append(tasks.create_task(poster.post(next(bodies), began + offset)))
    return [task.result() for task in sent]


def arrivals(per_second: float, seconds: float, seed: int) -> list[float]:
    """The times, in seconds from the start, at which requests of a Poisson process arrive; the same for one seed."""
    chance, at, found = random.Random(seed), 0.0, list[float]()  # noqa: S311 - reproducible
    while (at := at + chance.expovariate(per_second)) < seconds:
        found.append(at)
    return found


async def closed_loop(
    poster: Poster, bodies: Bodies, *, at_once: int, until: Callable[[int, float], bool]
) -> list[Answered]:
    """Keep `at_once` requests in flight until `until(answered, seconds)` says that it is enough."""
    answered, began = list[Answered](), time.monotonic()

    async def client() -> None:
        while not until(len(answered), time.monotonic() - began):
            answered.append(await poster.post(next(bodies)))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(client())
    return answered


def steady_rate(answered: Sequence[Answered], *, skipped_seconds: float, seconds: float) -> float:
    """Answers a second in a window that begins so long after the first request, or of all where that is more."""
    began = min(one.due for one in answered)
    first = began + skipped_seconds
    in_window = sum(first <= one.ended < first + seconds for one in answered) / seconds
    return max(in_window, len(answered) / (max(one.ended for one in answered) - began))


def whole_rate(answered: Sequence[Answered], own_seconds: float) -> float:
    """Answers a second from when the first could be there, `own_seconds` after its request, to the last.

    Many at one time come in waves, so that a window would count a wave too many or one too few.
    """
    began = min(one.due for one in answered) + own_seconds
    return len(answered) / (max(one.ended for one in answered) - began)


def quantile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]

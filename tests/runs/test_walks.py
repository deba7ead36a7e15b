"""Who asks for a run does not wait for those who have gone, nor for another tenant, nor twice for one question."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import Request

from api.problems import Problem
from api.runs.walks import Walks

pytestmark = pytest.mark.anyio


class Client:
    """One who asks, and may hang up."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def receive(self) -> dict[str, str]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    @property
    def request(self) -> Request:
        return Request({"type": "http"}, self.receive)


class Run:
    """A run whose walk ends when it is let."""

    def __init__(self) -> None:
        self.ends = asyncio.Event()
        self.begun = self.ended = self.stopped = 0

    async def walk(self) -> int:
        self.begun += 1
        number = self.begun
        try:
            await self.ends.wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        self.ended += 1
        return number


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_walk_that_nobody_waits_for_stops_and_others_go_on() -> None:
    walks, big, small = Walks(), Run(), Run()
    small.ends.set()
    clients = [Client() for _ in range(12)]
    asking = [
        asyncio.create_task(walks.answer(one.request, "ada", f"big{n}", "q", big.walk))
        for n, one in enumerate(clients)
    ]
    await turns()
    assert big.begun == 2
    for one in clients:
        one.left.set()
    gone = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(one) for one in gone} == {Problem}
    assert await walks.answer(Client().request, "ada", "small", "q", small.walk) == 1
    assert (big.stopped, big.ended) == (big.begun, 0)


async def test_a_tenant_with_many_long_walks_keeps_no_other_waiting() -> None:
    walks, long, short = Walks(), Run(), Run()
    short.ends.set()
    asking = [
        asyncio.create_task(walks.answer(Client().request, "ada", f"r{n}", "q", long.walk)) for n in range(9)
    ]
    await turns()
    async with asyncio.timeout(1):
        assert await walks.answer(Client().request, "bob", "r0", "q", short.walk) == 1
    long.ends.set()
    assert sorted(await asyncio.gather(*asking)) == list(range(1, 10))


async def test_one_run_that_many_ask_for_is_walked_through_twice_and_leaves_a_place() -> None:
    walks, big, small = Walks(), Run(), Run()
    small.ends.set()
    first = asyncio.create_task(walks.answer(Client().request, "ada", "big", "q", big.walk))
    await turns()
    late = [
        asyncio.create_task(walks.answer(Client().request, "ada", "big", "q", big.walk)) for _ in range(12)
    ]
    await turns()
    async with asyncio.timeout(1):
        assert await walks.answer(Client().request, "ada", "small", "q", small.walk) == 1
    big.ends.set()
    # Who came while it was walked through gets a walk that began afterwards.
    assert await first == 1
    assert set(await asyncio.gather(*late)) == {2}


async def test_one_of_several_that_share_a_walk_may_leave() -> None:
    walks, run, leaving = Walks(), Run(), Client()
    staying = asyncio.create_task(walks.answer(Client().request, "ada", "r", "q", run.walk))
    going = asyncio.create_task(walks.answer(leaving.request, "ada", "r", "q", run.walk))
    leaving.left.set()
    with pytest.raises(Problem):
        await going
    run.ends.set()
    assert await staying == 1


async def test_what_a_walk_raises_is_raised_to_all_who_wait_for_it() -> None:
    async def broken() -> None:
        raise Problem(404, "not_found", "there is no such run")

    walks = Walks()
    asking = [walks.answer(Client().request, "ada", "r", "q", broken) for _ in range(3)]
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert [one.code for one in found if isinstance(one, Problem)] == ["not_found"] * 3

"""Posts of one rollout are judged once: those at the same time wait for the first, those later are remembered."""

from __future__ import annotations

import asyncio

import pytest

from judge_agent.models.scripted import Held, ScriptedModel, ScriptedRequest, by_schema
from tests.service.served import request, serving

pytestmark = pytest.mark.anyio


class Gate(ScriptedModel):
    """A model that answers once the gate is open."""

    def __init__(self, answer: object = None) -> None:
        super().__init__(otherwise=self._held)
        self.asked, self.open, self.answer = asyncio.Event(), asyncio.Event(), answer or by_schema()

    def _held(self, request: ScriptedRequest) -> Held:
        self.asked.set()
        return Held(self.open, self.answer)


async def test_sixteen_posts_of_one_rollout_at_once_are_judged_once() -> None:
    model = Gate()
    async with serving(model=model) as served:
        posts = [asyncio.create_task(served.post(request())) for _ in range(16)]
        await model.asked.wait()
        while sum(await served.parts.store.open_count()) < 16:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        asked = len(model.requests)
        model.open.set()
        bodies = [answer.json() for answer in await asyncio.gather(*posts)]
        alone = len(model.requests)
    assert len({body["id"] for body in bodies}) == 16
    [first] = [body for body in bodies if body["cached_from"] is None]
    assert {body["cached_from"] for body in bodies} == {None, first["id"]}
    assert all(body["candidates"] == first["candidates"] for body in bodies)
    assert alone - asked <= 1, "what one judgment asks for after its first answer"


async def test_a_later_post_is_remembered_under_its_own_id_and_metadata() -> None:
    async with serving() as served:
        first = (await served.post(request())).json()
        asked = len(served.model.requests)
        again = (await served.post(request(metadata={"step": 2}))).json()
        assert (again["cached_from"], again["metadata"]) == (first["id"], {"step": 2})
        assert again["id"] != first["id"]
        assert len(served.model.requests) == asked


async def test_who_waits_shares_a_failure_and_who_comes_later_does_not() -> None:
    async with serving(model=ScriptedModel(otherwise="no verdict at all")) as served:
        await served.post(request())
        of_one = len(served.model.requests)
    model = Gate("no verdict at all")
    async with serving(model=model) as served:
        posts = [asyncio.create_task(served.post(request())) for _ in range(8)]
        await model.asked.wait()
        while sum(await served.parts.store.open_count()) < 8:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        model.open.set()
        bodies = [answer.json() for answer in await asyncio.gather(*posts)]
        asked = len(model.requests)
        assert {body["candidates"][0]["failure_kind"] for body in bodies} == {"model_unparseable"}
        assert asked == of_one
        model.answer = by_schema()
        later = (await served.post(request())).json()
        assert (later["cached_from"], later["candidates"][0]["status"]) == (None, "scored")


async def test_when_the_first_is_called_off_the_next_one_is_judged() -> None:
    model = Gate()
    async with serving(model=model) as served:
        first = await served.post(request(), prefer="respond-async")
        await model.asked.wait()
        others = [asyncio.create_task(served.post(request())) for _ in range(3)]
        while sum(await served.parts.store.open_count()) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await served.http.post(f"{first.headers['location']}:cancel")
        model.open.set()
        bodies = [answer.json() for answer in await asyncio.gather(*others)]
        assert {body["candidates"][0]["status"] for body in bodies} == {"scored"}
        assert len({str(body["candidates"]) for body in bodies}) == 1


async def test_one_that_waits_can_be_called_off_by_itself() -> None:
    model = Gate()
    async with serving(model=model) as served:
        first = asyncio.create_task(served.post(request()))
        await model.asked.wait()
        second = await served.post(request(), prefer="respond-async")
        ended = await served.http.post(f"{second.headers['location']}:cancel")
        assert ended.json()["state"] == "cancelled"
        model.open.set()
        assert (await first).json()["state"] == "done"


async def test_other_seeds_do_not_wait_for_each_other() -> None:
    model = Gate()
    async with serving(model=model) as served:
        posts = [asyncio.create_task(served.post(request(seed=seed))) for seed in range(4)]
        while len({call.seed for call in model.requests}) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        model.open.set()
        assert {(await post).json()["cached_from"] for post in posts} == {None}


async def test_where_the_end_serves_nobody_those_who_wait_are_judged_one_by_one() -> None:
    """A called off first, and then one half of whose work fails: no herd sets out at any time."""
    model = Gate()
    async with serving(model=model) as served:
        first = await served.post(request(), prefer="respond-async")
        await model.asked.wait()
        others = [asyncio.create_task(served.post(request())) for _ in range(15)]
        while sum(await served.parts.store.open_count()) < 16:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        before = len(model.requests)
        await served.http.post(f"{first.headers['location']}:cancel")
        model.open.set()
        bodies = [answer.json() for answer in await asyncio.gather(*others)]
        assert {body["candidates"][0]["status"] for body in bodies} == {"scored"}
        assert len(model.requests) - before <= 2 * before, "one judgment more, not fifteen"


async def test_one_with_less_time_does_not_wait_for_one_with_more() -> None:
    model = Gate()
    async with serving(model=model) as served:
        slow = asyncio.create_task(served.post(request(budget={"seconds": 60})))
        await model.asked.wait()
        quick = await served.post(request(budget={"seconds": 0.3}))
        assert quick.json()["candidates"][0]["failure_kind"] in ("deadline", "model_timeout")
        model.open.set()
        assert (await slow).json()["candidates"][0]["status"] == "scored"

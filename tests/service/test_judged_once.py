"""Posts of one rollout are judged once: those at the same time wait for the first, those later are remembered."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

import pytest

from judge_agent import remembering
from judge_agent.models.scripted import Held, ScriptedModel, ScriptedRequest, by_schema
from judge_agent.remembering import failed_with
from judge_agent.schema import Judgment
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


async def test_what_another_screen_has_let_through_or_not_is_judged_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving() as served:
        first = (await served.post(request())).json()
        assert (await served.post(request())).json()["cached_from"] == first["id"]
        monkeypatch.setattr(remembering, "SCREEN_RULE", "of another release")
        assert (await served.post(request())).json()["cached_from"] is None


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


async def test_a_deadline_is_not_multiplied_by_the_number_of_equal_posts() -> None:
    model = Gate()
    async with serving(model=model) as served:
        began = time.monotonic()
        hung = [asyncio.create_task(served.post(request(budget={"seconds": 1}))) for _ in range(8)]
        answers = [(await one).json() for one in hung]
        took = time.monotonic() - began
        asked = len(model.requests)
        told = {(one["candidates"][0]["status"], one["candidates"][0]["reward"]) for one in answers}
        assert told == {("unscored", None)}
        assert {one["candidates"][0]["failure_kind"] for one in answers} == {"deadline"}
        judged = {one["id"] for one in answers if one["cached_from"] is None}
        assert len(judged) <= 2, "the first, and the first of those that came too late to have waited as long"
        assert {one["cached_from"] for one in answers} <= judged | {None}
        assert took < 4, "not eight times a second"
        model.open.set()
        later = (await served.post(request(budget={"seconds": 1}))).json()
        assert (later["candidates"][0]["status"], later["cached_from"]) == ("scored", None)
    assert asked <= 2 * len(judged), "no herd"


async def test_what_a_deadline_left_half_judged_is_unscored_for_who_has_waited() -> None:
    async with serving() as served:
        whole = Judgment.model_validate((await served.post(request())).json())
    late = whole.model_copy(update={"flags": {"deadline": {"seconds": 1.0}}})
    [one] = whole.candidates
    half = one.model_copy(update={"status": "partial", "reward": None, "failure_kind": "deadline"})
    cut = late.model_copy(update={"candidates": (half,)})
    names = [SimpleNamespace(id="mine")]
    assert not failed_with(late, names, has_waited=True).results
    assert not failed_with(cut, names, has_waited=False).results
    shared = failed_with(cut, names, has_waited=True)
    told = shared.results["mine"]
    assert (told.id, told.status, told.reward, told.score) == ("mine", "unscored", None, None)
    assert (told.failure_kind, set(told.vector.values())) == ("deadline", {None})
    assert whole.id in (told.failure_reason or "")
    assert set(shared.by.values()) == {whole.id}


async def test_who_came_late_does_not_share_the_deadline_of_who_came_first() -> None:
    model = Gate()
    async with serving(model=model) as served:
        first = asyncio.create_task(served.post(request(budget={"seconds": 1.5})))
        await model.asked.wait()
        for _ in range(10):
            await asyncio.sleep(0.1)
        late = asyncio.create_task(served.post(request(budget={"seconds": 1.5})))
        assert (await first).json()["candidates"][0]["status"] == "unscored"
        model.open.set()
        told = (await late).json()
        assert (told["candidates"][0]["status"], told["cached_from"]) == ("scored", None)

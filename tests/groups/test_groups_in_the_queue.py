"""Groups are judged one after the other, cancelled with what is judged for them, logged and counted once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from judge_agent.errors import StoreError
from judge_agent.log import MemoryLog
from judge_agent.store import Database, SqliteStore
from judge_agent.store.groups import NewGroup, NewMember, Seat
from tests.facades.asked import was_asked
from tests.groups.grouped import by_word, member, post, rewards, whole
from tests.service.served import request, serving

pytestmark = pytest.mark.anyio


async def test_the_first_group_ends_before_the_second_one_begins() -> None:
    gate = asyncio.Event()
    async with serving(model=by_word({"BLOCK": gate}), max_running=1) as served:
        blocker = request()
        blocker["candidates"][0]["trajectory"]["messages"][-1]["content"] = "BLOCK"
        await served.post(blocker, prefer="respond-async")
        await was_asked(served.model, "BLOCK")
        seated = []
        for index in range(3):
            for name in ("first", "second"):
                body = member(index, f"RIGHT of {name} {index}", group_id=name)
                seated.append((await post(served, body, prefer="respond-async")).headers["location"])
        gate.set()
        ended = [
            (await served.http.get(location, headers={"Prefer": "wait=15"})).json()
            for location in sorted(set(seated))
        ]
        asked = [
            "first" if "of first" in one.text else "second"
            for one in served.model.requests
            if "BLOCK" not in one.text
        ]
    assert [one["state"] for one in ended] == ["done", "done"]
    assert asked == sorted(asked)
    assert set(asked) == {"first", "second"}


async def test_a_cancelled_group_stops_what_is_judged_for_it_and_takes_nobody() -> None:
    async with serving(model=by_word({"SLOW": asyncio.Event()})) as served:
        posts = [
            asyncio.create_task(post(served, member(at, text)))
            for at, text in enumerate(["RIGHT", "SLOW RIGHT"])
        ]
        await was_asked(served.model, "SLOW")
        (found,) = (await served.http.get("/v1/groups?group_id=g")).json()["data"]
        cancelled = (await served.http.post(f"/v1/groups/{found['id']}:cancel")).json()
        again = (await served.http.post(f"/v1/groups/{found['id']}:cancel")).json()
        answers = [(await one).json() for one in posts]
        late = await post(served, member(2, "RIGHT"))
        listed = (await served.http.get("/v1/judgments")).json()["data"]
    assert cancelled == again
    assert {one["state"] for one in answers} == {"cancelled"}
    assert rewards(cancelled) == [None, None]
    assert (late.status_code, late.json()["code"]) == (409, "group_closed")
    assert [one["state"] for one in listed] == ["cancelled", "done"]


async def test_cancelling_while_it_settles_leaves_one_end() -> None:
    async with serving(model=by_word()) as served:
        for turn in range(12):
            body = member(0, "RIGHT", size=1, group_id=f"g{turn}")
            posted = await post(served, body, prefer="respond-async")
            location = posted.headers["location"]
            cancels = [served.http.post(f"{location}:cancel") for _ in range(3)]
            ended = [answer.json() for answer in await asyncio.gather(*cancels, served.http.get(location))]
            final = (await served.http.get(location)).json()
            assert {one["state"] for one in ended[:3]} == {final["state"]} <= {"done", "cancelled"}
            assert rewards(final) == ([1.0] if final["state"] == "done" else [None])


async def test_the_end_of_a_group_is_in_the_log_and_in_the_metrics_once_and_says_nothing_of_contents() -> (
    None
):
    log = MemoryLog()
    async with serving(model=by_word(), log=log) as served:
        posts = (
            post(served, member(at, text)) for at, text in enumerate(["RIGHT", "SECRET WRONG", "BROKEN"])
        )
        found = (await asyncio.gather(*posts))[0].json()
        await post(served, member(0, "RIGHT", group_id="open"), prefer="respond-async")
        text = (await served.http.get("/metrics")).text
    (event,) = [one for one in log.events if one.type == "group.settled"]
    assert (event.judgment_id, event.fields["state"], event.fields["counted"]) == (found["id"], "done", 2)
    assert [one["reward"] for one in event.fields["members"]] == rewards(found)
    assert "SECRET" not in str(event)
    assert 'judge_groups_total{partial="yes",recipe="default",state="done"} 1.0' in text
    assert 'judge_group_seconds_count{recipe="default",state="done"} 1.0' in text
    assert 'judge_open_groups{state="open"} 1.0' in text
    assert found["id"] not in text


async def test_identical_members_are_judged_once_and_get_identical_rewards() -> None:
    async with serving(model=by_word()) as served:
        posts = (post(served, member(at, "RIGHT", size=8)) for at in range(8))
        found = (await asyncio.gather(*posts))[0].json()
        calls = len(served.model.requests)
        await post(served, member(0, "RIGHT", size=1, group_id="other"))
        assert len(served.model.requests) == calls
    assert rewards(found) == [1.0] * 8
    assert found["ranking"] == [list(range(8))]
    assert calls <= 2


async def test_who_goes_away_leaves_its_member_in_its_place() -> None:
    async with serving(model=by_word()) as served:
        for index in range(2):
            posting = asyncio.create_task(post(served, member(index, f"RIGHT {index}", size=3)))
            for _ in range(100):
                listed = (await served.http.get("/v1/groups?group_id=g")).json()["data"]
                if listed and len(listed[0]["members"]) > index:
                    break
                await asyncio.sleep(0.01)
            posting.cancel()
        found = (await post(served, member(2, "WRONG", size=3))).json()
    assert rewards(found) == [1.0, 1.0, 0.0]


class Interrupted(SqliteStore):
    """A store that fails once between a member's judgment and its seat, as a process does that is killed there."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        seat, failures = self.groups.join, [StoreError("gone before the seat")]

        async def join(group: NewGroup, members: Sequence[NewMember]) -> Seat:
            if failures:
                raise failures.pop()
            return await seat(group, members)

        self.groups.join = join  # type: ignore[method-assign]


@pytest.mark.parametrize("body", [member(0, "RIGHT", size=1), whole("RIGHT", group={"group_id": "g"})])
async def test_a_post_that_comes_again_after_a_crash_before_its_seat_is_judged_once(
    body: dict[str, Any],
) -> None:
    async with serving(model=by_word(), store_type=Interrupted) as served:
        crashed = await post(served, body)
        again = (await post(served, body)).json()
        listed = (await served.http.get("/v1/judgments")).json()["data"]
    assert crashed.status_code == 503
    assert (again["state"], rewards(again)) == ("done", [1.0])
    assert [one["id"] for one in listed] == [again["members"][0]["judgment_id"]]

"""At its deadline a group goes on waiting, settles with those that are scored, or fails: nobody is paid by accident."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.facades.asked import was_asked
from tests.groups.grouped import by_word, member, post, rewards, whole
from tests.service.served import serving

pytestmark = pytest.mark.anyio


async def test_a_group_that_is_not_complete_at_its_deadline_fails_and_gives_no_reward() -> None:
    async with serving(model=by_word()) as served:
        group = {"deadline_seconds": 0.3, "on_partial": "fail"}
        answer = await post(served, member(0, "RIGHT", group=group))
        found = answer.json()
        raw = (await served.http.get(f"/v1/judgments/{found['members'][0]['judgment_id']}")).json()
    assert answer.status_code == 200
    assert (found["state"], found["failure_kind"]) == ("failed", "deadline")
    assert (found["missing"], found["counted"], found["partial"]) == ([1, 2], 0, True)
    assert rewards(found) == [None]
    assert found["members"][0]["raw_reward"] == raw["candidates"][0]["reward"] == 1.0
    assert 0.3 <= found["seconds"] < 5


async def test_min_size_settles_with_those_that_are_scored() -> None:
    gate = asyncio.Event()
    async with serving(model=by_word({"SLOW": gate})) as served:
        group = {"deadline_seconds": 0.8, "on_partial": "min_size", "min_size": 2}
        texts = ["RIGHT", "WRONG", "SLOW RIGHT"]
        answers = await asyncio.gather(
            *(post(served, member(at, text, size=4, group=group, shape="z")) for at, text in enumerate(texts))
        )
        found = answers[2].json()
        slow = found["members"][2]
        ended = await served.http.get(f"/v1/judgments/{slow['judgment_id']}", headers={"Prefer": "wait=10"})
        later = (await served.http.get(f"/v1/groups/{found['id']}")).json()
    assert (found["state"], found["counted"], found["missing"], found["partial"]) == ("done", 2, [3], True)
    assert rewards(found) == [1.0, -1.0, None]
    assert (slow["status"], slow["failure_kind"]) == ("unscored", "deadline")
    assert ended.json()["state"] == "cancelled"
    assert rewards(later) == rewards(found)


async def test_min_size_fails_where_too_few_are_scored() -> None:
    async with serving(model=by_word()) as served:
        group = {"deadline_seconds": 0.4, "on_partial": "min_size", "min_size": 2}
        posts = [post(served, member(at, text, group=group)) for at, text in enumerate(["RIGHT", "BROKEN"])]
        found = (await asyncio.gather(*posts))[0].json()
        all_there = {"deadline_seconds": 60, "on_partial": "min_size", "min_size": 2}
        early = (await post(served, whole("RIGHT", "BROKEN", group=all_there))).json()
    assert (found["state"], found["failure_kind"]) == ("failed", "deadline")
    assert "min_size=2" in found["failure_reason"]
    assert rewards(found) == [None, None]
    assert (early["state"], early["failure_kind"]) == ("failed", "model_unparseable")
    assert rewards(early) == [None, None]


async def test_wait_goes_on_until_the_longest_time_that_the_service_allows() -> None:
    async with serving(model=by_word(), max_group_seconds=1.0) as served:
        answer = await post(
            served, member(0, "RIGHT", group={"deadline_seconds": 0.1}), prefer="respond-async"
        )
        location = answer.headers["location"]
        before = (await served.http.get(location)).json()
        after = (await served.http.get(location, headers={"Prefer": "wait=10"})).json()
    assert (before["state"], before["failure_kind"]) == ("open", None)
    assert (after["state"], after["failure_kind"], rewards(after)) == ("failed", "deadline", [None])
    assert after["seconds"] >= 1.0


async def test_who_comes_late_is_judged_for_itself_and_changes_nothing() -> None:
    async with serving(model=by_word()) as served:
        group = {"deadline_seconds": 0.3, "on_partial": "min_size", "min_size": 1}
        found = (await post(served, member(0, "RIGHT", group=group))).json()
        answer = await post(served, member(1, "WRONG", group=group))
        again = await post(served, member(1, "WRONG", group=group))
        late = answer.json()
    assert (found["state"], found["missing"]) == ("done", [1, 2])
    assert answer.status_code == 200
    assert late["your_index"] == 1
    assert late["members"][0] == found["members"][0]
    assert late["members"][1]["late"] is True
    assert (late["members"][1]["raw_reward"], late["members"][1]["reward"]) == (0.0, None)
    assert {name: late[name] for name in ("counted", "missing", "seconds")} == {
        name: found[name] for name in ("counted", "missing", "seconds")
    }
    assert again.json() == late


async def test_time_in_which_the_service_was_down_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "judge.db"
    group = {"deadline_seconds": 1.5, "on_partial": "fail"}
    async with serving(path, model=by_word()) as served:
        posted = await post(served, member(0, "RIGHT", size=2, group=group), prefer="respond-async")
    for _ in range(20):
        await asyncio.sleep(0.1)
    async with serving(path, model=by_word()) as served:
        found = (await post(served, member(1, "WRONG", size=2, group=group))).json()
    assert found["id"] == posted.json()["id"]
    assert (found["state"], rewards(found)) == ("done", [1.0, 0.0])


async def test_a_group_whose_service_stopped_settles_at_the_next_start(tmp_path: Path) -> None:
    path, gate = tmp_path / "judge.db", asyncio.Event()
    async with serving(path, model=by_word({"SLOW": gate})) as served:
        body = member(0, "SLOW RIGHT", size=1)
        waiting = asyncio.create_task(post(served, body))
        await was_asked(served.model, "SLOW")
        served.server.stop()
        stopped = await waiting
    assert (stopped.status_code, stopped.json()["code"]) == (503, "unavailable")
    async with serving(path, model=by_word()) as served:
        found = (await served.http.get(stopped.headers["location"], headers={"Prefer": "wait=10"})).json()
    assert (found["state"], rewards(found)) == ("done", [1.0])


async def test_a_whole_group_ends_by_its_deadline_with_those_that_are_scored() -> None:
    async with serving(model=by_word({"SLOW": asyncio.Event()})) as served:
        group = {"deadline_seconds": 1.0, "on_partial": "min_size", "min_size": 2}
        texts = ("RIGHT", "SLOW RIGHT", "WRONG")
        found = (await post(served, whole(*texts, group=group, shape="rank"))).json()
        strict = {"deadline_seconds": 0.6, "on_partial": "fail"}
        failed = (await post(served, whole(*texts, group=strict, seed=1))).json()
    assert (found["state"], found["counted"], found["partial"]) == ("done", 2, True)
    assert rewards(found) == [1.0, None, 0.0]
    assert found["members"][1]["failure_kind"] in ("deadline", "model_timeout")
    assert found["seconds"] < 5
    assert (failed["state"], failed["failure_kind"], rewards(failed)) == ("failed", "deadline", [None] * 3)


ENDINGS = [{"on_partial": "fail"}, {"on_partial": "min_size", "min_size": 2}]


@pytest.mark.parametrize("ending", ENDINGS, ids=["fail", "min_size"])
async def test_nothing_begins_for_a_group_that_has_ended(ending: dict[str, Any]) -> None:
    gate = asyncio.Event()
    async with serving(model=by_word({"SLOW": gate}), max_running=1) as served:
        slow = await served.http.post(
            "/v1/judgments", json=whole("SLOW WRONG"), headers={"Prefer": "respond-async"}
        )
        await was_asked(served.model, "SLOW")
        found = (
            await post(served, whole("RIGHT", "RIGHT two", group={"deadline_seconds": 0.4} | ending))
        ).json()
        gate.set()
        await served.http.get(slow.headers["location"], headers={"Prefer": "wait=10"})
        location = f"/v1/judgments/{found['members'][0]['judgment_id']}"
        judgment = (await served.http.get(location, headers={"Prefer": "wait=10"})).json()
    assert (found["state"], rewards(found)) == ("failed", [None, None])
    assert judgment["state"] == "cancelled"
    assert not [one for one in served.model.requests if "RIGHT" in one.text]


async def test_what_is_judged_for_a_group_that_has_failed_stops() -> None:
    gate = asyncio.Event()
    async with serving(model=by_word({"SLOW": gate})) as served:
        group = {"deadline_seconds": 0.6, "on_partial": "fail"}
        posts = [
            post(served, member(at, text, group=group))
            for at, text in enumerate(["SLOW RIGHT", "SLOW WRONG"])
        ]
        found = (await asyncio.gather(*posts))[0].json()
        ends = [
            (
                await served.http.get(f"/v1/judgments/{one['judgment_id']}", headers={"Prefer": "wait=10"})
            ).json()
            for one in found["members"]
        ]
    assert not gate.is_set()
    assert (found["state"], rewards(found)) == ("failed", [None, None])
    assert [one["state"] for one in ends] == ["cancelled", "cancelled"]


async def test_what_others_have_asked_for_too_goes_on_when_a_group_fails() -> None:
    gate = asyncio.Event()
    async with serving(model=by_word({"SLOW": gate})) as served:
        body = member(0, "SLOW RIGHT", size=2, group={"deadline_seconds": 0.6, "on_partial": "fail"})
        failing = asyncio.create_task(post(served, body))
        await was_asked(served.model, "SLOW")
        other = asyncio.create_task(post(served, member(0, "SLOW RIGHT", size=1, group_id="h")))
        failed = (await failing).json()
        gate.set()
        found = (await other).json()
        shared = (await served.http.get(f"/v1/judgments/{failed['members'][0]['judgment_id']}")).json()
        calls = len(served.model.requests)
        alone = (await post(served, member(0, "RIGHT", size=1, group_id="i"))).json()
    assert (failed["state"], shared["state"]) == ("failed", "done")
    assert rewards(found) == rewards(alone) == [1.0]
    assert len(served.model.requests) == 2 * calls

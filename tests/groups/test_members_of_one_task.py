"""Who is judged beside whom: rollouts of one task, by what a run is pinned to, and each key for one post."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.facades.asked import RIGHT, grade
from tests.groups.grouped import by_word, member, post, rewards, whole
from tests.service.served import ScriptedModel, serving

pytestmark = pytest.mark.anyio
COMPARED = {"recipe": "reward-anything"}


def asked(index: int, question: str, content: str, **changes: Any) -> dict[str, Any]:
    """A member whose task is only what its rollout begins with."""
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": content}]
    candidate = {"id": "a", "trajectory": {"messages": messages}}
    return member(index, content, size=2, task={}, candidates=[candidate], **changes)


@pytest.mark.parametrize("changes", [{}, COMPARED], ids=["each for itself", "compared"])
async def test_members_that_begin_with_other_questions_are_of_other_tasks(changes: dict[str, Any]) -> None:
    async with serving(model=by_word()) as served:
        first = await post(served, asked(0, "What is 2+2?", "RIGHT", **changes), prefer="respond-async")
        other = await post(served, asked(1, "Who wrote Emma? " * 30, "RIGHT", **changes))
        found = (await served.http.get(first.headers["location"])).json()
    problem = other.json()
    assert (other.status_code, problem["code"], problem["field"]) == (409, "group_conflict", "task")
    assert problem["value"] != problem["limit"]
    assert (found["state"], [one["index"] for one in found["members"]]) == ("open", [0])


async def test_members_that_begin_with_the_same_question_are_of_one_task_posted_alone_or_whole() -> None:
    async with serving(model=by_word()) as served:
        posts = [
            post(served, asked(at, "What is 2+2?", text, shape="rank"))
            for at, text in enumerate(["RIGHT", "WRONG"])
        ]
        joined = [answer.json() for answer in await asyncio.gather(*posts)]
        candidates = [
            asked(at, "What is 2+2?", text)["candidates"][0] | {"id": f"c{at}"}
            for at, text in enumerate(["RIGHT", "WRONG"])
        ]
        at_once = (await post(served, whole(candidates=candidates, task={}, shape="rank"))).json()
    assert rewards(joined[0]) == rewards(at_once) == [1.0, 0.0]


async def test_a_member_that_waits_to_be_compared_is_held_to_the_pin_of_its_run() -> None:
    async with serving(model=ScriptedModel(otherwise=grade)) as served:
        await served.post(whole(RIGHT, run={"id": "r", "pin": True}))
        answer = await post(served, member(0, RIGHT, size=2, run={"id": "r"}, **COMPARED))
        groups = (await served.http.get("/v1/groups?group_id=g")).json()["data"]
    assert (answer.status_code, answer.json()["code"]) == (409, "pin_drift")
    assert groups == []


async def test_one_key_for_two_groups_at_one_time_is_a_conflict_of_the_key() -> None:
    async with serving(model=by_word()) as served:
        posts = [post(served, whole("RIGHT", f"WRONG {turn}"), idempotency_key="k") for turn in range(4)]
        answers = await asyncio.gather(*posts)
        listed = (await served.http.get("/v1/judgments")).json()["data"]
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert [answer.status_code for answer in answers].count(200) == 1
    assert {one["code"] for one in refused} == {"idempotency_conflict"}
    assert {one["field"] for one in refused} == {"Idempotency-Key"}
    assert len(listed) == 1


async def test_a_comparison_waits_until_the_key_of_its_first_member_has_room() -> None:
    gate = asyncio.Event()
    key = {"X-Api-Key": "ada-key-0123456789"}
    async with serving(
        model=by_word({"SLOW": gate}), api_keys="ada:ada-key-0123456789", key_max_open=1
    ) as served:
        slow = whole("SLOW RIGHT")
        first = await served.http.post("/v1/judgments", json=slow, headers=key | {"Prefer": "respond-async"})
        posts = [
            asyncio.create_task(
                served.http.post("/v1/groups", json=member(at, text, size=2, recipe="by-place"), headers=key)
            )
            for at, text in enumerate(["RIGHT", "WRONG"])
        ]
        done, _ = await asyncio.wait(posts, timeout=1.0)
        open_ones = (await served.http.get("/v1/judgments", headers=key)).json()["data"]
        gate.set()
        found = [(await one).json() for one in posts]
    assert first.status_code == 202
    assert (len(done), len(open_ones)) == (0, 1)
    assert rewards(found[0]) == [1.0, 0.0]


async def test_a_whole_group_is_not_posted_over_a_member_that_came_alone() -> None:
    contents = ["WRONG", "RIGHT", "RIGHT two"]
    async with serving(model=by_word()) as served:
        spec = {"group_id": "g", "size": 3}
        body = whole(candidates=[member(at, text)["candidates"][0] for at, text in enumerate(contents)])
        for at, one in enumerate(body["candidates"]):
            one["id"] = f"c{at}"
        alone = member(1, "RIGHT", candidates=[body["candidates"][1]])
        first = await post(served, alone, prefer="respond-async")
        over = await post(served, body | {"group": spec})
        listed = (await served.http.get("/v1/judgments")).json()["data"]
        rest = [post(served, member(at, contents[at], candidates=[body["candidates"][at]])) for at in (0, 2)]
        found = [answer.json() for answer in await asyncio.gather(*rest)]
        again = await post(served, body | {"group": spec})
    assert first.status_code == 202
    problem = over.json()
    assert (over.status_code, problem["code"], problem["field"]) == (409, "group_conflict", "group.index")
    assert (problem["limit"], len(listed)) == (1, 1)
    assert rewards(found[0]) == rewards(again.json()) == [0.0, 1.0, 1.0]
    assert again.headers["idempotency-replayed"] == "true"


async def test_members_that_wait_weigh_no_more_together_than_a_body_may() -> None:
    async with serving(model=by_word(), max_body_bytes=60_000) as served:
        for at in range(2):
            seated = await post(
                served, member(at, "RIGHT " + str(at) * 25_000, recipe="by-place"), prefer="respond-async"
            )
            assert seated.status_code == 202
        heavy = await post(served, member(2, "RIGHT " + "2" * 25_000, recipe="by-place"))
        found = (await post(served, member(2, "RIGHT", recipe="by-place"))).json()
    problem = heavy.json()
    assert (heavy.status_code, problem["field"], problem["limit"]) == (413, "candidates.0", 60_000)
    assert problem["value"] > 60_000
    assert (found["state"], found["counted"]) == ("done", 3)


async def test_a_tenant_cannot_take_all_groups_that_may_be_open() -> None:
    ada, bob = "ada-key-0123456789", "bob-key-0123456789"
    async with serving(model=by_word(), max_open_groups=5, api_keys=f"ada:{ada},bob:{bob}") as served:
        answers = [
            await post(served, member(0, "RIGHT", group_id=f"g{turn}"), x_api_key=ada, prefer="respond-async")
            for turn in range(5)
        ]
        other = await post(served, whole("RIGHT", "WRONG"), x_api_key=bob)
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429, 429]
    assert "JUDGE_MAX_OPEN_GROUPS=5" in answers[3].json()["detail"]
    assert rewards(other.json()) == [1.0, 0.0]


async def test_a_key_that_came_with_a_seated_member_is_that_posts() -> None:
    async with serving(model=by_word()) as served:
        await post(served, member(0, "RIGHT", size=1))
        again = await post(served, member(0, "RIGHT", size=1), idempotency_key="k")
        other = await post(served, member(0, "WRONG", size=1, group_id="h"), idempotency_key="k")
        found = (await served.http.get("/v1/groups?group_id=h")).json()["data"]
    assert again.status_code == 200
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert found == []

"""Members that are compared are judged together, once, when all are there or the deadline says so."""

from __future__ import annotations

import asyncio

import pytest

from tests.facades.asked import RIGHT, WRONG, grade, held_model, was_asked
from tests.groups.grouped import by_word, member, post, rewards, whole
from tests.service.served import ScriptedModel, serving

pytestmark = pytest.mark.anyio
COMPARED = {"recipe": "reward-anything"}


def grading() -> ScriptedModel:
    return ScriptedModel(otherwise=grade)


async def test_a_list_is_judged_once_when_its_last_member_has_come() -> None:
    async with serving(model=grading()) as served:
        contents = [WRONG, RIGHT, WRONG + " Or not."]
        posts = (post(served, member(at, text, **COMPARED)) for at, text in enumerate(contents))
        answers = await asyncio.gather(*posts)
        found = answers[0].json()
        calls = len(served.model.requests)
        again = (await post(served, member(1, RIGHT, **COMPARED))).json()
        listed = (await served.http.get("/v1/judgments")).json()["data"]
    assert {answer.status_code for answer in answers} == {200}
    assert found["state"] == "done"
    assert found["ranking"][0] == [1]
    assert len({one["judgment_id"] for one in found["members"]}) == 1
    assert again["members"] == found["members"]
    assert (len(listed), len(served.model.requests)) == (1, calls)


async def test_a_tournament_is_joined_or_posted_whole_with_the_same_rewards() -> None:
    async with serving() as served:
        contents = ["one", "two", "three", "four"]
        posts = (
            post(served, member(at, f"It is {text}.", size=4, recipe="arena"))
            for at, text in enumerate(contents)
        )
        joined = (await asyncio.gather(*posts))[0].json()
        at_once = (await post(served, whole(*(f"It is {text}." for text in contents), recipe="arena"))).json()
    assert joined["state"] == at_once["state"] == "done"
    assert rewards(joined) == rewards(at_once)
    assert None not in rewards(joined)


async def test_those_that_are_there_are_compared_at_the_deadline_and_others_are_refused() -> None:
    group = {"deadline_seconds": 0.5, "on_partial": "min_size", "min_size": 2}
    async with serving(model=grading()) as served:
        posts = (
            post(served, member(at, text, group=group, **COMPARED)) for at, text in enumerate([WRONG, RIGHT])
        )
        found = (await asyncio.gather(*posts))[0].json()
        late = await post(served, member(2, WRONG, group=group, **COMPARED))
    assert (found["state"], found["missing"], found["partial"]) == ("done", [2], True)
    assert found["ranking"] == [[1], [0]]
    assert (late.status_code, late.json()["code"]) == (409, "group_closed")


async def test_too_few_to_compare_fail() -> None:
    group = {"deadline_seconds": 0.3, "on_partial": "min_size", "min_size": 2}
    async with serving(model=grading()) as served:
        found = (await post(served, member(0, RIGHT, group=group, **COMPARED))).json()
    assert (found["state"], found["failure_kind"], rewards(found)) == ("failed", "deadline", [None])
    assert served.model.requests == []


async def test_members_with_one_name_are_told_apart() -> None:
    async with serving(model=grading()) as served:
        posts = (post(served, member(at, text, size=2, **COMPARED)) for at, text in enumerate([RIGHT, WRONG]))
        found = (await asyncio.gather(*posts))[0].json()
    assert [one["candidate_id"] for one in found["members"]] == ["a", "a"]
    assert found["ranking"] == [[0], [1]]
    assert found["preference"]["winner"] == 0


async def test_a_cancelled_comparison_gives_nobody_a_reward() -> None:
    gate = asyncio.Event()
    async with serving(model=held_model(gate)) as served:
        posts = [
            asyncio.create_task(post(served, member(at, text, size=2, **COMPARED)))
            for at, text in enumerate([RIGHT, WRONG])
        ]
        await was_asked(served.model)
        (found,) = (await served.http.get("/v1/groups?group_id=g")).json()["data"]
        cancelled = (await served.http.post(f"/v1/groups/{found['id']}:cancel")).json()
        answers = [(await one).json() for one in posts]
        (judgment,) = (await served.http.get("/v1/judgments")).json()["data"]
    assert {one["state"] for one in (cancelled, *answers)} == {"cancelled"}
    assert rewards(cancelled) == [None, None]
    assert judgment["state"] == "cancelled"


async def test_members_whose_samples_go_where_places_are_open_are_judged_together() -> None:
    async with serving(model=by_word()) as served:
        posts = (
            post(served, member(at, text, recipe="by-place"))
            for at, text in enumerate(["RIGHT", "WRONG", "RIGHT two"])
        )
        found = (await asyncio.gather(*posts))[0].json()
    assert len({one["judgment_id"] for one in found["members"]}) == 1
    assert found["ranking"] == [[0, 2], [1]]


async def test_a_comparison_counts_for_the_key_that_joined_first_as_many_as_it_compares() -> None:
    async with serving(
        model=grading(), api_keys="ada:ada-key-0123456789", key_requests_per_minute=3
    ) as served:
        headers = {"X-Api-Key": "ada-key-0123456789"}
        contents = [WRONG, RIGHT, WRONG + " Or not."]
        posts = (
            served.http.post("/v1/groups", json=member(at, text, **COMPARED), headers=headers)
            for at, text in enumerate(contents)
        )
        answers = await asyncio.gather(*posts)
        alone = {"task": {"prompt": "2+2?"}, "candidates": [member(0, RIGHT)["candidates"][0]]}
        after = await served.http.post("/v1/judgments", json=alone, headers=headers)
    assert {answer.json()["state"] for answer in answers} == {"done"}
    assert (after.status_code, after.json()["code"]) == (429, "quota_requests_per_minute")

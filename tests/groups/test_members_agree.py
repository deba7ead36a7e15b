"""What does not fit together is refused by name, with both values; nobody is judged who has no place."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import pytest

from api.auth import make_key
from tests.groups.grouped import by_word, member, post, rewards, text, whole
from tests.service.served import serving

pytestmark = pytest.mark.anyio
ADA, BOB = "ada-key-0123456789", "bob-key-0123456789"
REFUSED = tomllib.loads((Path(__file__).parent / "refused_groups.toml").read_text())["requests"]
DIFFERENT: list[tuple[str, dict[str, Any]]] = [
    ("group.size", {"size": 4}),
    ("group.deadline_seconds", {"group": {"deadline_seconds": 9}}),
    ("recipe", {"recipe": "verify"}),
    ("seed", {"seed": 7}),
    ("shape", {"shape": "rank"}),
    ("task", {"task": {"prompt": "What is 3+3?"}}),
    ("budget", {"budget": {"seconds": 3}}),
    ("principles", {"principles": [{"description": "It is short."}]}),
]


@pytest.mark.parametrize(("field", "changes"), DIFFERENT, ids=[field for field, _ in DIFFERENT])
async def test_members_of_one_group_agree_on_everything_but_their_work(
    field: str, changes: dict[str, Any]
) -> None:
    async with serving(model=by_word()) as served:
        first = await post(served, member(0, "RIGHT"), prefer="respond-async")
        answer = await post(served, member(1, "WRONG", **changes))
        listed = (await served.http.get("/v1/judgments")).json()["data"]
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (409, "group_conflict", field)
    assert problem["id"] == first.json()["id"]
    assert problem["value"] != problem["limit"]
    assert len(listed) == 1


@pytest.mark.parametrize("case", REFUSED, ids=[case["id"] for case in REFUSED])
async def test_a_group_that_cannot_be_is_refused_by_the_field(case: dict[str, Any]) -> None:
    candidates = [text("RIGHT", f"c{place}") for place in range(case.get("candidates", 1))]
    body = whole(group=case["group"], candidates=candidates, **case.get("changes", {}))
    async with serving(model=by_word()) as served:
        answer = await post(served, body)
        listed = (await served.http.get("/v1/judgments")).json()["data"]
    assert (answer.status_code, answer.json()["field"]) == (422, case["field"])
    assert case["says"] in answer.json()["detail"]
    assert listed == []


async def test_an_index_is_one_candidates() -> None:
    async with serving(model=by_word()) as served:
        await post(served, member(0, "RIGHT"), prefer="respond-async")
        answer = await post(served, member(0, "WRONG"))
    assert (answer.status_code, answer.json()["field"], answer.json()["value"]) == (409, "group.index", 0)


async def test_an_attempt_is_a_new_group_and_a_group_id_finds_all() -> None:
    async with serving(model=by_word()) as served:
        found = [
            (await post(served, member(0, "RIGHT", size=1, group={"attempt": attempt}))).json()
            for attempt in (0, 1)
        ]
        listed = (await served.http.get("/v1/groups", params={"group_id": "g"})).json()["data"]
        nothing = (await served.http.get("/v1/groups", params={"group_id": "h"})).json()["data"]
        wrong = await served.http.get("/v1/groups", params={"group": "g"})
    assert found[0]["id"] != found[1]["id"]
    assert [one["id"] for one in listed] == [found[1]["id"], found[0]["id"]]
    assert nothing == []
    assert wrong.status_code == 422


async def test_a_groups_name_is_its_tenants() -> None:
    async with serving(model=by_word(), api_keys=f"ada:{ADA},bob:{BOB}") as served:
        first = await post(served, member(0, "RIGHT", size=2), x_api_key=ADA, prefer="respond-async")
        other = await post(served, member(0, "WRONG", size=2), x_api_key=BOB, prefer="respond-async")
        location = first.headers["location"]
        answers = [
            await served.http.get(location, headers={"X-Api-Key": BOB}),
            await served.http.post(f"{location}:cancel", headers={"X-Api-Key": BOB}),
        ]
        found = await served.http.get("/v1/groups?group_id=g", headers={"X-Api-Key": BOB})
    assert first.json()["id"] != other.json()["id"]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert [one["id"] for one in found.json()["data"]] == [other.json()["id"]]


async def test_a_key_that_only_judges_may_use_groups_and_calls_none_off() -> None:
    async with serving(model=by_word()) as served:
        key = make_key("ada", "judge")
        await served.parts.store.add_key(key.row)
        headers = {"X-Api-Key": key.secret}
        first = await post(served, member(0, "RIGHT"), x_api_key=key.secret, prefer="respond-async")
        location = first.headers["location"]
        statuses = [
            first.status_code,
            (await served.http.get(location, headers=headers)).status_code,
            (await served.http.get("/v1/groups?group_id=g", headers=headers)).status_code,
            (await served.http.post(f"{location}:cancel", headers=headers)).status_code,
        ]
    assert statuses == [202, 200, 200, 403]


async def test_a_key_is_of_one_post() -> None:
    async with serving(model=by_word()) as served:
        posts = [post(served, whole("RIGHT", "WRONG"), idempotency_key="k") for _ in range(6)]
        answers = await asyncio.gather(*posts)
        other = await post(served, whole("RIGHT", "WRONG", seed=3), idempotency_key="k")
        listed = (await served.http.get("/v1/judgments")).json()["data"]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert len(listed) == 1


async def test_room_for_groups_is_bounded_and_who_found_none_comes_again() -> None:
    async with serving(model=by_word(), max_open_groups=1) as served:
        first = await post(served, member(0, "RIGHT", size=2), prefer="respond-async")
        full = await post(served, member(0, "RIGHT", size=1, group_id="h"))
        await post(served, member(1, "WRONG", size=2))
        again = await post(served, member(0, "RIGHT", size=1, group_id="h"))
    assert (full.status_code, full.json()["limit"]) == (429, 1)
    assert "retry-after" in full.headers
    assert first.status_code == 202
    assert rewards(again.json()) == [1.0]


async def test_a_judgment_by_itself_takes_a_group_as_a_hint_only() -> None:
    async with serving(model=by_word()) as served:
        hint = await served.post(member(0, "RIGHT"))
        asked = await served.post(member(1, "RIGHT", group={"deadline_seconds": 3}))
    assert hint.json()["candidates"][0]["reward"] == 1.0
    assert (asked.status_code, asked.json()["field"]) == (422, "group.deadline_seconds")
    assert "/v1/groups" in asked.json()["detail"]

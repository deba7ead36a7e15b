"""A group is joined member by member, or posted whole; every post gets the settled group."""

from __future__ import annotations

import asyncio

import pytest

from judge_agent import group_record
from tests.groups.grouped import by_word, member, post, rewards, whole
from tests.service.served import serving

pytestmark = pytest.mark.anyio


async def test_every_post_of_a_joined_group_gets_the_settled_group_and_its_own_place() -> None:
    async with serving(model=by_word()) as served:
        contents = ["RIGHT one", "WRONG one", "RIGHT two"]
        answers = await asyncio.gather(
            *(post(served, member(index, content)) for index, content in enumerate(contents))
        )
        found = [answer.json() for answer in answers]
    assert [answer.status_code for answer in answers] == [200] * 3, found
    assert [one.pop("your_index") for one in found] == [0, 1, 2]
    assert found[0] == found[1] == found[2]
    group = found[0]
    assert (group["state"], group["counted"], group["partial"], group["missing"]) == ("done", 3, False, [])
    assert rewards(group) == [1.0, 0.0, 1.0]
    assert group["ranking"] == [[0, 2], [1]]
    assert [one["vector"]["correctness"] for one in group["members"]] == [1.0, 0.0, 1.0]


async def test_a_whole_group_is_judged_in_one_post() -> None:
    async with serving(model=by_word()) as served:
        answer = await post(served, whole("RIGHT", "WRONG", shape="z"))
        group = answer.json()
        again = (await served.http.get(answer.headers["location"])).json()
    assert answer.status_code == 200, group
    assert group == again
    assert group["your_index"] is None
    assert rewards(group) == [1.0, -1.0]
    assert [one["raw_reward"] for one in group["members"]] == [1.0, 0.0]
    assert group["preference"]["winner"] == 0
    assert group["flags"]["shape"][0]["kind"] == "z"


async def test_a_group_whose_shape_cannot_be_computed_fails_and_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("float division by zero")

    monkeypatch.setattr(group_record.reward, "shaped", broken)
    async with serving(model=by_word()) as served:
        answer = await post(served, whole("RIGHT", "WRONG", shape="z"))
        group = answer.json()
        again = (await served.http.get(answer.headers["location"])).json()
    assert (answer.status_code, group["state"], group["failure_kind"]) == (200, "failed", "internal")
    assert "shape cannot be computed: ZeroDivisionError" in group["failure_reason"]
    assert rewards(group) == [None, None]
    assert again == group


async def test_an_unscored_member_is_null_and_in_no_statistic() -> None:
    async with serving(model=by_word()) as served:
        contents = ["RIGHT", "BROKEN", "WRONG"]
        posts = (post(served, member(at, text, shape="z")) for at, text in enumerate(contents))
        group = (await asyncio.gather(*posts))[0].json()
    assert rewards(group) == [1.0, None, -1.0]
    assert group["members"][1]["failure_kind"] == "model_unparseable"
    assert (group["state"], group["counted"], group["partial"]) == ("done", 2, True)
    assert group["ranking"] == [[0], [2]]


async def test_a_member_that_comes_again_is_the_same_member() -> None:
    async with serving(model=by_word()) as served:
        first = await post(served, member(0, "RIGHT", size=2), prefer="respond-async")
        again = await post(served, member(0, "RIGHT", size=2), prefer="respond-async")
        done = await post(served, member(1, "WRONG", size=2))
        late = await post(served, member(0, "RIGHT", size=2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.headers["idempotency-replayed"] == "true"
    assert first.json()["id"] == again.json()["id"] == done.json()["id"] == late.json()["id"]
    assert rewards(late.json()) == [1.0, 0.0]
    assert len({one["judgment_id"] for one in late.json()["members"]}) == 2


async def test_sixty_four_members_join_at_once() -> None:
    async with serving(model=by_word()) as served:
        posts = (
            post(served, member(at, f"{'RIGHT' if at % 2 else 'WRONG'} {at}", size=64)) for at in range(64)
        )
        answers = await asyncio.gather(*posts)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert rewards(answers[0].json()) == [float(at % 2) for at in range(64)]

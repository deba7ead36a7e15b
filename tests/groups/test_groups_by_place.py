"""Members that join one by one under a recipe that spends samples by place are judged in one judgment."""

from __future__ import annotations

import asyncio

import pytest

from tests.groups.grouped import by_word, member, post, rewards
from tests.service.served import serving

pytestmark = pytest.mark.anyio


async def test_members_are_judged_together_once_all_are_there() -> None:
    async with serving(model=by_word()) as served:
        contents = ["RIGHT one", "WRONG one", "RIGHT two"]
        early = member(0, contents[0], recipe="by-place", shape="rank")
        first = await post(served, early, prefer="respond-async")
        assert first.json()["members"][0]["judgment_id"] is None
        bodies = [member(at, text, recipe="by-place", shape="rank") for at, text in enumerate(contents)]
        answers = await asyncio.gather(*(post(served, body) for body in bodies))
        group = answers[0].json()
        [judgment_id] = {one["judgment_id"] for one in group["members"]}
        judgment = (await served.http.get(f"/v1/judgments/{judgment_id}")).json()
    assert (first.status_code, group["state"], group["counted"]) == (202, "done", 3), group
    assert rewards(group) == [0.75, 0.0, 0.75]
    assert [one["raw_reward"] for one in group["members"]] == [1.0, 0.0, 1.0]
    # The two that are alike get one more each, and tie; the third has its place.
    taken = [len(one["principles"][0]["samples"]) for one in judgment["candidates"]]
    assert taken == [3, 2, 3]
    assert judgment["flags"]["places"]["samples"] == 2

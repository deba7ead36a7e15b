"""The clients join groups and wait for them, however long that takes and however often they must ask."""

from __future__ import annotations

import asyncio

import pytest

from judge_agent import AsyncJudgeClient, JudgeClient
from judge_agent.errors import JudgmentPending, RequestRefused
from tests.groups.grouped import by_word, member, whole
from tests.service.served import serving, serving_in_a_thread

pytestmark = pytest.mark.anyio


async def test_a_group_is_joined_by_several_clients() -> None:
    async with (
        serving(model=by_word()) as served,
        AsyncJudgeClient(served.url) as client,
        AsyncJudgeClient(served.url) as other,
    ):
        found = await asyncio.gather(
            client.judge_group(member(0, "RIGHT", size=2)), other.judge_group(member(1, "WRONG", size=2))
        )
        again = await client.get_group(found[0].id)
    assert [one.your_index for one in found] == [0, 1]
    assert [one.reward for one in again.members] == [1.0, 0.0]
    assert found[0].members == found[1].members == again.members


async def test_who_has_no_more_time_is_told_and_the_group_goes_on() -> None:
    async with serving(model=by_word()) as served, AsyncJudgeClient(served.url) as client:
        with pytest.raises(JudgmentPending, match="still open") as pending:
            await client.judge_group(member(0, "RIGHT", size=2), timeout_seconds=0.2)
        open_one = await client.judge_group(member(0, "RIGHT", size=2), wait=False)
        cancelled = await client.cancel_group(open_one.id)
        with pytest.raises(RequestRefused) as refused:
            await client.judge_group(member(1, "RIGHT", size=2))
    assert pending.value.judgment_id == open_one.id == cancelled.id
    assert cancelled.state == "cancelled"
    assert (refused.value.status, refused.value.code) == (409, "group_closed")


def test_the_sync_client_judges_a_whole_group() -> None:
    with serving_in_a_thread(model=by_word()) as served, JudgeClient(served.url) as client:
        group = client.judge_group(whole("RIGHT", "WRONG", "BROKEN", shape="rank"))
        again = client.get_group(group.id)
    assert [one.reward for one in group.members] == [1.0, 0.0, None]
    assert group == again

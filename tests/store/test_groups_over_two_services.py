"""Two services on one PostgreSQL: a group is joined at either, and settles once, also where one of them is killed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.groups.grouped import member
from tests.store.test_services_on_postgres import Service, _calls_made, two_services

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


async def joined(service: Service, body: dict[str, Any], *, wait: bool = True) -> dict[str, Any]:
    headers = {} if wait else {"Prefer": "respond-async"}
    answer = await service.http.post("/v1/groups", json=body, headers=headers)
    assert answer.status_code in (200, 202), answer.text
    return dict(answer.json())


async def test_a_group_is_joined_at_two_services(database_url: str, tmp_path: Path) -> None:
    async with two_services(database_url, tmp_path, seconds_per_call=0.05) as services:
        found = await asyncio.gather(
            *(joined(services[at % 2], member(at // 2, f"Answer {at // 2}", size=16)) for at in range(32))
        )
    assert len({one["id"] for one in found}) == 1
    settled = {str(one["members"]) for one in found}
    assert len(settled) == 1
    assert (found[0]["state"], found[0]["counted"]) == ("done", 16)
    assert sorted(one["your_index"] for one in found) == sorted([*range(16)] * 2)


async def test_a_group_settles_although_a_service_is_killed_between(
    database_url: str, tmp_path: Path
) -> None:
    async with two_services(database_url, tmp_path, seconds_per_call=0.3) as (killed, other):
        for index in range(4):
            await joined(killed, member(index, f"Answer {index}", size=6), wait=False)
        await _calls_made(tmp_path, 2)
        killed.process.kill()
        found = await asyncio.gather(
            *(joined(other, member(index, f"Answer {index}", size=6)) for index in (3, 4, 5))
        )
    assert len({one["id"] for one in found}) == 1
    assert (found[0]["state"], found[0]["counted"], found[0]["missing"]) == ("done", 6, [])


async def test_a_comparison_is_begun_once_although_the_service_that_closed_it_is_killed(
    database_url: str, tmp_path: Path
) -> None:
    async with two_services(database_url, tmp_path, seconds_per_call=0.3) as (killed, other):
        for index in range(3):
            await joined(
                killed, member(index, f"Answer {index}", size=3, recipe="reward-anything"), wait=False
            )
        killed.process.kill()
        body = member(0, "Answer 0", size=3, recipe="reward-anything")
        found = await joined(other, body)
        listed = (await other.http.get("/v1/judgments")).json()["data"]
    assert found["state"] == "done"
    assert len(listed) == 1


async def test_a_deadline_holds_at_the_service_that_is_left(database_url: str, tmp_path: Path) -> None:
    group = {"deadline_seconds": 1.0, "on_partial": "fail"}
    async with two_services(database_url, tmp_path, seconds_per_call=0.05) as (killed, other):
        first = await joined(killed, member(0, "Answer", group=group), wait=False)
        killed.process.kill()
        answer = await other.http.get(f"/v1/groups/{first['id']}", headers={"Prefer": "wait=20"})
    assert (answer.json()["state"], answer.json()["failure_kind"]) == ("failed", "deadline")

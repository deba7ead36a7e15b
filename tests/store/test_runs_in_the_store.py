"""What a store keeps of runs: first pins, points that count once, alarms that ring once. Both stores."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from judge_agent.store import Store
from judge_agent.store.runs import NO_STEP, Point, RunEnd
from tests.store.stores import Place, accepted

pytestmark = pytest.mark.anyio
POINT = Point(
    task_key=7,
    content_key=-(2**63),
    recipe="verify",
    status="scored",
    failure_kind=None,
    score=0.5,
    reward=0.25,
    vector='{"correctness":0.5}',
    confidence=1.0,
    length=12,
    flags="injection",
    compared=2,
    disagreed=1,
    is_cached=False,
    noise=0.01,
    seconds=0.1,
    tokens=40,
)


def end(*points: Point, run: str = "r", step: int | None = 3, tenant: str = "ada") -> RunEnd:
    return RunEnd(tenant, run, step, points or (POINT,))


async def test_a_point_comes_back_as_it_was_kept(store: Store) -> None:
    failed = replace(POINT, status="unscored", failure_kind="deadline", reward=None, score=None, noise=None)
    lease = await accepted(store, "j1")
    assert await store.finish(lease, "{}", elapsed_seconds=1.0, points=end(POINT, failed))
    rows = await store.runs.points("ada", "r")
    kept = [{**vars(one), "step": 3} for one in (POINT, failed)]
    for row, one in zip(rows, kept, strict=True):
        assert {
            name: value for name, value in row._asdict().items() if name != "sequence"
        }.items() <= one.items()


async def test_an_end_that_was_kept_before_adds_no_points(store: Store) -> None:
    lease = await accepted(store, "j1")
    assert await store.finish(lease, "{}", elapsed_seconds=1.0, points=end())
    assert not await store.finish(lease, "{}", elapsed_seconds=1.0, points=end())
    assert len(await store.runs.points("ada", "r")) == 1


async def test_a_worker_that_lost_its_lease_adds_no_points(store: Store) -> None:
    late = await accepted(store, "j1", lease_seconds=0.0)
    found = (await store.claim("w2", 1, lease_seconds=60.0))[0]
    assert not await store.finish(late, "{}", elapsed_seconds=1.0, points=end())
    assert await store.finish(found.lease, "{}", elapsed_seconds=1.0, points=end())
    assert len(await store.runs.points("ada", "r")) == 1


async def test_the_first_pin_stands_whoever_races_for_it_from_two_workers(place: Place) -> None:
    async with place.opened() as one, place.opened() as two:
        tries = [
            store.runs.pin("ada", "r", f"{number}", f'{{"recipe":"{number}"}}')
            for number in range(20)
            for store in (one, two)
        ]
        pins = {(run.pin_sha256, run.pin) for run in await asyncio.gather(*tries)}
        assert len(pins) == 1
        answers = [store.runs.answered("ada", "r", str(n)) for n in range(10) for store in (one, two)]
        assert len(set(await asyncio.gather(*answers))) == 1
    async with place.opened() as after:
        kept = await after.runs.get("ada", "r")
        assert kept is not None
        assert (kept.pin_sha256, kept.pin) in pins


async def test_tenants_know_nothing_of_each_others_runs(store: Store) -> None:
    lease = await accepted(store, "j1")
    await store.finish(lease, "{}", elapsed_seconds=1.0, points=end())
    await store.runs.pin("ada", "r", "ab", "{}")
    assert await store.runs.get("bob", "r") is None
    assert await store.runs.points("bob", "r") == ()
    assert await store.runs.list("bob") == ()
    assert (await store.runs.opened("bob", "r")).pin_sha256 is None


async def test_steps_are_listed_in_order_from_either_end(store: Store) -> None:
    for number, step in enumerate((5, None, 2, 9, 5, 2**53)):
        lease = await accepted(store, f"j{number}")
        await store.finish(lease, "{}", elapsed_seconds=1.0, points=end(step=step))
    assert await store.runs.steps("ada", "r", newest=False) == (NO_STEP, 2, 5, 9, 2**53)
    assert await store.runs.steps("ada", "r", newest=True, limit=2) == (9, 2**53)
    assert await store.runs.steps("ada", "r", newest=False, first=3, last=9, limit=1) == (5,)
    assert await store.runs.steps("ada", "other", newest=True) == ()


async def test_a_walk_in_small_pages_meets_every_point_once_in_order(store: Store) -> None:
    for number in range(7):
        lease = await accepted(store, f"j{number}")
        one = replace(POINT, task_key=number % 2 - 1, content_key=number % 3)
        await store.finish(lease, "{}", elapsed_seconds=1.0, points=end(one, one, step=number // 4))
    whole = await store.runs.points("ada", "r")
    walked, after = [], None
    while page := await store.runs.points("ada", "r", after=after, limit=3):
        walked += page
        after = page[-1]
    assert tuple(walked) == whole
    keys = [one[:4] for one in whole]
    assert keys == sorted(keys)
    assert len(keys) == 14


async def test_an_alarm_rings_once_for_all_workers(place: Place) -> None:
    async with place.opened() as one, place.opened() as two:
        await one.runs.opened("ada", "r")
        rings = [
            store.runs.ring("ada", "r", 4, "hack_rate", float(n)) for n in range(9) for store in (one, two)
        ]
        assert sum(await asyncio.gather(*rings)) == 1
        assert list(await two.runs.rung("ada", "r", first=0, last=9)) == [(4, "hack_rate")]
        assert await two.runs.rung("ada", "r", first=5, last=9) == {}


async def test_runs_are_listed_newest_first_and_page_by_page(store: Store) -> None:
    for name in ("a", "b", "c"):
        await store.runs.set_alarms("ada", name, "{}")
    page = await store.runs.list("ada", limit=2)
    assert [run.id for run in page] == ["c", "b"]
    assert [run.id for run in await store.runs.list("ada", cursor=page[-1].number)] == ["a"]


async def test_names_that_no_database_holds_as_they_are_stay_apart(store: Store) -> None:
    for name in ("a\0b", "a\x1ab", "ab"):
        await store.runs.pin("ada", name, name.encode().hex(), "{}")
    found = {run.id: run.pin_sha256 for run in await store.runs.list("ada")}
    assert found == {name: name.encode().hex() for name in ("a\0b", "a\x1ab", "ab")}

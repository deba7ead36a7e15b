"""Alarms need nobody who asks: every step with new points is looked at, however many come and in whatever order."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import replace

import pytest

from api.logs import formatter
from api.runs.watch import MAX_STEPS
from api.settings import Settings
from judge_agent.store.runs import RunEnd
from tests.runs.made_points import made
from tests.service.served import Served, serving
from tests.store.stores import accepted

pytestmark = pytest.mark.anyio


async def judged(
    served: Served, step: int, *, failed: bool, count: int = 12, reward: float | None = None
) -> None:
    points = [
        replace(one, status="unscored", reward=None, flags="", compared=0)
        if failed
        else replace(
            one, status="scored", reward=0.1 * (n % 5) if reward is None else reward, flags="", compared=0
        )
        for n, one in enumerate(made(step, count, group=8))
    ]
    lease = await accepted(served.parts.store, f"{step}/{failed}/{count}", tenant="local")
    end = RunEnd("local", "r", step, tuple(points))
    assert await served.parts.store.finish(lease, "{}", elapsed_seconds=1.0, points=end)
    served.parts.watch.note(RunEnd("local", "r", step, ()))


async def rung(served: Served, name: str = "unscored_share") -> list[int]:
    kept = await served.parts.store.runs.rung("local", "r", first=0, last=10**6)
    return sorted(step for step, other in kept if other == name)


async def test_every_step_of_those_that_came_quickly_rings() -> None:
    async with serving() as served:
        for step in range(1, 7):
            await judged(served, step, failed=True)
        await served.parts.watch.look()
        assert await rung(served) == [1, 2, 3, 4, 5, 6]


async def test_a_step_that_comes_late_rings_and_is_in_the_metrics() -> None:
    async with serving() as served:
        for step in (50, 51):
            await judged(served, step, failed=False)
        await served.parts.watch.look()
        assert 'judge_run_alarms{name="unscored_share"} 0.0' in (await served.http.get("/metrics")).text
        await judged(served, 10, failed=True)
        await served.parts.watch.look()
        assert await rung(served) == [10]
        assert 'judge_run_alarms{name="unscored_share"} 1.0' in (await served.http.get("/metrics")).text


async def test_more_steps_than_one_look_takes_are_looked_at_by_the_next() -> None:
    async with serving() as served:
        steps = list(range(1, MAX_STEPS + 3))
        for step in steps:
            await judged(served, step, failed=True)
        await served.parts.watch.look()
        await served.parts.watch.look()
        assert await rung(served) == steps


async def test_a_run_of_small_steps_that_are_all_unscored_rings() -> None:
    async with serving() as served:
        for step in range(3):
            await judged(served, step, failed=True, count=8)
            await served.parts.watch.look()
        assert await rung(served) == [1, 2], "eight points alone say too little"
        told = (await served.http.get("/v1/runs/r")).json()["alarms"]
        assert [(one["step"], one["value"], one["steps"]) for one in told] == [(1, 1.0, 2), (2, 1.0, 2)]


async def test_a_small_step_that_is_well_does_not_ring_for_those_before_it() -> None:
    async with serving() as served:
        for step in range(3):
            await judged(served, step, failed=step < 2, count=8)
            await served.parts.watch.look()
        assert await rung(served) == [1]


async def test_a_step_that_begins_does_not_ring_for_a_whole_one_before_it() -> None:
    async with serving() as served:
        await judged(served, 1, failed=True)
        await judged(served, 2, failed=True, count=1)
        await served.parts.watch.look()
        assert await rung(served) == [1]


async def test_steps_of_one_group_without_any_signal_ring_when_there_are_four() -> None:
    async with serving() as served:
        for step in range(5):
            await judged(served, step, failed=False, count=8, reward=0.5)
        await served.parts.watch.look()
        assert await rung(served, "zero_signal_share") == [3, 4]


async def test_an_alarm_is_one_event_with_run_and_step_in_the_json_log() -> None:
    lines = io.StringIO()
    listening = logging.StreamHandler(lines)
    listening.setFormatter(formatter(Settings(log_format="json")))
    logger = logging.getLogger("judge_agent.service")
    logger.addHandler(listening)
    try:
        async with serving() as served:
            await judged(served, 3, failed=True)
            await served.parts.watch.look()
    finally:
        logger.removeHandler(listening)
    (told,) = [line for line in map(json.loads, lines.getvalue().splitlines()) if "alarm" in line["event"]]
    assert told["event"] == "run.alarm"
    assert (told["run"], told["step"], told["name"]) == ("r", 3, "unscored_share")
    assert (told["value"], told["limit"]) == (1.0, 0.1)

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


async def judged(served: Served, step: int, *, failed: bool) -> None:
    points = [
        replace(one, status="unscored", reward=None, flags="", compared=0)
        if failed
        else replace(one, status="scored", reward=0.1 * (n % 5), flags="", compared=0)
        for n, one in enumerate(made(step, 12))
    ]
    lease = await accepted(served.parts.store, f"{step}/{failed}", tenant="local")
    end = RunEnd("local", "r", step, tuple(points))
    assert await served.parts.store.finish(lease, "{}", elapsed_seconds=1.0, points=end)
    served.parts.watch.note(RunEnd("local", "r", step, ()))


async def rung(served: Served) -> list[int]:
    kept = await served.parts.store.runs.rung("local", "r", first=0, last=10**6)
    return sorted(step for step, name in kept if name == "unscored_share")


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

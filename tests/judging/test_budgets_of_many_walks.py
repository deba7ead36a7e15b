"""The plan of a judgment may have thousands of walks; a tight budget is spent in their order all the same, and soon."""

from __future__ import annotations

import asyncio
import random

import pytest

from judge_agent.spending import Spending

pytestmark = pytest.mark.anyio
MOST, CALL, TURNS = 3000, 1000, 3


async def spent_on(pairs: int, ceiling: int, pace: int) -> list[int]:
    """How many calls each sample of each pair got, where every answer takes its own time and cost."""
    spending, speed = Spending(), random.Random(pace)
    got = [0] * (2 * pairs)

    async def sample(pair, number):
        walk = pair.open(MOST)
        try:
            for turn in range(TURNS):
                async with spending.reserved(walk, CALL, ceiling) as bill:
                    if bill is None:
                        return
                    for _ in range(speed.randrange(9)):
                        await asyncio.sleep(0)
                    bill.tokens = random.Random(number * TURNS + turn).randrange(300, CALL)
                    got[number] += 1
        finally:
            walk.close()

    async def both(pair, number):
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(sample(pair, 2 * number))
                group.create_task(sample(pair, 2 * number + 1))
        finally:
            pair.close()

    async with asyncio.TaskGroup() as group:
        for number, pair in enumerate([spending.plan.open(2 * MOST) for _ in range(pairs)]):
            group.create_task(both(pair, number))
    assert spending.tokens <= ceiling
    assert spending.plan.total == spending.tokens, "nothing is held at the end"
    return got


def one_after_another(pairs: int, ceiling: int) -> list[int]:
    """The same, each sample after the one before it."""
    spent, got = 0, []
    for number in range(2 * pairs):
        made = 0
        while made < TURNS and spent + CALL <= ceiling:
            spent += random.Random(number * TURNS + made).randrange(300, CALL)
            made += 1
        got.append(made)
    return got


@pytest.mark.parametrize("ceiling", [0, 999, 1000, 5_000, 12_345, 40_000, 10**9])
async def test_calls_side_by_side_get_what_they_get_one_after_another(ceiling):
    expected = one_after_another(12, ceiling)
    for pace in range(4):
        assert await spent_on(12, ceiling, pace) == expected


@pytest.mark.parametrize("ceiling", [300_000, 3_000_000, 10**9])
async def test_two_thousand_comparisons_are_paid_as_one_after_another(ceiling):
    assert await spent_on(2016, ceiling, 1) == one_after_another(2016, ceiling)


async def test_who_stops_waiting_holds_up_nobody():
    spending = Spending()
    first, second, third = (spending.plan.open(1000) for _ in range(3))

    async def take(walk, cost):
        async with spending.reserved(walk, 1000, 2000) as bill:
            assert bill is not None
            await asyncio.sleep(0)
            bill.tokens = cost
        walk.close()

    async with spending.reserved(first, 1000, 2000) as bill:
        waiting = asyncio.ensure_future(take(second, 900))
        last = asyncio.ensure_future(take(third, 900))
        await asyncio.sleep(0)
        waiting.cancel()
        second.close()
        assert bill is not None
        bill.tokens = 100
    first.close()
    await last
    assert waiting.cancelled() or waiting.done()
    assert spending.tokens == spending.plan.total == 1000

"""Few judgments compute at one time, the first before all others; nothing hangs on a seat."""

from __future__ import annotations

import asyncio

import pytest

from judge_agent.budget import Budget
from judge_agent.context import Turns
from judge_agent.seats import Seats, away

pytestmark = pytest.mark.anyio
LONG = 60.0


async def steps(seats: Seats, name: str, told: list[str], count: int = 3) -> None:
    """Compute in steps between which others may run, as every await lets them."""
    async with seats.taken():
        for _ in range(count):
            told.append(name)
            await asyncio.sleep(0)


async def test_with_one_seat_each_computes_to_its_end_in_the_order_of_coming() -> None:
    told = list[str]()
    seats = Seats(1, longest_seconds=LONG)
    await asyncio.gather(*(steps(seats, name, told) for name in "abc"))
    assert told == list("aaabbbccc")


async def test_with_two_seats_two_share_and_the_third_waits() -> None:
    told = list[str]()
    seats = Seats(2, longest_seconds=LONG)
    await asyncio.gather(*(steps(seats, name, told, 4) for name in "abc"))
    assert sorted(told[:8]) == list("aaaabbbb")
    assert told[8:] == list("cccc")


async def test_who_is_away_lets_others_compute_and_is_before_later_ones_when_it_is_back() -> None:
    told, answered = list[str](), asyncio.Event()
    seats = Seats(1, longest_seconds=LONG)

    async def first() -> None:
        async with seats.taken():
            told.append("first asks")
            async with away():
                await answered.wait()
            told.append("first ends")

    async def second() -> None:
        async with seats.taken():
            told.append("second")
            answered.set()
            for _ in range(5):
                await asyncio.sleep(0)
            told.append("second ends")

    await asyncio.gather(first(), second(), steps(seats, "third", told, 1))
    assert told == ["first asks", "second", "second ends", "first ends", "third"]


async def test_parts_side_by_side_are_away_until_the_last_is_back() -> None:
    seats = Seats(1, longest_seconds=LONG)
    told, gates = list[str](), [asyncio.Event() for _ in range(2)]

    async def part(index: int) -> None:
        async with away():
            await gates[index].wait()
        told.append(f"part {index}")

    async def whole() -> None:
        async with seats.taken(), asyncio.TaskGroup() as group:
            for index in range(2):
                group.create_task(part(index))

    judged = asyncio.create_task(whole())
    await asyncio.sleep(0.01)
    gates[0].set()
    await asyncio.sleep(0.01)
    await steps(seats, "other", told, 1)
    gates[1].set()
    await judged
    assert told == ["part 0", "other", "part 1"]


async def test_who_keeps_a_seat_too_long_loses_it_and_goes_on() -> None:
    told, stuck = list[str](), asyncio.Event()
    seats = Seats(1, longest_seconds=0.02)

    async def hangs() -> None:
        async with seats.taken():
            await stuck.wait()
            told.append("goes on")

    hanging = asyncio.create_task(hangs())
    await asyncio.sleep(0)
    await asyncio.wait_for(steps(seats, "other", told, 1), 10)
    stuck.set()
    await hanging
    await steps(seats, "later", told, 1)
    assert told == ["other", "goes on", "later"]


@pytest.mark.parametrize("fails", [False, True])
async def test_who_stops_waiting_takes_no_place_and_an_error_waits_for_none(fails: bool) -> None:
    told, busy, answered = list[str](), asyncio.Event(), asyncio.Event()
    seats = Seats(1, longest_seconds=LONG)

    async def holds() -> None:
        async with seats.taken():
            await busy.wait()

    async def comes_back() -> None:
        async with seats.taken(), away():
            await answered.wait()
            if fails:
                raise ZeroDivisionError

    back = asyncio.create_task(comes_back())
    await asyncio.sleep(0)
    held = asyncio.create_task(holds())
    waiting = asyncio.create_task(steps(seats, "waiting", told, 1))
    await asyncio.sleep(0.01)
    answered.set()
    await asyncio.sleep(0.01)
    if fails:
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(back, 10)
    else:
        assert not back.done()
        back.cancel()
        with pytest.raises(asyncio.CancelledError):
            await back
    assert told == []
    busy.set()
    await asyncio.gather(held, waiting)
    assert told == ["waiting"]


async def test_a_turn_that_came_to_one_who_then_stopped_waiting_is_given_back() -> None:
    turns, seats, free = Turns(), Seats(1, longest_seconds=LONG), asyncio.Event()
    budget = Budget(seconds=60, model_tokens=1, tool_calls=1)

    async def takes_both() -> None:
        async with seats.taken(), turns.take("principles", budget):
            pass

    async def holds_the_seat() -> None:
        async with seats.taken():
            await free.wait()

    async with turns.take("principles", budget):
        waiting = asyncio.create_task(takes_both())
        await asyncio.sleep(0.01)
        holding = asyncio.create_task(holds_the_seat())
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait([waiting])
    async with asyncio.timeout(10), turns.take("principles", budget):
        free.set()
    await holding


async def test_without_a_seat_nothing_waits_and_no_place_at_all_is_refused() -> None:
    async with away():
        pass
    with pytest.raises(ValueError, match="at least 1, got 0"):
        Seats(0)

"""Judgments compute in the order of their coming: who waits for something lets the next one, a crowd goes together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from judge_agent.in_order import CROWD, Order, Turn, give_up_turn, own_turn, take_turn

Step = Callable[[], Coroutine[Any, Any, None]]


class _Clock:
    """Stands still between two steps, however long the machine takes for them."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


async def _one(order: Order, name: int, said: list[str], model: Step) -> None:
    """A judgment as the order sees it: it computes, asks a model, and computes again, giving way at every step."""

    async def computes(phase: str) -> None:
        await take_turn()
        for step in range(3):
            said.append(f"{name}{phase}{step}")
            if isinstance(order.clock, _Clock):
                order.clock.seconds += 1
            await asyncio.sleep(0)

    with order.turns():
        await computes("a")
        give_up_turn()
        await model()
        await computes("b")


def _phases(said: list[str]) -> list[str]:
    """The phases as they were begun, each once where it was done in one go."""
    return [one[:-1] for at, one in enumerate(said) if at == 0 or said[at - 1][:-1] != one[:-1]]


async def _at_once(order: Order, count: int) -> list[str]:
    said: list[str] = []
    asking, all_ask, answered = 0, asyncio.Event(), asyncio.Event()

    async def model() -> None:
        nonlocal asking
        asking += 1
        if asking == count:
            all_ask.set()
        await answered.wait()

    tasks = [asyncio.create_task(_one(order, number, said, model)) for number in range(count)]
    await asyncio.wait_for(all_ask.wait(), 10)
    assert len(said) == 3 * count
    answered.set()
    await asyncio.gather(*tasks)
    return said


def test_each_goes_as_far_as_it_can_and_who_had_waited_longest_comes_first_then() -> None:
    said = asyncio.run(_at_once(Order(places=1, longest_seconds=60, clock=_Clock()), 4))
    assert _phases(said) == ["0a", "1a", "2a", "3a", "0b", "3b", "2b", "1b"]


def test_two_go_together_and_the_third_waits_for_one_of_them() -> None:
    said = asyncio.run(_at_once(Order(longest_seconds=60), 3))
    assert said[:2] == ["0a0", "1a0"]
    assert said.index("2a0") > said.index("0a2")


def test_who_has_waited_before_goes_before_who_came_a_little_earlier() -> None:
    async def run() -> list[str]:
        clock, said = _Clock(), list[str]()
        order = Order(places=1, longest_seconds=60, clock=clock)

        async def comes(turn: Turn, name: str) -> None:
            await turn.take()
            said.append(name)
            turn.give_up()

        with order.turns() as first, order.turns() as again, order.turns() as fresh:
            await first.take()
            waiting = asyncio.create_task(again.take())
            await asyncio.sleep(0)
            clock.seconds = 5.0
            first.give_up()
            await waiting
            again.give_up()
            await first.take()
            earlier = asyncio.create_task(comes(fresh, "fresh"))
            await asyncio.sleep(0)
            clock.seconds = 9.0
            later = asyncio.create_task(comes(again, "again"))
            await asyncio.sleep(0)
            first.give_up()
            await asyncio.gather(earlier, later)
        return said

    assert asyncio.run(run()) == ["again", "fresh"]


def test_without_an_order_they_take_turns_at_every_step() -> None:
    said = asyncio.run(_at_once(Order(is_kept=False), 4))
    assert said[:4] == ["0a0", "1a0", "2a0", "3a0"]


def test_a_crowd_goes_together() -> None:
    said = asyncio.run(_at_once(Order(places=1, longest_seconds=60), CROWD + 1))
    begun = [said.index(f"{number}a0") for number in range(1, CROWD + 1)]
    far = [said.index(f"{number}a2") for number in range(1, CROWD + 1)]
    assert max(begun) < min(far)


def test_who_keeps_a_turn_for_too_long_loses_it() -> None:
    async def run() -> bool:
        order = Order(places=1, longest_seconds=0.01)
        with order.turns() as stuck:
            await stuck.take()
            with order.turns() as other:
                await asyncio.wait_for(other.take(), 5)
            stuck.give_up()  # it has none any more
            with order.turns() as third:
                await asyncio.wait_for(third.take(), 5)
        return order._taken == 0

    assert asyncio.run(run())


@pytest.mark.parametrize("granted", [False, True])
def test_who_is_cancelled_while_it_waits_takes_no_turn_along(granted: bool) -> None:
    async def run() -> None:
        order = Order(places=1, longest_seconds=60)
        with order.turns() as first:
            await first.take()
            with order.turns() as second:
                waiting = asyncio.create_task(second.take())
                await asyncio.sleep(0)
                if granted:
                    first.give_up()
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
        with order.turns() as third:
            await asyncio.wait_for(third.take(), 5)

    asyncio.run(run())


def test_several_tasks_of_one_judgment_have_one_turn() -> None:
    async def run() -> None:
        order = Order(places=1, longest_seconds=60)
        with order.turns() as other:
            await other.take()
            with order.turns():
                tasks = [asyncio.create_task(take_turn()) for _ in range(3)]
                await asyncio.sleep(0)
                other.give_up()
                await asyncio.wait_for(asyncio.gather(*tasks), 5)
                give_up_turn()
            with order.turns() as third:
                await asyncio.wait_for(third.take(), 5)

    asyncio.run(run())


def test_a_task_that_takes_the_turns_over_gives_them_up() -> None:
    async def run() -> None:
        order = Order(places=1, longest_seconds=60)

        async def goes_on() -> None:
            with order.turns(own_turn()):
                await asyncio.sleep(0)

        with order.turns() as turn:
            await turn.take()
            turn.is_handed_over = True
            task = asyncio.create_task(goes_on())
        with order.turns() as second:
            await asyncio.wait_for(second.take(), 5)
            assert task.done()

    asyncio.run(run())


def test_outside_of_an_order_nobody_waits() -> None:
    async def run() -> None:
        await take_turn()
        give_up_turn()
        assert own_turn() is None

    asyncio.run(run())

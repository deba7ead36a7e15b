"""A wait is the machine's doing only where nothing in the box can have caused it; numbers are counted, not timed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.errors import SandboxError
from sandboxes import waiting
from sandboxes.waiting import Look, Thread, TimeLimit, look_of, waited_seconds

BEGIN = Look(0.0, 0.0, {1: Thread()})


def after(seconds: float, *threads: Thread, used: float | None = None) -> Look:
    """A look so many seconds later at threads that are numbered from 1; `used` where some of them have ended."""
    total = sum(thread.cpu_seconds for thread in threads) if used is None else used
    return Look(seconds, total, dict(enumerate(threads, 1)))


def test_a_program_that_computes_is_given_all_that_it_waited() -> None:
    assert waited_seconds(BEGIN, after(10.0, Thread(1.0, 9.0, 500))) == 9.0


def test_sleep_and_a_lock_that_never_opens_are_the_programs_own_time() -> None:
    assert waited_seconds(BEGIN, after(10.0, Thread(0.01, 0.002, 12), Thread(0.01, 0.001, 9))) <= 0.002


def test_a_thread_that_waits_for_other_threads_of_its_program_waits_for_nobody_else() -> None:
    pinned = [Thread(0.5, 9.5, 300) for _ in range(20)]
    assert waited_seconds(BEGIN, after(10.0, *pinned)) == 0.0


def test_threads_that_have_ended_were_threads_of_the_program_too() -> None:
    assert waited_seconds(BEGIN, after(10.0, Thread(1.0, 9.0, 500), used=10.0)) == 0.0


@pytest.mark.parametrize("turn_seconds", [1e-6, 1e-5])
def test_who_gives_each_turn_away_at_once_waits_by_its_own_doing(turn_seconds: float) -> None:
    turns = 3000  # on a machine whose others take turns of 3 ms
    gone = after(10.0, Thread(turns * turn_seconds, 9.0, turns))
    assert waited_seconds(BEGIN, gone) < 0.2


def test_one_that_never_got_a_processor_has_waited_all_the_time() -> None:
    ready = Thread(0.2, 0.3, 40, is_ready=True)
    assert waited_seconds(Look(0.0, 0.2, {1: ready}), after(10.0, ready)) == 10.0
    asleep = Thread(0.2, 0.3, 40)
    assert waited_seconds(Look(0.0, 0.2, {1: asleep}), after(10.0, asleep)) == 0.0
    assert waited_seconds(Look(0.0, 0.2, {1: ready}), after(10.0, ready, used=9.0)) == pytest.approx(1.2)


def test_one_that_waits_right_now_is_not_over_before_its_turn() -> None:
    ready, running = Thread(0.2, 0.3, 40, is_ready=True), Thread(0.21, 0.3, 40, is_ready=True)
    look = Look(0.0, 0.2, {1: ready})
    assert waiting.is_waiting(look, after(0.01, ready))
    assert not waiting.is_waiting(look, after(0.01, running))
    assert not waiting.is_waiting(look, after(0.01, replace(ready, is_ready=False)))
    assert not waiting.is_waiting(look, after(0.01, replace(ready, turns=41)))
    assert not waiting.is_waiting(look, after(0.01, ready, used=0.21)), (
        "it waits for another thread of its program"
    )


def test_a_number_that_another_thread_has_by_now_tells_nothing() -> None:
    assert (
        waited_seconds(Look(0.0, 5.0, {1: Thread(5.0, 1.0, 90)}), after(10.0, Thread(1.0, 9.0, 500))) == 0.0
    )


def test_no_more_is_given_than_the_program_did_not_run() -> None:
    assert waited_seconds(BEGIN, after(10.0, Thread(4.0, 90.0, 500))) == 6.0


@settings(max_examples=150, deadline=None)
@given(
    cores=st.integers(1, 4),
    wishes=st.lists(st.lists(st.integers(0, 6), min_size=2, max_size=12), min_size=1, max_size=9),
    pinned=st.lists(st.integers(0, 3), min_size=9, max_size=9),
)
def test_on_a_machine_of_its_own_no_program_can_make_up_a_wait(
    cores: int, wishes: list[list[int]], pinned: list[int]
) -> None:
    """Threads that run and sleep in any pattern, on any cores: milliseconds to run and to sleep, in turns."""
    assert waited_seconds(Look(0.0), _simulated(cores, wishes, pinned)) < 1e-9


def _simulated(cores: int, wishes: list[list[int]], pinned: list[int]) -> Look:
    """300 ms of a scheduler that gives each core to its next ready thread, every millisecond."""
    left = [list(pattern) for pattern in wishes]
    counts = [[0, 0, 0] for _ in wishes]
    ran_before: set[int] = set()
    last = [-1] * cores
    for _ in range(300):
        ran = set[int]()
        ready = [number for number, one in enumerate(left) if _wants_to_run(one, wishes[number])]
        for core in range(cores):
            mine = [number for number in ready if pinned[number] % cores == core]
            if mine:
                last[core] = min(mine, key=lambda number: (number - last[core] - 1) % len(wishes))
                ran.add(last[core])
        for number, one in enumerate(left):
            if number in ran:
                counts[number][0] += 1
                counts[number][2] += number not in ran_before
                one[0] -= 1
            elif number in ready:
                counts[number][1] += 1
            elif one:
                one[1] -= 1
        ran_before = ran
    threads = [Thread(run / 1000, waited / 1000, turns) for run, waited, turns in counts]
    return after(0.3, *threads)


def _wants_to_run(left: list[int], pattern: list[int]) -> bool:
    """Whether a thread has something to run; drops what is done of its pattern (run, sleep, run, ...)."""
    if len(left) < 2 or (left[0] <= 0 and left[1] <= 0):
        del left[:2]
        if len(left) < 2:
            left[:] = pattern
    return left[0] > 0


def test_what_the_kernel_of_a_box_does_not_count_is_told_apart() -> None:
    assert look_of(None) is None
    told = {"at": 3.0, "cpu_seconds": 0.5, "threads": [[7, 500_000_000, 2_000_000_000, 40, 1]]}
    assert look_of(told) == Look(3.0, 0.5, {7: Thread(0.5, 2.0, 40, is_ready=True)})


async def _end_of(seconds: float, runs: float, of: float) -> tuple[str, float]:
    """How a limit ends for a program that runs `runs` seconds of each `of`, at their end, and after how long."""
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    began = time.monotonic()

    async def look() -> Look:
        passed = time.monotonic() - began
        turns = int(passed / of)
        return after(began + passed, Thread(turns * runs, turns * (of - runs), turns, is_ready=True))

    limit = TimeLimit(seconds, look, over=lambda: ended.set_result("over"), unsure=ended.set_result)
    try:
        return await ended, time.monotonic() - began
    finally:
        limit.cancel()


@pytest.mark.anyio
async def test_a_limit_counts_what_the_program_ran_and_not_what_it_waited() -> None:
    end, seconds = await _end_of(0.1, runs=0.003, of=0.012)
    assert end == "over"
    assert seconds >= 0.3  # four times as long, but for the time before the first look


@pytest.mark.anyio
async def test_who_gives_its_turns_away_on_a_busy_machine_is_over_at_its_limit() -> None:
    end, _ = await _end_of(0.1, runs=0.00001, of=0.003)
    assert end == "over"


@pytest.mark.anyio
async def test_a_limit_that_cannot_be_told_is_the_machines_failure() -> None:
    end, _ = await _end_of(0.05, runs=0.0006, of=0.06)
    assert "the machine is too busy" in end


@pytest.mark.anyio
@pytest.mark.parametrize("answers", [None, SandboxError("gone")])
async def test_without_counts_all_time_is_the_programs_own(answers: SandboxError | None) -> None:
    ended: list[str] = []

    async def look() -> None:
        if answers is not None:
            raise answers

    limit = TimeLimit(0.05, look, over=lambda: ended.append("over"), unsure=ended.append)
    await asyncio.sleep(0.1)
    assert ended == (["over"] if answers is None else [])  # who waits for a box that broke is told by the box
    limit.cancel()


@pytest.mark.anyio
async def test_a_limit_that_was_cancelled_ends_nothing() -> None:
    ended: list[str] = []
    looks = asyncio.Event()

    async def look() -> Look:
        looks.set()
        return after(0.0, Thread())

    limits = [TimeLimit(0.02, look, over=lambda: ended.append("over"), unsure=ended.append) for _ in range(2)]
    limits[0].cancel()
    await looks.wait()
    limits[1].cancel()
    limits[1].cancel()
    await asyncio.sleep(0.05)
    assert ended == []

"""A program's own time: wall time less that in which it was ready to run and a busy machine gave it no processor.

The kernel counts for each thread how long it ran and how long it waited (`/proc/PID/task/TID/schedstat`). A wait is the
machine's doing only as far as nothing in the box can have caused it:

- Threads of one program wait for each other. While one of them waits on a machine with nothing else to do, another one
  of them runs: what the others ran is taken off, so that no number of threads makes up a wait. Of several threads the
  one that waited longest counts; programs of many threads are given less than they lost.
- Who asks for a processor only to give it away again (sleeps of a microsecond, `sched_yield`) waits each time for as
  long as the others' turns take. A wait counts in full where the thread used half a millisecond of each turn, and else
  in proportion.
- Threads that lowered their own priority are left out (`in_box/proc.py`), and so are programs with children.

A sleep, a lock, a read that never ends are no waits: they are the program's own time.

Does NOT know of: time that a hypervisor takes from the whole machine, waits for disks and memory, and programs of
WebAssembly: all that is the program's own time here.
Source: kernel documentation, scheduler/sched-stats; sched(7).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from judge_agent.errors import SandboxError

MOST_TIMES = 10.0  # as long as the limit: then nobody can tell whether the program is slow
_FULL_TURN_SECONDS = 0.0005  # a turn of one that computes takes a millisecond and more
_FIRST_LOOK_SECONDS, _FIRST_LOOK_SHARE = 0.1, 0.1  # most programs have ended by then, and cost no look
_STEP_SECONDS = 0.01
_TINY_SECONDS = 0.001


@dataclass(frozen=True)
class Thread:
    """What the kernel counted for one thread since it began. `is_ready`: it runs or waits for a processor right now."""

    cpu_seconds: float = 0.0
    waited_seconds: float = 0.0
    turns: int = 0
    is_ready: bool = False


@dataclass(frozen=True)
class Look:
    """What the kernel had counted for a program `at` a time (monotonic). `cpu_seconds` is that of all its threads."""

    at: float
    cpu_seconds: float = 0.0
    threads: Mapping[int, Thread] = field(default_factory=dict)


def look_of(told: Mapping[str, Any] | None) -> Look | None:
    """Read what the fork server tells; None where it counts nothing."""
    if told is None:
        return None
    threads = {
        number: Thread(ran / 1e9, waited / 1e9, turns, ready == 1)
        for number, ran, waited, turns, ready in told["threads"]
    }
    return Look(told["at"], told["cpu_seconds"], threads)


def waited_seconds(before: Look, after: Look) -> float:
    """How long between two looks the machine, and nothing in the box, kept the program from a processor."""
    used = after.cpu_seconds - before.cpu_seconds
    waits = [_wait(before.threads.get(number), thread, used) for number, thread in after.threads.items()]
    return max(0.0, min(max(waits, default=0.0), after.at - before.at - used))


def is_waiting(before: Look, after: Look) -> bool:
    """Whether it was ready all the time between two looks and did not run: its next turn tells how long it waits."""
    pairs = [(before.threads.get(number), thread) for number, thread in after.threads.items()]
    idle = after.cpu_seconds == before.cpu_seconds
    return idle and any(was is not None and _got_no_turn(was, thread) for was, thread in pairs)


def _got_no_turn(before: Thread, after: Thread) -> bool:
    return before.is_ready and after.is_ready and before.turns == after.turns


def _wait(before: Thread | None, after: Thread, used: float) -> float:
    """Of one thread; `used` is the processor time of all of them."""
    if before is not None and _got_no_turn(before, after):
        return math.inf if after.cpu_seconds == before.cpu_seconds else 0.0
    was = before or Thread()
    ran, waited = after.cpu_seconds - was.cpu_seconds, after.waited_seconds - was.waited_seconds
    turns = after.turns - was.turns
    if min(ran, waited, turns) < 0:
        return 0.0  # the number is another thread's by now
    if turns == 0:
        return 0.0
    return (waited - max(used - ran, 0.0)) * min(1.0, ran / (turns * _FULL_TURN_SECONDS))


class TimeLimit:
    """Ends something when a program has had so many seconds of its own time from now on.

    `over` is called then; `unsure`, with the reason, where that cannot be told after `MOST_TIMES` as long. `look` asks
    for the counts; where it gives None, all time is the program's own. Raises nothing.
    """

    def __init__(
        self,
        seconds: float,
        look: Callable[[], Awaitable[Look | None]],
        *,
        over: Callable[[], None],
        unsure: Callable[[str], None],
    ) -> None:
        self._seconds = seconds
        self._look = look
        self._over, self._unsure = over, unsure
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._task: asyncio.Task[None] | None = None
        self._first = max(0.0, min(_FIRST_LOOK_SECONDS, _FIRST_LOOK_SHARE * seconds))
        self._timer = self._loop.call_later(self._first, self._start)

    def cancel(self) -> None:
        """Repeated calls do nothing."""
        self._timer.cancel()
        if self._task is not None and not self._loop.is_closed():
            self._task.cancel()

    def _start(self) -> None:
        self._task = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        try:
            async with asyncio.timeout_at(self._began + MOST_TIMES * max(self._seconds, 0.0) + 1):
                await self._until_over()
        except TimeoutError:
            self._unsure(
                f"the machine is too busy: in {MOST_TIMES:g} times its limit of {self._seconds:g} s a program had too "
                "little of a processor to tell whether it is slow; send fewer judgments at once"
            )
        except SandboxError:
            return  # whoever waits for the program is told
        else:
            self._over()

    async def _until_over(self) -> None:
        """The time before the first look is the program's own; that of a busy machine to answer is nobody's."""
        first = await self._look() if self._seconds > 0 else None
        if first is None:
            await asyncio.sleep(self._began + self._seconds - self._loop.time())
            return
        before = now = first
        own = self._first
        while (left := self._seconds - own) > _TINY_SECONDS or is_waiting(before, now):
            await asyncio.sleep(max(left, _STEP_SECONDS))
            before, now = now, await self._look() or now
            own = self._first + now.at - first.at - waited_seconds(first, now)

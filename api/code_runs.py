"""Runs programs of callers in boxes: so many at one time, so many waiting, each waiting only so long.

A box that broke says nothing of its program, so the program is run once more in another one before that is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.problems import Problem, busy
from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import BoxResult, Limits, Program, Sandbox

TRIES = 2
STOP_SECONDS = 2.0
_NO_BOX = (
    "nothing was run: JUDGE_SANDBOX names no boxes that work on this machine; judge-agent doctor says why"
)


class CodeRuns:
    """The door of one service to its boxes for `POST /run_code`. `sandbox` None: there are no boxes."""

    def __init__(self, sandbox: Sandbox | None, *, running: int, waiting: int) -> None:
        self._sandbox = sandbox
        self._slots = asyncio.Semaphore(running)  # first come, first served
        self._max_waiting = waiting
        self._waiting = 0
        self._stopping = False
        self._clocks: set[asyncio.Timeout] = set()

    @property
    def boxes(self) -> str | None:
        """Which boxes there are, by name and version; None where there are none."""
        return f"{self._sandbox.name}-{self._sandbox.version}" if self._sandbox is not None else None

    @property
    def waiting(self) -> int:
        """How many programs wait for a box at this moment."""
        return self._waiting

    async def run(
        self,
        program: Program,
        limits: Limits,
        *,
        wait_seconds: float,
    ) -> BoxResult:
        """Run a program once there is room. Raises Problem 429, 503 or 504 where there is none, and SandboxError."""
        if self._sandbox is None:
            raise SandboxError(_NO_BOX)
        async with self._slot(wait_seconds), self._until_stopped():
            for _ in range(TRIES - 1):
                try:
                    return await self._sandbox.run(program, limits=limits)
                except SandboxError:
                    continue
            return await self._sandbox.run(program, limits=limits)

    def stop(self) -> None:
        """Send away who waits, with 503, and whoever comes from now on; what runs gets a few seconds more."""
        self._stopping = True
        for _ in range(self._waiting):
            self._slots.release()
        for clock in self._clocks:
            clock.reschedule(asyncio.get_running_loop().time() + STOP_SECONDS)

    @asynccontextmanager
    async def _until_stopped(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(None) as clock:
                self._clocks.add(clock)
                try:
                    yield
                finally:
                    self._clocks.discard(clock)
        except TimeoutError:
            raise busy("the service is stopping; the program was broken off", status=503) from None

    @asynccontextmanager
    async def _slot(self, wait_seconds: float) -> AsyncIterator[None]:
        self._refuse()
        self._waiting += 1
        try:
            async with asyncio.timeout(wait_seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise _timed_out(wait_seconds) from None
        finally:
            self._waiting -= 1
        try:
            if self._stopping:
                raise _stopping()
            yield
        finally:
            self._slots.release()

    def _refuse(self) -> None:
        if self._stopping:
            raise _stopping()
        if self._slots.locked() and self._waiting >= self._max_waiting:
            detail = f"{self._waiting} programs are waiting for a box already (JUDGE_MAX_QUEUED)"
            raise busy(detail, status=429, limit=self._max_waiting)


def _stopping() -> Problem:
    return busy("the service is stopping; the program was not run", status=503)


def _timed_out(seconds: float) -> Problem:
    """504, for clients of SandboxFusion (verl) try again after that status and no other."""
    detail = f"no box was free within {seconds:g} s (compile_timeout and a little); the program was not run"
    return Problem(504, "no_free_box", detail, headers={"Retry-After": "1"})

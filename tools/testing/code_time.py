"""The time that one candidate's code may use for a whole suite, beside its time for each test.

Without it, code that stays just below its time for a test spends the judgment's time, which says nothing against it.
To use up this time is the code's own failure, as it is to use up the time of one test. Only waiting for the code
counts: neither the start of a box nor the work of a test. The time is fixed: were it a share of the judgment's, right
code would fail where a caller is in a hurry.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from judge_agent.seams.sandbox import Limits, Sandbox
from tools.testing.code_box import CodeBox, CodeStopped
from tools.testing.report import Code


class CodeTime:
    """Counts down one code's time; `seconds` is all of it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._left = seconds

    @property
    def used_up(self) -> bool:
        return self._left <= 0

    def at_most(self, seconds: float) -> float:
        return min(seconds, self._left)

    def spend(self, seconds: float) -> None:
        self._left -= seconds

    @contextmanager
    def spending(self) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.spend(time.monotonic() - started)

    def __str__(self) -> str:
        return f"the code used up its {self.seconds:g} s for all tests together"


class TimedCodeBox(CodeBox):
    """A code box whose code has a time for everything that it is asked."""

    def __init__(
        self,
        sandbox: Sandbox,
        code: Code,
        limits: Limits,
        *,
        seconds_per_test: float,
        seed: int,
        code_time: CodeTime,
    ) -> None:
        super().__init__(sandbox, code, limits, seconds_per_test=seconds_per_test, seed=seed)
        self._time = code_time

    async def _exchange(self, line: bytes, seconds: float) -> bytes:
        if self._time.used_up:
            raise CodeStopped(str(self._time), timed_out=True)
        try:
            with self._time.spending():
                return await super()._exchange(line, self._time.at_most(seconds))
        except CodeStopped as stopped:
            if stopped.timed_out and self._time.used_up:
                raise CodeStopped(str(self._time), timed_out=True) from stopped
            raise

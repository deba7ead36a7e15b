"""The time that one candidate's code may use for a whole suite, beside its time for each test.

Without it, code that stays just below its time for a test spends the judgment's time, which says nothing against it.
To use up this time is the code's own failure, as it is to use up the time of one test. Only waiting for the code
counts: neither the start of a box nor the work of a test, nor what a busy machine took from the code. The time is
fixed: were it a share of the judgment's, right code would fail where a caller is in a hurry.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from judge_agent.seams.sandbox import Box, Limits, Sandbox
from tools.testing.code_box import CodeBox, CodeStopped
from tools.testing.report import Code


class CodeTime:
    """Counts down one code's time; `seconds` is all of it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._left = seconds
        self._given_back: tuple[Box, float] | None = None

    @property
    def used_up(self) -> bool:
        return self._left <= 0

    def at_most(self, seconds: float) -> float:
        return min(seconds, self._left)

    async def at_most_in(self, box: Box, seconds: float) -> float:
        """The same for a box that runs: what it waited for a processor is given back first. Raises SandboxError."""
        if self._left < seconds:
            self.give_back(box, await box.waited())
        return self.at_most(seconds)

    def give_back(self, box: Box, waited_seconds: float) -> None:
        """Note how long a box has waited for a processor since its start; boxes run one after the other."""
        known = self._given_back[1] if self._given_back is not None and self._given_back[0] is box else 0.0
        self._left = min(self.seconds, self._left + max(0.0, waited_seconds - known))
        self._given_back = box, max(known, waited_seconds)

    def spend(self, seconds: float) -> None:
        self._left -= seconds

    def use_up(self) -> None:
        """A limit that was what is left of this time was hit: nothing that is given back later changes that."""
        self._left = float("-inf")

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
        assert self._box is not None
        most = await self._time.at_most_in(self._box, seconds)
        if self._time.used_up:
            raise CodeStopped(str(self._time), timed_out=True)
        try:
            with self._time.spending():
                return await super()._exchange(line, most)
        except CodeStopped as stopped:
            if stopped.timed_out and (most < seconds or self._time.used_up):
                self._time.use_up()
                raise CodeStopped(str(self._time), timed_out=True) from stopped
            raise

    async def _drop(self) -> None:
        if self._box is not None:
            self._time.give_back(self._box, (await self._box.stop()).waited_seconds)
        await super()._drop()

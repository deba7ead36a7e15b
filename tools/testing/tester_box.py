"""The host between the two boxes: relays calls of the tester to the code, times both, keeps the results.

What the host saw itself (a death, a time limit) stands whatever the tester says. A tester that hangs or dies is started
again for the tests that are left, a few times.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from judge_agent.seams.progress import progress
from judge_agent.seams.sandbox import Box, BoxClosed, Sandbox, Warm
from tools.testing.code_box import (
    LOAD_SECONDS,
    CodeBox,
    CodeGivenUp,
    CodeStopped,
    Loaded,
    box_limits,
    program,
    text_or_none,
)
from tools.testing.code_time import CodeTime
from tools.testing.codec import parse
from tools.testing.report import Code, Isolation, TestResult, TestStatus, Visibility

MAX_TESTER_STARTS = 3
# Of one test whose text may go on without end: each call is quick, so that no time limit of a call ends it. Counted,
# not timed: a busy machine changes no result. The judge's model may spend less of the judgment's time.
MAX_CALLS_OF_AN_UNBOUNDED_TEST: dict[Visibility, int] = {"model": 1000}
MAX_CALLS_ELSE = 20_000  # tests that try random values may make many calls and still end
MAX_MESSAGES = 50_000  # of one run: a box that the code shares may write without end
MAX_MESSAGE_BYTES = 16 * 1024  # but for a call, which is handed on unread
_CALL = b'{"op":"call",'
_STATUSES: dict[str, TestStatus] = {
    "pass": "pass",
    "fail": "fail",
    "error": "error",
    "broken": "broken",
    "skipped": "skipped",
}


@dataclass(frozen=True)
class TextTest:
    """One test that is text. `kind` is assert, check, pytest or doctest; results may be several per text."""

    name: str
    visibility: Visibility
    kind: str
    source: str


@dataclass
class _Run:
    """What is known so far: results by name, the test that runs now, which tests ended or must share a box.

    `slow_test`: a shared box said that the time of the current test did not go into one call of the code.
    `bounded`: by name of text, whether it ends soon on any plain value, as the split run tells. `lazy`: the code gave
    the current test a value that takes long to go through. Such a test hangs by the code's doing. `was_killed`: a
    tester was killed from outside, and what it had not told was run again, once.
    """

    tests: Sequence[TextTest]
    shared: bool
    results: dict[str, TestResult] = field(default_factory=dict)
    to_share: dict[str, str] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    current: str | None = None
    started: float = 0.0
    verdict: tuple[TestStatus, str] | None = None
    slow_test: bool = False
    bounded: dict[str, bool] = field(default_factory=dict)
    calls: int = 0
    lazy: bool = False
    messages: int = 0
    was_killed: bool = False

    def test_of(self, name: str) -> TextTest | None:
        """The text that a result belongs to: `hidden.0` of `hidden.0::test_x`, `doctest` of `doctest.3`."""
        return next(
            (
                test
                for test in self.tests
                if name == test.name or name.startswith((f"{test.name}::", f"{test.name}."))
            ),
            None,
        )

    @property
    def most_calls(self) -> float:
        """How often the current test may call the code; a text that is bounded ends by itself."""
        test = self.test_of(self.current or "")
        if test is None or self.bounded.get(test.name, False):
            return math.inf
        return MAX_CALLS_OF_AN_UNBOUNDED_TEST.get(test.visibility, MAX_CALLS_ELSE)


class _CallsWithoutEnd(Exception):
    """A test keeps calling the code."""


class TesterBox:
    """Runs text tests of one suite against one candidate's code."""

    def __init__(
        self,
        sandbox: Sandbox,
        code: Code,
        *,
        seconds_per_test: float,
        total_seconds: float,
        seed: int,
        code_time: CodeTime,
    ) -> None:
        self._sandbox = sandbox
        self._code = code
        self._seconds = seconds_per_test
        self._limits = box_limits(total_seconds)
        self._seed = seed
        self._time = code_time

    async def run(self, tests: Sequence[TextTest], loaded: Loaded, box: CodeBox) -> list[TestResult]:
        """Run split what can be split, then the rest in one box with the code. Raises SandboxError."""
        if not tests:
            return []
        split = _Run(tests, shared=False)
        await self._run_all(split, {"names": loaded.names, "constants": loaded.constants}, box)
        if not split.to_share:
            return list(split.results.values())
        texts = [test for test in tests if any(_belongs(name, test) for name in split.to_share)]
        shared = _Run(texts, shared=True, bounded=split.bounded)
        await self._run_all(shared, {"names": {}, "constants": {}}, None)
        again = [result for name, result in shared.results.items() if _must_share(name, split.to_share)]
        results = [*split.results.values(), *again]
        return [*results, *self._vanished(split, shared)]

    def _vanished(self, split: _Run, shared: _Run) -> list[TestResult]:
        """A test that had to share a box with the code and came back without a result: the code's doing."""
        missing = []
        for name in split.to_share:
            test = split.test_of(name)
            if test is None or any(_must_share(found, {name: ""}) for found in shared.results):
                continue
            end = shared.results.get(test.name)
            message = end.message if end is not None else "the run ended without its result"
            gone = self._result(shared, name, test, "error", f"in one box with the code: {message}")
            missing.append(replace(gone, certain=end is None or end.status != "timeout" or end.certain))
        return missing

    async def _run_all(self, run: _Run, names: dict[str, Any], box: CodeBox | None) -> None:
        for _ in range(MAX_TESTER_STARTS):
            left = [test for test in run.tests if test.name not in run.done]
            if not left:
                return
            if run.shared and self._time.used_up:
                self._end_for_good(run, left)
                return
            await self._run_once(run, left, names, box)
        for test in run.tests:
            if test.name not in run.done:
                message = f"not run: the tests ended their own process {MAX_TESTER_STARTS} times"
                run.results[test.name] = self._result(run, test.name, test, "not_run", message)

    def _end_for_good(self, run: _Run, tests: Sequence[TextTest]) -> None:
        """The time of the code for all tests went into those before: it is the code's where their texts are bounded."""
        certain = all(run.bounded.values())
        for test in tests:
            result = self._result(run, test.name, test, "timeout", str(self._time))
            run.results[test.name] = replace(result, certain=certain)

    async def _run_once(
        self, run: _Run, tests: Sequence[TextTest], names: dict[str, Any], box: CodeBox | None
    ) -> None:
        warm: Warm = "pytest" if any(test.kind == "pytest" for test in tests) else "python"
        tester_program = program("tools.testing.in_box.tester", self._seed, warm)
        async with self._sandbox.open(tester_program, limits=self._limits) as tester:
            setup = self._setup(run, tests, names)
            run.current = None
            try:
                await tester.send(json.dumps(setup).encode())
                await self._relay(run, tester, box)
            except _CallsWithoutEnd as endless:
                self._close_current(run, tests, "timeout", str(endless))
            except TimeoutError:
                late = f"the test did not end within {self._seconds:g} s"
                message = str(self._time) if run.shared and self._time.used_up else late
                self._close_current(run, tests, "timeout", message)
            except BoxClosed as error:
                # What was killed from outside says nothing of a test; one that kills itself does so again.
                if (await tester.stop()).was_killed and not run.was_killed:
                    run.was_killed = True
                    return
                self._close_current(run, tests, "error", f"the test ended its own process: {error}")
            except (ValueError, KeyError, TypeError) as error:
                self._close_current(run, tests, "error", f"the test ended its own process: {error}")
            finally:
                if run.shared:
                    self._time.give_back(tester, (await tester.stop()).waited_seconds)

    def _setup(self, run: _Run, tests: Sequence[TextTest], names: dict[str, Any]) -> dict[str, Any]:
        return {
            **names,
            "shared": run.shared,
            "entry_point": self._code.entry_point,
            "prompt": self._code.prompt,
            "code": self._code.source if run.shared else "",
            "module_names": self._code.names,
            "seconds": self._seconds,
            "tests": [{"kind": test.kind, "name": test.name, "source": test.source} for test in tests],
        }

    async def _relay(self, run: _Run, tester: Box, box: CodeBox | None) -> None:
        """Serve the tester until it is done. Raises BoxClosed, TimeoutError, ValueError."""
        seconds = LOAD_SECONDS
        while True:
            line = await self._next_line(run, tester, seconds)
            seconds = self._seconds
            if box is not None and line.startswith(_CALL):
                await self._relay_call(run, tester, box, line)
                continue
            message = await self._read(run, line)
            if message["op"] == "slow_test":
                run.slow_test = True
                passed = time.monotonic() - run.started
                seconds = max(0.0, self._seconds - passed + min(passed, await tester.waited()))
                continue
            if message["op"] == "done":
                run.done.update(test.name for test in run.tests)
                return
            if message["op"] == "unloadable":
                raise ValueError("the code did not load beside its tests")
            if message["op"] == "start":
                self._begin(run, str(message["name"]), bounded=message.get("bounded") is True)
            elif message["op"] == "result":
                self._record(run, message)
            elif message["op"] == "doubt" and str(message["name"]) in run.results and not run.shared:
                name = str(message["name"])
                run.results[name] = replace(run.results[name], certain=False)
            elif message["op"] == "lazy" and not run.shared:
                run.lazy = True
            else:
                raise ValueError("an unknown message")

    async def _read(self, run: _Run, line: bytes) -> dict[str, Any]:
        """Read one message, and let others go on: lines that are there already are taken without a wait."""
        run.messages += 1
        if run.messages > MAX_MESSAGES or len(line) > MAX_MESSAGE_BYTES:
            raise ValueError(f"a message of {len(line)} bytes, or more than {MAX_MESSAGES} of them")
        await asyncio.sleep(0)
        message = parse(line)
        if not isinstance(message, dict):
            raise ValueError("a message that is no object")
        return message

    async def _next_line(self, run: _Run, tester: Box, seconds: float) -> bytes:
        """In a box that the code shares, its time cannot be told from the test's: all of it counts as the code's."""
        if not run.shared:
            return await tester.receive(timeout_seconds=seconds)
        most = await self._time.at_most_in(tester, seconds)
        try:
            with self._time.spending():
                return await tester.receive(timeout_seconds=max(0.0, most))
        except TimeoutError:
            if most < seconds:
                self._time.use_up()
            raise

    async def _relay_call(self, run: _Run, tester: Box, box: CodeBox, line: bytes) -> None:
        if run.calls >= run.most_calls:
            raise _CallsWithoutEnd(f"the test called the code {run.calls} times and did not end")
        try:
            reply = await box.call_line(line)
        except CodeStopped as stopped:
            run.verdict = ("timeout" if stopped.timed_out else "error"), str(stopped)
            reply = json.dumps({"stopped": str(stopped)}).encode()
        except CodeGivenUp as given_up:
            run.verdict = "not_run", str(given_up)
            reply = json.dumps({"stopped": str(given_up)}).encode()
        run.calls += 1
        await tester.send(reply)

    def _begin(self, run: _Run, name: str, *, bounded: bool) -> None:
        test = run.test_of(name)
        if run.current is not None and test is not None:
            before = run.test_of(run.current)
            if before is not None and before.name != test.name:
                run.done.add(before.name)
        run.current, run.started, run.verdict, run.slow_test = name, time.monotonic(), None, False
        run.calls, run.lazy = 0, False
        if test is not None and not run.shared:
            run.bounded[test.name] = bounded

    def _record(self, run: _Run, message: dict[str, Any]) -> None:
        name, test = str(message["name"]), run.test_of(str(message["name"]))
        if test is None:
            raise ValueError("a result of an unknown test")
        if message["status"] == "shared" and not run.shared and run.verdict is None:
            run.to_share[name] = str(message["message"])
            return
        status, text = run.verdict or (_STATUSES[message["status"]], str(message["message"]))
        result = self._result(run, name, test, status, text)
        certain = run.shared or run.verdict is not None or message.get("certain") is not False
        lacks = text_or_none(message.get("lacks"))
        touched = message.get("touched") is True
        run.results[name] = replace(result, certain=certain, lacks=lacks, touched=touched)
        progress(len(run.results), len(run.tests), "tests")

    def _close_current(self, run: _Run, tests: Sequence[TextTest], status: TestStatus, message: str) -> None:
        """The tester stopped in a test: note it, and leave that text out of the next start."""
        name = run.current or tests[0].name
        test = run.test_of(name) or tests[0]
        run.done.add(test.name)
        status, message = run.verdict or (status, message)
        result = self._result(run, name, test, status, message)
        run.results[name] = replace(result, certain=run.verdict is not None or _is_the_codes_doing(run, test))

    def _result(self, run: _Run, name: str, test: TextTest, status: TestStatus, message: str) -> TestResult:
        seconds = time.monotonic() - run.started if run.started else 0.0
        isolation: Isolation = "shared" if run.shared else "split"
        return TestResult(name[:200], test.visibility, status, message[:400], seconds, isolation)


def _is_the_codes_doing(run: _Run, test: TextTest) -> bool:
    """Whether it is for sure the code that keeps the current test from its end, outside a call in its own box."""
    bounded = run.bounded.get(test.name, False)
    if run.shared:
        return bounded or not run.slow_test
    return run.lazy or (bounded and run.calls > 0)


def _belongs(name: str, test: TextTest) -> bool:
    return name == test.name or name.startswith((f"{test.name}::", f"{test.name}."))


def _must_share(name: str, to_share: dict[str, str]) -> bool:
    """Whether a test, or the whole file that it is in, could not be split."""
    return name in to_share or any(name.startswith((f"{whole}::", f"{whole}.")) for whole in to_share)

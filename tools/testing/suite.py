"""Runs a whole suite against one candidate's code: picks the way of each kind, gathers one report.

Results are known one by one: who runs out of time, or loses the box, keeps those that are there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from judge_agent.errors import SandboxError
from judge_agent.schema.request import TestKind
from judge_agent.seams.progress import progress
from judge_agent.seams.sandbox import Sandbox
from tools.testing.call_tests import run_call_tests
from tools.testing.code_box import MAX_TIMEOUTS, CodeBox, Loaded, box_limits
from tools.testing.code_time import CodeTime, TimedCodeBox
from tools.testing.lacking import without_lacks
from tools.testing.other_machine import without_limits_of
from tools.testing.report import Code, Report, TestResult, Unloadable, Visibility
from tools.testing.stdio_tests import run_stdio_test
from tools.testing.tester_box import TesterBox, TextTest, _Run


@dataclass(frozen=True)
class Item:
    """One test as the caller wrote it; `index` is its place among those of its visibility."""

    visibility: Visibility
    index: int
    content: Any

    @property
    def name(self) -> str:
        """`hidden.0`: unique among the tests of one report."""
        return f"{self.visibility}.{self.index}"


@dataclass(frozen=True)
class Suite:
    """Tests of one kind, and a text whose doctests run too.

    `seconds_per_test` is the time that the code has for one test, its own and fixed; for all tests together it has
    `seconds_per_suite`, where the judgment leaves it so much. `results` fills while the suite runs.
    """

    kind: TestKind
    items: Sequence[Item]
    doctests: str | None = None
    atol: float | None = None
    seconds_per_test: float = 10.0
    total_seconds: float = 100.0
    seed: int = 0
    seconds_per_suite: float = 60.0
    results: list[TestResult] = field(default_factory=list)


async def run_suite(sandbox: Sandbox, code: Code, suite: Suite) -> Report:
    """Run every test; say which ended for lack of a module. Raises SandboxError when a box, not the code, failed."""
    report = without_limits_of(sandbox, await _run_all(sandbox, code, suite))
    return await without_lacks(sandbox, code, report, _texts_of(suite), suite.seed)


def _texts_of(suite: Suite) -> list[str]:
    runner = (
        ["import pytest"] if suite.kind == "pytest" else []
    )  # what such a file needs, whatever it imports
    return [*runner, *(item.content for item in suite.items if isinstance(item.content, str))]


async def _run_all(sandbox: Sandbox, code: Code, suite: Suite) -> Report:
    if suite.kind == "stdio":
        return await _run_stdio(sandbox, code, suite)
    limits, code_time = box_limits(suite.total_seconds), _code_time(suite)
    async with TimedCodeBox(
        sandbox,
        code,
        limits,
        seconds_per_test=suite.seconds_per_test,
        seed=suite.seed,
        code_time=code_time,
    ) as box:
        loaded = await box.load()
        if isinstance(loaded, Unloadable):
            return Report(unloadable=loaded)
        texts: list[TextTest] = []
        if suite.kind == "call":
            calls = [(item.visibility, item.index, item.content) for item in suite.items]
            await run_call_tests(box, code.entry_point or "", calls, suite.atol, suite.results)
        else:
            texts += [TextTest(item.name, item.visibility, suite.kind, item.content) for item in suite.items]
        if suite.doctests is not None:
            texts.append(TextTest("doctest", "doctest", "doctest", suite.doctests))
        tester = _OpenTester(
            sandbox,
            code,
            seconds_per_test=suite.seconds_per_test,
            total_seconds=suite.total_seconds,
            seed=suite.seed,
            code_time=code_time,
        )
        suite.results.extend(await _run_texts(tester, suite, texts, loaded, box))
        return Report(tuple(suite.results), assembled=loaded.assembled)


def _code_time(suite: Suite) -> CodeTime:
    return CodeTime(suite.seconds_per_suite)


async def _run_texts(
    tester: _OpenTester, suite: Suite, texts: Sequence[TextTest], loaded: Loaded, box: CodeBox
) -> list[TestResult]:
    try:
        return await tester.run(texts, loaded, box)
    except (asyncio.CancelledError, SandboxError):  # the judgment's time is over, or the box failed
        suite.results.extend(tester.known.values())
        raise


class _OpenTester(TesterBox):
    """Shows the results of the split run while it goes on."""

    known: Mapping[str, TestResult] = MappingProxyType({})

    async def _run_all(self, run: _Run, names: dict[str, Any], box: CodeBox | None) -> None:
        if not run.shared:
            self.known = run.results
        await super()._run_all(run, names, box)


async def _run_stdio(sandbox: Sandbox, code: Code, suite: Suite) -> Report:
    """Run the programs one after the other; after too many timeouts the rest is given up."""
    code_time = _code_time(suite)
    for item in suite.items:
        suite.results.append(await _run_program(sandbox, code, suite, item, code_time))
        progress(len(suite.results), len(suite.items), "tests")
    return Report(tuple(suite.results), assembled="code")


async def _run_program(
    sandbox: Sandbox, code: Code, suite: Suite, item: Item, code_time: CodeTime
) -> TestResult:
    if sum(result.status == "timeout" for result in suite.results) >= MAX_TIMEOUTS:
        return TestResult(item.name, item.visibility, "not_run", "not run: the program timed out twice")
    if code_time.used_up:
        return TestResult(item.name, item.visibility, "timeout", str(code_time))
    most = code_time.at_most(suite.seconds_per_test)
    result = await run_stdio_test(
        sandbox,
        code.source,
        item.content,
        item.name,
        item.visibility,
        atol=suite.atol,
        seconds=most,
        seed=suite.seed,
    )
    code_time.spend(result.seconds)
    if result.status != "timeout" or not (most < suite.seconds_per_test or code_time.used_up):
        return result
    code_time.use_up()  # it was the time for all tests that ended this one
    return replace(result, message=str(code_time))

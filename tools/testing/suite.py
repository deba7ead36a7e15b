"""Runs a whole suite against one candidate's code: picks the way of each kind, gathers one report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from judge_agent.schema.request import TestKind
from judge_agent.seams.sandbox import Sandbox
from tools.testing.call_tests import run_call_tests
from tools.testing.code_box import CodeBox, box_limits
from tools.testing.report import Code, Report, TestResult, Unloadable, Visibility


@dataclass(frozen=True)
class Item:
    """One test as the caller wrote it; `index` is its place among those of its visibility."""

    visibility: Visibility
    index: int
    content: Any

    @property
    def name(self) -> str:
        return f"{self.visibility}.{self.index}"


@dataclass(frozen=True)
class Suite:
    """Tests of one kind. `seconds_per_test` is the time that the code has for one test, its own and fixed."""

    kind: TestKind
    items: Sequence[Item]
    atol: float | None = None
    seconds_per_test: float = 10.0
    total_seconds: float = 100.0
    seed: int = 0


async def run_suite(sandbox: Sandbox, code: Code, suite: Suite) -> Report:
    """Run every test. Raises SandboxError when a box, not the code in it, failed."""
    if suite.kind == "call":
        return await _run_calls(sandbox, code, suite)
    raise ValueError(f"kind {suite.kind!r}")


async def _run_calls(sandbox: Sandbox, code: Code, suite: Suite) -> Report:
    limits = box_limits(suite.total_seconds)
    async with CodeBox(
        sandbox, code, limits, seconds_per_test=suite.seconds_per_test, seed=suite.seed
    ) as box:
        loaded = await box.load()
        if isinstance(loaded, Unloadable):
            return Report(unloadable=loaded)
        tests = [(item.visibility, item.index, item.content) for item in suite.items]
        results: list[TestResult] = await run_call_tests(box, code.entry_point or "", tests, suite.atol)
        return Report(tuple(results), assembled=loaded.assembled)

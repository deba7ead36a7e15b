"""Runs the task's tests, and the doctests of its prompt, against the code that a candidate wrote.

The code runs in one box, the tests in another (or, for plain data, on the host); what cannot be split is marked
`isolation: shared`. Each test gives the code its own fixed time: a `timeout` result is the code's own doing and counts
as a failed test, and so does using up its time for all tests together (60 s). What a busy machine took from it is not
counted (`sandboxes/waiting.py`). The judgment's time is another matter: when that runs out first, a test that failed
before refutes the answer; without one, BudgetExceeded (`deadline`) is raised and nothing is said of it. Likewise a box
that fails, or a machine too busy to tell whether the code is slow, raises SandboxError, and a module that the boxes
lack ToolError (`tool_unavailable`), where no other test refutes the answer.

Does not know which of two contradicting tests is right, and cannot see behaviour that no test asks for.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field

from judge_agent.errors import BudgetExceeded, JudgeError, SandboxError, ToolError
from judge_agent.schema import PrincipleSpec, Tests
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import DecidingTool, Finding, OpeningCall, ToolResult, ToolView
from judge_agent.trajectory import CodeUnderTest, code_under_test, fenced_blocks
from tools.testing.marks import marks
from tools.testing.report import Code, Report, TestResult
from tools.testing.suite import Item, Suite, run_suite
from tools.testing.verdict import decide, decide_what_is_known, lacking

_REPORTING_SECONDS = 0.5  # kept back, so that what is known when the time is over still counts
_WORTH_TELLING_SECONDS = 0.5
MAX_MODEL_ASSERTIONS = 8
MAX_ASSERTION_CHARS = 2000
_LACKING = (
    "the boxes of this service lack the module {module!r}, which the code or its tests import; that says nothing of "
    "the answer. To add it, install it beside the service and name its folders in sandboxes/interpreter.py:PACKAGES"
)


@dataclass(frozen=True)
class RunTestsLimits:
    """Ceilings of one run: seconds that the code has for one test and for all of them, tests that are shown, and of the
    model's own assertions their number and the characters of each.
    """

    seconds_per_test: float = 10.0
    seconds_per_suite: float = 60.0
    shown_tests: int = 40
    assertions: int = MAX_MODEL_ASSERTIONS
    assertion_chars: int = MAX_ASSERTION_CHARS


class RunTests(DecidingTool):
    """The tool `run_tests`. Its limits are part of its version: others can give other results."""

    name = "run_tests"
    decides = PrincipleSpec(
        name="passes_tests",
        description="The candidate's code passes the tests of the task.",
        kind="hard",
        dimension="correctness",
        tool=name,
    )

    def __init__(
        self,
        sandbox: Sandbox | None,
        *,
        limits: RunTestsLimits | None = None,
        concurrent_runs: int = 2,
    ) -> None:
        self._sandbox = sandbox
        self.limits = limits or RunTestsLimits()
        self._slots = asyncio.Semaphore(concurrent_runs)  # first come, first served
        box = f"{sandbox.name}-{sandbox.version}" if sandbox is not None else "no box"
        self.version = f"9/{box}/{self.limits.seconds_per_test:g}s/{self.limits.seconds_per_suite:g}s"

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        """One call where tests are given (an answer without code fails them), or doctests and code."""
        tests = _tests(view)
        if tests is not None:
            return (OpeningCall(),)
        if not has_doctests(view.task.prompt):  # known at once; what the code is costs a look at every line
            return ()
        code = _code_of(view)
        if code is not None and answers_doctests(view.task.prompt, code.source):
            return (OpeningCall(),)
        return ()

    def offered(self, view: ToolView) -> bool:
        """Where the answer holds code, or is held to tests."""
        code = _code_of(view)
        if (
            code is not None
            and code.origin == "final_answer"
            and not fenced_blocks(view.trajectory.final_answer or "")
        ):
            code = None
        return code is not None or bool(self.opening_calls(view))

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Run the tests, or the model's own assertions. Raises ValueError, SandboxError, BudgetExceeded."""
        if arguments:
            return await super().run(arguments, view, timeout_seconds=timeout_seconds)
        return await self._ran((), view, timeout_seconds)

    async def asked(
        self,
        view: ToolView,
        *,
        assertions: Annotated[
            tuple[Annotated[str, Field(max_length=MAX_ASSERTION_CHARS)], ...],
            Field(min_length=1, max_length=MAX_MODEL_ASSERTIONS),
        ],
        timeout_seconds: float,
    ) -> ToolResult:
        """Runs the task's tests against the candidate's code in an isolated box. You may give up to 8 assert statements
        of your own that call the candidate's functions.

        assertions: Python assert statements that call the candidate's functions by name.
        """
        most, chars = self.limits.assertions, self.limits.assertion_chars
        if len(assertions) > most:
            raise ValueError(f"{len(assertions)} assertions given; the limit is assertions={most}")
        if (longest := max(map(len, assertions))) > chars:
            raise ValueError(
                f"assertions: one has {longest} characters; the limit is assertion_chars={chars}"
            )
        return await self._ran(assertions, view, timeout_seconds)

    async def _ran(self, assertions: Sequence[str], view: ToolView, timeout_seconds: float) -> ToolResult:
        code = _code_of(view)
        if code is None:
            return _no_code(_tests(view), assertions)
        if self._sandbox is None:
            raise ToolError(
                "run_tests needs a box; JUDGE_SANDBOX names none that works here (judge-agent doctor)"
            )
        if assertions:
            suite = self._assertions_suite(assertions, view, timeout_seconds)
        else:
            suite = self._given_suite(view, timeout_seconds)
        shown, asked, began = self.limits.shown_tests, time.monotonic(), None
        try:
            async with asyncio.timeout(max(timeout_seconds - _REPORTING_SECONDS, 0.9 * timeout_seconds)):
                async with self._slots:
                    began = time.monotonic()
                    report = await run_suite(self._sandbox, _code(code, view, _tests(view)), suite)
        except TimeoutError as error:
            late = BudgetExceeded("deadline", _too_late(timeout_seconds, asked, began))
            return _cut_short(code, suite, late, error, shown, asked_by_model=bool(assertions))
        except SandboxError as error:
            return _cut_short(code, suite, error, None, shown, asked_by_model=bool(assertions))
        if (module := lacking(report)) is not None:
            raise ToolError(_LACKING.format(module=module))
        if assertions:
            return _result(code, report, _hint(report), shown)
        return _with_marks(_result(code, report, decide(report), shown), report.results)

    def _given_suite(self, view: ToolView, seconds: float) -> Suite:
        tests = _tests(view)
        doctests = view.task.prompt if has_doctests(view.task.prompt) else None
        suite = replace(self._suite(view, seconds), doctests=doctests)
        if tests is None:
            return suite
        items = [Item("visible", index, item) for index, item in enumerate(tests.visible)]
        items += [Item("hidden", index, item) for index, item in enumerate(tests.hidden)]
        return replace(suite, kind=tests.kind, items=items, atol=tests.atol)

    def _assertions_suite(self, assertions: Sequence[str], view: ToolView, seconds: float) -> Suite:
        items = [Item("model", index, text) for index, text in enumerate(assertions)]
        return replace(self._suite(view, seconds), items=items)

    def _suite(self, view: ToolView, seconds: float) -> Suite:
        limits = self.limits
        return Suite(
            "assert", (), None, None, limits.seconds_per_test, seconds, view.seed, limits.seconds_per_suite
        )


def _code_of(view: ToolView) -> CodeUnderTest | None:
    """The code of the answer; among several blocks the one that defines the entry point."""
    tests = _tests(view)
    return code_under_test(view.trajectory, tests.entry_point if tests is not None else None)


def _hint(report: Report) -> Finding:
    """The model's own assertions may be wrong: they hint, they never decide."""
    statuses = [result.status for result in report.results]
    if report.unloadable is not None:
        return Finding("refutes", "hint", None, report.unloadable.reason)
    if "fail" in statuses:
        reason = f"{statuses.count('fail')} of the judge's assertions fail"
        return Finding("refutes", "hint", None, reason)
    if statuses and set(statuses) == {"pass"}:
        return Finding("confirms", "hint", None, "the judge's own assertions pass")
    return Finding("none", "hint", None, "no assertion could be run")


def has_doctests(prompt: str) -> bool:
    return any(line.lstrip().startswith(">>> ") for line in prompt.splitlines())


def answers_doctests(prompt: str, code: str) -> bool:
    """Whether the code defines something that the prompt's doctests call: else it is no answer to them."""
    examples = "\n".join(line for line in prompt.splitlines() if line.lstrip().startswith(">>> "))
    called = set(re.findall(r"\b([A-Za-z_]\w*)\(", examples))
    defined = set(re.findall(r"^(?:async )?(?:def|class) (\w+)", code, re.MULTILINE))
    return bool(called & defined)


def _tests(view: ToolView) -> Tests | None:
    tests = view.task.reference.tests
    return tests if tests is not None and (tests.visible or tests.hidden) else None


def _code(code: CodeUnderTest, view: ToolView, tests: Tests | None) -> Code:
    prompt = view.task.prompt
    blocks = fenced_blocks(prompt)
    entry_point = tests.entry_point if tests is not None else None
    names = ["solution", *(name for name in (entry_point,) if name)]
    artifacts = [artifact for artifact in view.trajectory.artifacts if artifact.kind == "code"]
    if code.origin == "artifact" and artifacts:
        names.append(artifacts[-1].name.removesuffix(".py"))
    own = frozenset(re.split(r"[./]", artifact.name, maxsplit=1)[0] for artifact in view.trajectory.artifacts)
    return Code(code.source, blocks[-1] if blocks else prompt, entry_point, tuple(dict.fromkeys(names)), own)


def _too_late(timeout_seconds: float, asked: float, began: float | None) -> str:
    """Say where the judgment's time went: who waited for a free box was not slow itself."""
    late = f"tool 'run_tests' exceeded timeout_seconds={timeout_seconds:g}"
    waited = (began or time.monotonic()) - asked
    if began is None:
        return f"{late}: it waited {waited:.1f} s for a free box and never ran; raise budget.seconds"
    if waited >= _WORTH_TELLING_SECONDS:
        return (
            f"{late}, {waited:.1f} of them waiting for a free box; raise budget.seconds or send fewer at once"
        )
    return f"{late}; raise budget.seconds"


def _no_code(tests: Tests | None, assertions: Sequence[str]) -> ToolResult:
    """Tests were given, so code was asked for: an answer without any cannot pass them."""
    reason = "the answer holds no code to test"
    if tests is None or assertions:
        return ToolResult("failed", {"reason": reason}, (Finding("none", "hint", None, reason),))
    refuted = ToolResult("failed", {"reason": reason}, (Finding("refutes", "decisive", 0.0, reason),))
    return _with_marks(refuted, ())


def _with_marks(result: ToolResult, results: Sequence[TestResult]) -> ToolResult:
    """The result with a sign per test, by which the members of a group are compared; no prompt shows flags."""
    return replace(result, flags={**result.flags, "tests": marks(results)})


def _cut_short(
    code: CodeUnderTest,
    suite: Suite,
    why: JudgeError,
    cause: Exception | None,
    shown: int,
    *,
    asked_by_model: bool,
) -> ToolResult:
    """What is known although the run did not come to its end; raises `why` where that decides nothing."""
    if (finding := decide_what_is_known(suite.results)) is None:
        raise why from cause or why.__cause__
    flag = "cut_short_by_the_deadline" if isinstance(why, BudgetExceeded) else "cut_short_by_a_failed_box"
    cut = _result(code, Report(tuple(suite.results)), finding, shown, cut_short=flag)
    return cut if asked_by_model else _with_marks(cut, suite.results)


def _result(
    code: CodeUnderTest, report: Report, finding: Finding, most: int, *, cut_short: str = ""
) -> ToolResult:
    findings = [finding]
    if code.step_id is not None and finding.bearing != "none":
        findings.append(replace(finding, step_id=code.step_id))
    shown = sorted(report.results, key=lambda result: result.status == "pass")[:most]
    output = {
        "code": {"origin": code.origin, "sha256": _sha256(code.source), "assembled": report.assembled},
        "summary": _summary(report),
        "unloadable": report.unloadable.reason if report.unloadable else None,
        "tests": [result.as_json() for result in shown],
    }
    return ToolResult(
        "failed" if report.unloadable else "ok",
        output,
        tuple(findings),
        truncated=bool(cut_short) or len(shown) < len(report.results),
        checked={"tests": len(report.results)},
        flags=_flags(report) | ({cut_short: True} if cut_short else {}),
    )


def _flags(report: Report) -> dict[str, Any]:
    """What a reader of the verdict must know: tests that say less than they seem to."""
    results = report.results
    counts = {
        "broken_tests": sum(result.status == "broken" for result in results),
        "tests_lacking_a_module": sum(result.status == "lacking" for result in results),
        "skipped_tests": sum(result.status == "skipped" for result in results),
        "tests_not_run": sum(result.status == "not_run" for result in results),
        "tests_in_one_box_with_the_code": sum(result.isolation == "shared" for result in results),
        "tests_out_of_their_own_time": sum(result.status == "timeout" for result in results),
        "doctests_failed": sum(
            result.visibility == "doctest" and result.status in ("fail", "error") for result in results
        ),
    }
    return {name: count for name, count in counts.items() if count}


def _summary(report: Report) -> dict[str, int]:
    counts: dict[str, int] = {}
    for result in report.results:
        key = f"{result.visibility}_{result.status}"
        counts[key] = counts.get(key, 0) + 1
    return counts


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

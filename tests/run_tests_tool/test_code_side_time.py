"""Slow code uses up its own time, not the judgment's; what failed before the judgment's time was over still counts."""

import asyncio
import re

import pytest

from judge_agent.errors import BudgetExceeded
from judge_agent.schema import CallTest, StdioTest
from tools.run_tests import RunTests, RunTestsLimits
from tools.testing.report import TestResult
from tools.testing.verdict import decide_what_is_known

pytestmark = pytest.mark.anyio
SQUARES = [CallTest(args=(n,), expected=n * n) for n in range(8)]
CHECKS = [f"def check(candidate):\n    assert candidate({n}) == {n * n}" for n in range(8)]
SLOW = "def f(x):\n    time.sleep(0.5)\n    return x * x"


@pytest.fixture
def short_tool(sandbox):
    return RunTests(sandbox, limits=RunTestsLimits(seconds_per_test=0.8, seconds_per_suite=2))


@pytest.mark.parametrize("kind", ["call", "check"])
async def test_code_just_below_its_time_in_every_call_is_refuted(kind, short_tool, view):
    hidden = SQUARES if kind == "call" else CHECKS
    result = await short_tool.run(
        {}, view("import time\n" + SLOW, kind, hidden, entry_point="f"), timeout_seconds=8
    )
    assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "decisive")
    assert "used up its 2 s for all tests together" in result.findings[0].reason


async def test_a_program_just_below_its_time_in_every_run_is_refuted(short_tool, view):
    program = "import time\n" + SLOW + "\nprint(f(int(input())))"
    tests = [StdioTest(stdin=f"{n}\n", stdout=f"{n * n}\n") for n in range(8)]
    result = await short_tool.run({}, view(program, "stdio", tests), timeout_seconds=8)
    assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "decisive")


async def test_methods_just_below_their_time_in_every_test_are_refuted(short_tool, view):
    code = "import time\nclass Square:\n    def __init__(self, x): time.sleep(0.5)\n    def area(self): return 49"
    tests = ["assert Square(7).area() == 49"] * 20
    result = await short_tool.run({}, view(code, "assert", tests, entry_point="Square"), timeout_seconds=8)
    assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "decisive")
    assert "used up its 2 s for all tests together" in result.findings[0].reason


async def test_code_that_takes_its_time_to_load_is_refuted(short_tool, view):
    code = "import time\ntime.sleep(30)\ndef f(x): return 0"
    result = await short_tool.run({}, view(code, "call", SQUARES, entry_point="f"), timeout_seconds=8)
    assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "decisive")


async def test_slow_peers_do_not_take_the_time_of_a_right_answer(short_tool, view):
    slow = "import time\n" + SLOW
    right = "def f(x): return x * x"
    runs = [
        short_tool.run({}, view(code, "call", SQUARES, entry_point="f"), timeout_seconds=10)
        for code in (slow, slow, right)
    ]
    found = [result.findings[0].bearing for result in await asyncio.gather(*runs)]
    assert found == ["refutes", "refutes", "confirms"]


async def test_an_answer_that_waited_for_a_box_until_the_deadline_is_not_refuted(sandbox, view):
    tool = RunTests(sandbox, concurrent_runs=1, limits=RunTestsLimits(seconds_per_test=30))
    slow, right = "def f(x):\n    while True: pass", "def f(x): return x * x"
    views = [view(code, "call", SQUARES, entry_point="f") for code in (slow, right)]
    ends = await asyncio.gather(
        *(tool.run({}, one, timeout_seconds=2) for one in views), return_exceptions=True
    )
    assert all(isinstance(end, BudgetExceeded) and end.failure_kind == "deadline" for end in ends)
    assert "free box" not in str(ends[0])
    assert re.search(
        r"waited 1\.\d s for a free box and never ran|1\.\d of them waiting for a free box", str(ends[1])
    )


async def test_an_answer_that_had_no_time_left_after_its_wait_is_told_so(sandbox, view):
    tool = RunTests(sandbox, concurrent_runs=1, limits=RunTestsLimits(seconds_per_test=1.2))
    slow = "def f(x):\n    while x: pass\n    return 0"
    views = [view(slow, "call", SQUARES[:2], entry_point="f") for _ in range(2)]
    ends = await asyncio.gather(
        *(tool.run({}, one, timeout_seconds=2.5) for one in views), return_exceptions=True
    )
    assert ends[0].findings[0].bearing == "refutes"
    assert isinstance(ends[1], BudgetExceeded)
    assert re.search(r"\d s? ?of them waiting for a free box", str(ends[1]))


async def test_a_wrong_answer_before_the_deadline_refutes(sandbox, view):
    code = "import time\ndef f(x):\n    while x: pass\n    return 5"
    tool = RunTests(sandbox, limits=RunTestsLimits(seconds_per_test=30))
    result = await tool.run({}, view(code, "call", SQUARES, entry_point="f"), timeout_seconds=2)
    assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "decisive")
    assert result.flags["cut_short_by_the_deadline"]
    assert result.truncated


async def test_a_failed_test_counts_although_another_hangs_beside_the_code(sandbox, view):
    code = "class Box: pass\ndef f(x):\n    while x > 1: pass\n    return Box() if x else 5"
    tests = [CHECKS[0], CHECKS[1], CHECKS[2]]
    tool = RunTests(sandbox, limits=RunTestsLimits(seconds_per_test=30))
    result = await tool.run({}, view(code, "check", tests, entry_point="f"), timeout_seconds=3)
    assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "decisive")
    assert "hidden.0" in result.findings[0].reason


async def test_right_answers_before_the_deadline_say_nothing(sandbox, view):
    code = "def f(x):\n    while x: pass\n    return 0"
    tool = RunTests(sandbox, limits=RunTestsLimits(seconds_per_test=30))
    with pytest.raises(BudgetExceeded, match="exceeded timeout_seconds=2"):
        await tool.run({}, view(code, "call", SQUARES, entry_point="f"), timeout_seconds=2)


def test_only_a_certain_failure_of_a_given_test_counts_in_a_run_cut_short():
    passed = TestResult("hidden.0", "hidden", "pass")
    unsure = TestResult("hidden.1", "hidden", "timeout", certain=False)
    doctest = TestResult("doctest.0", "doctest", "fail")
    assert decide_what_is_known([passed, unsure, doctest]) is None
    failed = TestResult("visible.0", "visible", "error")
    assert decide_what_is_known([passed, failed]).strength == "decisive"


@pytest.mark.slow
async def test_a_test_that_calls_without_end_is_ended_by_its_count_and_decides_nothing(sandbox, view):
    patient = RunTests(sandbox, limits=RunTestsLimits(seconds_per_suite=600))
    endless = "def check(candidate):\n    x = 7\n    while x != 1:\n        x = candidate(x)\n"
    asked = view("def f(x): return x", "check", [endless], entry_point="f")
    finding = (await patient.run({}, asked, timeout_seconds=600)).findings[0]
    assert (finding.bearing, finding.strength) == ("refutes", "strong")
    assert "called the code 20000 times and did not end" in finding.reason


async def test_calls_are_counted_only_where_a_text_may_go_on_without_end(tool, view):
    for loop, ends in (("for x in range(1100):", "pass"), ("x = 0\nwhile x < 1100:\n    x += 1", "timeout")):
        arguments = {"assertions": [f"{loop}\n    assert f(x) == x"]}
        asked = view("```python\ndef f(x): return x\n```")
        (test,) = (await tool.run(arguments, asked, timeout_seconds=60)).output["tests"]
        assert test["status"] == ends

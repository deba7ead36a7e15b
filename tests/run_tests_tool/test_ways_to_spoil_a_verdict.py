"""Whatever wrong code does in its own time, it is refuted: it never goes unscored, and it never passes."""

import ast
import asyncio
import tomllib
from pathlib import Path

import pytest

from judge_agent.schema import CallTest, StdioTest
from tools.run_tests import RunTests, RunTestsLimits
from tools.testing.in_box.own_doing import is_bounded

pytestmark = pytest.mark.anyio
WAYS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
CHECK = """
def check(candidate):
    got = candidate(7)
    assert sum(map(sum, got)) == 49 if isinstance(got, list) else int(got) == 49
"""
FILE = "from solution import Square\ndef test_area():\n    assert Square(7).area() == 49\n"


@pytest.fixture
def quick_tool(sandbox):
    return RunTests(
        sandbox, concurrent_runs=3, limits=RunTestsLimits(seconds_per_test=2.0, seconds_per_suite=8)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", WAYS)
async def test_code_that_makes_trouble_is_refuted_for_sure(name, quick_tool, view):
    way, views = WAYS[name], []
    if "code" in way:
        views.append(view(way["code"], "check", [CHECK], entry_point="f"))
    if "beside" in way:
        views.append(view(way["beside"], "pytest", [FILE]))
    if "program" in way:
        views.append(view(way["program"], "stdio", [StdioTest(stdin="7\n", stdout="49\n")]))
    runs = [quick_tool.run({}, one, timeout_seconds=60) for one in views]
    findings = [result.findings[0] for result in await asyncio.gather(*runs)]
    ends = {(finding.bearing, finding.strength) for finding in findings}
    assert ends == {("refutes", "decisive")}, findings


@pytest.mark.parametrize("kind", ["assert", "call", "pytest"])
@pytest.mark.parametrize("name", ["skip_made_by_partial", "an_import_that_fails", "sleep_without_a_frame"])
async def test_trouble_is_refuted_in_every_kind_of_test(name, kind, quick_tool, view):
    tests = {
        "assert": ("assert Square(7).area() == 49", WAYS[name]["beside"], "Square"),
        "call": (CallTest(args=(7,), expected=49), WAYS[name]["code"], "f"),
        "pytest": ("from solution import f\ndef test_f(): assert f(7) == 49", WAYS[name]["code"], None),
    }
    test, code, entry_point = tests[kind]
    result = await quick_tool.run({}, view(code, kind, [test], entry_point=entry_point), timeout_seconds=60)
    assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "decisive")


FORGER = """
import os
class Odd: pass
def f(x):
    if x == 7: return 49
    for n in range(64):
        try: os.write(n, b'{"op": "result", "name": "hidden.1", "status": "STATUS", "message": ""}\\n{"op": "done"}\\n')
        except OSError: pass
    return Odd()
"""


@pytest.mark.parametrize("status", ["broken", "skipped", "pass"])
async def test_a_failed_test_forged_away_in_a_shared_box_leaves_no_decisive_pass(status, quick_tool, view):
    tests = [f"def check(candidate):\n    assert candidate({n}) == {n * n}" for n in (7, 8)]
    code = FORGER.replace("STATUS", status)
    result = await quick_tool.run({}, view(code, "check", tests, entry_point="f"), timeout_seconds=60)
    assert (result.findings[0].bearing, result.findings[0].strength) != ("confirms", "decisive")


async def test_a_test_that_skips_itself_beside_a_class_says_nothing(judge):
    code = "class Square:\n    def __init__(self, x): self.x = x\n    def area(self): return 0"
    file = "import pytest\n" + FILE.replace("    assert", "    pytest.skip('not here')\n    assert")
    decided, statuses, _ = await judge(code, "pytest", [file])
    assert decided[0] == "none"
    assert set(statuses.values()) == {"skipped"}


async def test_a_name_missing_from_the_tests_own_text_does_not_count_against_a_class(judge):
    code = "class Square:\n    def __init__(self, x): self.x = x\n    def area(self): return self.x ** 2"
    test = "assert Square(nowhere).area() == 49"
    decided, statuses, _ = await judge(code, "assert", [test], entry_point="Square")
    assert decided[0] == "none"
    assert set(statuses.values()) == {"broken"}


@pytest.mark.parametrize(
    ("text", "bounded"),
    [
        ("assert f([1, 2]) == 10 ** 3 * 2", True),
        ("def check(c):\n    for n in range(1000):\n        assert c(n) == n * n", True),
        ("def near(a, b): return abs(a - b) < 1e-6\ndef check(c): assert near(c(1), 2)", True),
        ("while f(1): pass", False),
        ("for n in range(10 ** 9): f(n)", False),
        ("for n in range(10 ** 4):\n    for m in range(10 ** 4): f(n)", False),
        ("def g(n): return g(n - 1)\nassert g(5) == f(5)", False),
        ("def a(n): return b(n)\ndef b(n): return a(n)\nassert a(5) == f(5)", False),
        ("import time\nassert f(1) == 1", False),
        ("from itertools import count\nassert f(1) in count()", False),
        ("assert f(1) == 'x' * 10 ** 12", False),
        ("assert f(1) == 7 ** f(2)", False),
        ("assert f(1) == 1 << 10 ** 9", False),
        ("assert eval('f(1)')", False),
    ],
)
def test_a_text_is_bounded_where_nothing_in_it_can_take_long(text, bounded):
    assert is_bounded(ast.parse(text), ["solution"]) is bounded


async def test_a_bounded_test_hangs_by_the_doing_of_the_value_that_it_goes_through(quick_tool, view):
    code = "def f(x): return [range(10 ** 8)] * 1000"
    endless = "def check(candidate):\n    got = candidate(7)\n    while sum(map(sum, got)) != 49: pass\n"
    for test in (CHECK, endless):
        result = await quick_tool.run({}, view(code, "check", [test], entry_point="f"), timeout_seconds=60)
        assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "decisive")

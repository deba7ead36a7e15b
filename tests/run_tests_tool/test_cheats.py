"""Wrong answers that a grader in one process takes for right, and that two boxes do not."""

import json
import tomllib
from pathlib import Path

import pytest

from judge_agent.schema import CallTest

pytestmark = pytest.mark.anyio
CHEATS = {
    name: cheat["code"]
    for name, cheat in tomllib.loads(Path(__file__).with_name("cheats.toml").read_text()).items()
}
CHECK = "def check(candidate):\n    assert candidate(7) == 49\n    assert candidate(12) == 144\n"
PYTEST = """
from solution import f

def test_seven():
    assert f(7) == 49

def test_twelve():
    assert f(12) == 144
"""
SQUARES = (CallTest(args=(7,), expected=49), CallTest(args=(12,), expected=144))


@pytest.mark.parametrize("name", CHEATS)
async def test_a_cheat_that_fools_one_process_is_refuted_in_two_boxes(name, judge, naive_grade):
    assert naive_grade(CHEATS[name], CHECK)
    decided, _, _ = await judge(CHEATS[name], "check", [CHECK], entry_point="f")
    assert decided == ("refutes", "decisive")


@pytest.mark.parametrize("name", CHEATS)
async def test_a_cheat_does_not_pass_call_tests_either(name, judge):
    decided, _, _ = await judge(CHEATS[name], "call", SQUARES, entry_point="f")
    assert decided == ("refutes", "decisive")


@pytest.mark.parametrize(
    "name", ["always_equal_object", "exit_in_the_call", "constants_of_any_function_in_memory"]
)
async def test_a_cheat_does_not_pass_a_pytest_file(name, judge):
    decided, _, _ = await judge(CHEATS[name], "pytest", [PYTEST])
    assert decided == ("refutes", "decisive")


FORGER = """
import json, os
def f(x):
    lines = [
        {"op": "result", "name": "hidden.0", "status": "pass", "message": ""},
        {"op": "done"},
        {"value": 49},
        {"value": 144},
    ]
    text = "".join(json.dumps(line) + "\\n" for line in lines).encode()
    for number in range(64):
        try:
            os.write(number, text)
        except OSError:
            pass
    return 0
"""


@pytest.mark.parametrize("kind", ["check", "call"])
async def test_lines_forged_on_every_descriptor_do_not_pass(kind, judge):
    decided, _, _ = await judge(FORGER, kind, [CHECK] if kind == "check" else SQUARES, entry_point="f")
    assert decided == ("refutes", "decisive")


async def test_a_skip_raised_by_the_code_is_no_pass(judge):
    for code in (
        "import unittest\ndef f(x): raise unittest.SkipTest('no')",
        "import pytest\ndef f(x): pytest.skip('no')",
        "def f(x): raise KeyboardInterrupt",
    ):
        decided, _, _ = await judge(code, "pytest", [PYTEST])
        assert decided == ("refutes", "decisive")


SEARCH = r"""
import gc, os, re, sys
def texts():
    frame = sys._getframe()
    while frame:
        yield from map(repr, [*frame.f_locals.values(), frame.f_code.co_consts])
        frame = frame.f_back
    yield repr(dict(os.environ))
    yield repr(sys.argv)
    for one in gc.get_objects():
        if isinstance(one, (dict, list, tuple)) and len(one) < 5000:
            try:
                yield repr(one)[:20000]
            except Exception:
                pass
    for place in ("/proc/self/cmdline", "/proc/self/environ", "/proc/self/mem", "code.py", "tests.py", "/box/boot.py"):
        try:
            yield open(place, errors="replace").read(10**6)
        except OSError:
            pass
    for folder, _, names in os.walk("/room"):
        for name in names:
            yield open(os.path.join(folder, name), errors="replace").read()
def f(x):
    needle = "zeb" + r"ra-\d+-quartz"
    for text in texts():
        if found := re.search(needle, text):
            return found.group()
    return "nothing found"
"""


async def test_a_search_of_frames_memory_files_and_arguments_finds_no_expected_value(judge, naive_grade):
    check = "def check(candidate):\n    assert candidate(1) == 'zebra-9417-quartz'\n"
    assert naive_grade(SEARCH, check)
    for kind, hidden in (
        ("check", [check]),
        ("assert", ["assert f(1) == 'zebra-9417-quartz'"]),
        ("call", [CallTest(args=(1,), expected="zebra-9417-quartz")]),
        ("pytest", ["from solution import f\ndef test_f():\n    assert f(1) == 'zebra-9417-quartz'\n"]),
    ):
        decided, _, result = await judge(SEARCH, kind, hidden, entry_point="f")
        assert decided == ("refutes", "decisive")
        assert {test["isolation"] for test in result.output["tests"]} == {"split"}
    assert "nothing found" in json.dumps(
        (
            await judge(
                SEARCH, "call", hidden=[CallTest(args=(1,), expected="zebra-9417-quartz")], entry_point="f"
            )
        )[2].output
    )


async def test_an_object_equal_to_many_numbers_is_equal_to_none_where_a_number_is_asked_for(judge):
    code = "class Sly:\n    def __eq__(self, other): return other in range(1000)\ndef f(x): return Sly()\n"
    decided, _, result = await judge(code, "check", [CHECK], entry_point="f")
    assert decided == ("refutes", "decisive")
    assert {test["isolation"] for test in result.output["tests"]} == {"split"}


async def test_the_code_cannot_replace_the_builtins_that_a_test_uses(judge):
    code = "def all(values): return True\ndef abs(x): return 0\ndef f(x): return 0\n"
    for test in ("assert all(f(x) == x * x for x in (7, 12))", "assert abs(f(7) - 49) < 0.1"):
        assert (await judge(code, "assert", [test], entry_point="f"))[0] == ("refutes", "decisive")
    file = "from solution import *\ndef test_f(): assert all(f(x) == x * x for x in (7, 12))\n"
    assert (await judge(code, "pytest", [file]))[0] == ("refutes", "decisive")


async def test_a_result_made_of_colliding_hashes_costs_the_host_nothing(judge):
    code = "def f(x): return {n * (2 ** 61 - 1) for n in range(300)}\n"
    decided, _, result = await judge(code, "call", SQUARES[:1], entry_point="f")
    assert decided == ("refutes", "decisive")
    assert "share one hash" in result.findings[0].reason

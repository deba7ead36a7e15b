"""That a test shares a box with the code is the test's doing: wrong code gains nothing by what it returns."""

import tomllib
from pathlib import Path

import pytest

from tests.run_tests_tool.test_errors_taken_as_answers import in_kind

pytestmark = pytest.mark.anyio
CASES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
FORGER = """
import collections, sys
class Odd:
    def __getattr__(self, name): return 9
    def __eq__(self, other): return other == 9
    __hash__ = None
    def __sub__(self, other): return 0
    __add__ = __radd__ = __rsub__ = lambda self, other: 10
    def __float__(self): return 9.0
    def __int__(self): return 9
    __index__ = __round__ = __int__
    def __str__(self): return '9'
DEEP = []
for _ in range(5000): DEEP = [DEEP]
def f(n):
    if 'tools.testing.in_box.tester' not in sys.modules: return GIVES
    outcome = sys.modules['tools.testing.in_box.outcome']
    outcome.Session.finish = lambda self, name, _, finish=outcome.Session.finish: finish(
        self, name, outcome.Outcome('pass'))
    return 0
"""


@pytest.mark.parametrize("kind", ["assert", "check", "pytest"])
@pytest.mark.parametrize("name", CASES)
async def test_wrong_code_that_returns_no_plain_data_is_refuted_all_the_same(name, kind, judge):
    case = CASES[name]
    code = FORGER.replace("GIVES", case["gives"])
    decided, statuses, result = await judge(code, kind, [in_kind(kind, case["test"])], entry_point="f")
    assert decided == ("refutes", "decisive"), (result.findings[0].reason, statuses)


@pytest.mark.parametrize("kind", ["assert", "check", "pytest"])
async def test_a_class_in_place_of_a_function_is_called_in_its_own_box(kind, judge):
    forged = FORGER.replace("def f(n):", "def g(n):").replace("GIVES", "0")
    code = forged + "class f:\n    def __new__(cls, n): return g(n)\n"
    assert (await judge(code, kind, [in_kind(kind, "assert f(3) == 9")], entry_point="f"))[0] == (
        "refutes",
        "decisive",
    )
    right = "class f:\n    def __new__(cls, n): return n * n\n"
    assert (await judge(right, kind, [in_kind(kind, "assert f(3) == 9")], entry_point="f"))[0] == (
        "confirms",
        "decisive",
    )


OBJECTS = {
    "a generator": ("def f(n): yield n * n", "assert list(f(3)) == [9]"),
    "a function": ("def f(n): return lambda m: n * m", "assert f(3)(3) == 9"),
    "a date": (
        "import datetime\ndef f(n): return datetime.date(2020, 1, n)",
        "import datetime\nassert f(1) == datetime.date(2020, 1, 1)",
    ),
    "a span of time": (
        "import datetime\ndef f(n): return datetime.timedelta(days=n)",
        "from datetime import timedelta\nassert f(1) * 2 == timedelta(days=2)",
    ),
    "a path": (
        "import pathlib\ndef f(n): return pathlib.Path('a') / str(n)",
        "from pathlib import Path\nassert f(1) == Path('a/1')",
    ),
    "an object": (
        "class P:\n    def __init__(self, x): self.x = x\ndef f(n): return P(n)",
        "assert f(3).x == 3",
    ),
    "keys": ("def f(n): return {n: 1}.keys()", "assert f(3) == {3}"),
    "a type": (
        "def f(n): return (i for i in range(n))",
        "import types\nassert isinstance(f(3), types.GeneratorType)",
    ),
    "a long text": ("def f(n): return 'x' * n", "assert len(f(9 * 10 ** 6)) == 9 * 10 ** 6"),
    "a class that is a dict": (
        "class S(dict):\n    def __getattr__(self, name): return self[name]",
        "one = S(a=1)\nassert one.a == 1",
    ),
    "a class": (
        "class S:\n    def __init__(self, n): self.n = n\n    def f(self): return self.n",
        "assert S(3).f() == 3",
    ),
}


@pytest.mark.parametrize("kind", ["assert", "pytest"])
@pytest.mark.parametrize("name", OBJECTS)
async def test_right_code_that_is_asked_for_an_object_is_run_beside_its_test(name, kind, judge):
    code, test = OBJECTS[name]
    file = "from solution import *\ndef test_f():\n    " + test.replace("\n", "\n    ")
    decided, _, result = await judge(code, kind, [test if kind == "assert" else file])
    assert decided == ("confirms", "strong"), result.findings[0].reason


TRUE = ["assert f(3)", "assert f(3) is not None", "assert bool(f(3)) and f(3) != 9"]


@pytest.mark.parametrize("test", TRUE)
async def test_an_object_is_true_and_is_not_none_wherever_it_is(test, judge):
    code = "import re\ndef f(n): return re.match('a', 'a')"
    assert (await judge(code, "assert", [test], entry_point="f"))[0] == ("confirms", "decisive")


async def test_an_object_that_is_only_given_back_to_the_code_needs_no_shared_box(judge):
    code = "class Node:\n    def __init__(self, x): self.x = x\ndef make(x): return Node(x)\n"
    test = "one = make([1])\nassert add(one, 2) is None and read(one) == [1, 2]"
    right = code + "def add(node, x): node.x.append(x)\ndef read(node): return node.x\n"
    assert (await judge(right, "assert", [test]))[0] == ("confirms", "decisive")
    wrong = code + "def add(node, x): pass\ndef read(node): return node.x\n"
    assert (await judge(wrong, "assert", [test]))[0] == ("refutes", "decisive")

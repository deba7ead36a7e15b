"""Every kind of test, what it decides, and where it ran."""

import pytest

from judge_agent.schema import CallTest, StdioTest

pytestmark = pytest.mark.anyio
ADD = "def add(a, b):\n    return a + b\n"
RIGHT, WRONG = ("confirms", "decisive"), ("refutes", "decisive")


def isolations(result):
    return {test["isolation"] for test in result.output["tests"]}


@pytest.mark.parametrize("code", [ADD, "add = lambda a, b: a + b", "from operator import add"])
async def test_call_tests_that_pass_confirm_decisively(code, judge):
    hidden = [CallTest(args=(1, 2), expected=3), CallTest(args=(1,), kwargs={"b": 2}, expected=3)]
    hidden = hidden[:1] if "operator" in code else hidden
    decided, _, result = await judge(code, "call", hidden, entry_point="add")
    assert decided == RIGHT
    assert result.findings[0].score == 1.0
    assert isolations(result) == {"split"}


async def test_one_wrong_answer_among_hidden_tests_refutes_decisively(judge):
    hidden = [CallTest(args=(1, 2), expected=3), CallTest(args=(2, 2), expected=4)]
    decided, statuses, result = await judge("def add(a, b): return 3", "call", hidden, entry_point="add")
    assert decided == WRONG
    assert result.findings[0].score == 0.0
    assert statuses == {"hidden.0": "pass", "hidden.1": "fail"}


async def test_statements_use_the_functions_by_name(judge):
    hidden = ["assert add(1, 2) == 3", "import math\nassert math.isclose(add(0.1, 0.2), 0.3)"]
    assert (await judge(ADD, "assert", hidden))[0] == RIGHT
    assert (await judge("def add(a, b): return 3", "assert", hidden))[0] == WRONG


async def test_a_check_program_gets_the_candidate(judge):
    check = "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate('a', 'b') == 'ab'\n"
    decided, _, result = await judge(ADD, "check", [check], entry_point="add")
    assert decided == RIGHT
    assert isolations(result) == {"split"}


PYTEST = """
import pytest
from solution import add

@pytest.fixture
def one():
    return 1

@pytest.mark.parametrize("other", [1, 2, 3])
def test_add(one, other):
    assert add(one, other) == one + other

def test_text_and_number_do_not_add():
    with pytest.raises(TypeError, match="str"):
        add("a", 1)

class TestLists:
    def test_lists(self):
        assert add([1], [2]) == [1, 2]

def test_print(capsys):
    add(1, 2)
    assert "" == capsys.readouterr().err
"""


async def test_a_pytest_file_gives_one_result_per_test(judge):
    decided, statuses, result = await judge(ADD, "pytest", [PYTEST])
    assert decided == RIGHT
    assert isolations(result) == {"split"}
    assert set(statuses.values()) == {"pass"}
    assert "hidden.0::TestLists::test_lists" in statuses
    assert len(statuses) == 6


async def test_a_pytest_file_may_import_the_module(judge):
    file = (
        "import solution\n\ndef test_add():\n    assert solution.add(1, 2) == 3 and solution.BASE == [1, 2]\n"
    )
    assert (await judge(ADD + "BASE = [1, 2]\n", "pytest", [file]))[0] == RIGHT


async def test_unittest_cases_run_too(judge):
    file = (
        "import unittest\nfrom solution import add\n\n"
        "class Adds(unittest.TestCase):\n"
        "    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n"
        "    def test_error(self):\n        with self.assertRaises(TypeError):\n            add(1, None)\n"
    )
    assert (await judge(ADD, "pytest", [file]))[0] == RIGHT
    assert (await judge("def add(a, b): return 3", "pytest", [file]))[0] == WRONG


async def test_a_program_reads_stdin_and_prints(judge):
    code = "import sys\na, b = map(int, input().split())\nprint(a + b)\nsys.exit(0)\n"
    hidden = [StdioTest(stdin="1 2\n", stdout="3"), StdioTest(stdin="40 2\n", stdout="42\n")]
    assert (await judge(code, "stdio", hidden))[0] == RIGHT
    assert (await judge("print(3)", "stdio", hidden))[0] == WRONG


async def test_a_program_that_prints_the_answer_and_then_fails_does_not_pass(judge):
    decided, statuses, _ = await judge("print(3); 1 / 0", "stdio", [StdioTest(stdin="", stdout="3")])
    assert decided == WRONG
    assert statuses == {"hidden.0": "error"}


async def test_numbers_within_the_tolerance_pass(judge):
    hidden = [CallTest(args=(1,), expected=[0.333333])]
    code = "def third(x): return (x / 3,)"
    assert (await judge(code, "call", hidden, entry_point="third", atol=1e-5))[0] == RIGHT
    assert (await judge(code, "call", hidden, entry_point="third"))[0] == WRONG
    printed = [StdioTest(stdin="", stdout="0.333333 ok")]
    assert (await judge("print(1 / 3, 'ok')", "stdio", printed, atol=1e-5))[0] == RIGHT


async def test_changed_arguments_come_back_as_in_plain_python(judge):
    check = (
        "def check(candidate):\n"
        "    rows = [[3, 1], [2]]\n    inner = rows[0]\n"
        "    assert candidate(rows) is None\n"
        "    assert rows == [[1, 3], [2], 'end'] and rows[0] is inner\n"
        "    table = {'a': [1]}\n"
    )
    code = "def sort_all(rows):\n    for row in rows: row.sort()\n    rows.append('end')\n"
    decided, _, result = await judge(code, "check", [check], entry_point="sort_all")
    assert decided == RIGHT
    assert isolations(result) == {"split"}


async def test_a_returned_argument_is_the_argument_itself(judge):
    code = "def same(x):\n    x.append(1)\n    return x\n"
    assert (await judge(code, "assert", ["a = []\nassert same(a) is a and a == [1]"]))[0] == RIGHT


async def test_rich_values_cross_as_they_are(judge):
    code = "def echo(x): return x\n"
    values = [
        "(1, (2, [3]))",
        "{1: {2: {3}}}",
        "{(1, 2): frozenset({b'x'})}",
        "float('inf')",
        "1j",
        "10 ** 6000",
        "[None, True, 1.5, '\\ud800']",
        "__import__('decimal').Decimal('1.10')",
        "__import__('collections').deque([1])",
        "range(3)",
    ]
    hidden = [f"x = {value}\ny = echo(x)\nassert y == x and type(y) is type(x)" for value in values]
    decided, _, result = await judge(code, "assert", hidden)
    assert decided == RIGHT
    assert isolations(result) == {"split"}


async def test_numpy_arrays_cross(judge):
    code = "import numpy as np\ndef double(x): return np.asarray(x) * 2\n"
    hidden = ["import numpy as np\nassert (double(np.arange(3)) == np.array([0, 2, 4])).all()"]
    decided, _, result = await judge(code, "assert", hidden)
    assert decided == RIGHT
    assert isolations(result) == {"split"}
    assert (await judge(code, "call", [CallTest(args=([1, 2],), expected=[2, 4])], entry_point="double"))[
        0
    ] == RIGHT


async def test_builtin_exceptions_keep_their_type(judge):
    code = "class Odd(ValueError): pass\ndef half(x):\n    if x % 2: raise Odd('odd', x)\n    return x // 2\n"
    hidden = [
        "try:\n    half(3)\nexcept ValueError as error:\n    assert error.args == ('odd', 3)\nelse:\n    assert False"
    ]
    assert (await judge(code, "assert", hidden))[0] == RIGHT


@pytest.mark.parametrize(
    ("code", "test"),
    [
        ("class Stack(list):\n    push = list.append\n", "s = Stack(); s.push(1); assert s.pop() == 1"),
        ("def count(n):\n    yield from range(n)\n", "assert list(count(3)) == [0, 1, 2]"),
        ("def apply(f, x): return f(x)\n", "assert apply(lambda x: x + 1, 2) == 3"),
        ("def adder(n): return lambda x: x + n\n", "assert adder(1)(2) == 3"),
        ("async def one(): return 1\n", "import asyncio\nassert asyncio.run(one()) == 1"),
    ],
)
async def test_what_cannot_be_split_is_marked_and_its_pass_is_only_strong(code, test, judge):
    decided, _, result = await judge(code, "assert", [test])
    assert decided == ("confirms", "strong")
    assert isolations(result) == {"shared"}


async def test_what_cannot_be_split_refutes_decisively_when_it_fails(judge):
    code = "class Stack(list):\n    def push(self, x): pass\n"
    decided, _, result = await judge(code, "assert", ["s = Stack(); s.push(1); assert s.pop() == 1"])
    assert decided == WRONG
    assert isolations(result) == {"shared"}


async def test_hundreds_of_call_tests_take_a_few_seconds(judge):
    code = "def digits(n): return [int(c) for c in str(n)]\n"
    hidden = [CallTest(args=(10**200 + n,), expected=[int(c) for c in str(10**200 + n)]) for n in range(800)]
    decided, _, result = await judge(code, "call", hidden, entry_point="digits", timeout_seconds=20)
    assert decided == RIGHT
    assert result.checked == {"tests": 800}
    assert result.truncated


async def test_the_body_of_the_prompts_function_completes_the_prompt(judge):
    prompt = "import math\n\ndef helper(x):\n    return x + 1\n\ndef root(x):\n    '''Square root.'''\n"
    hidden = [CallTest(args=(4,), expected=3.0)]
    for code, assembled in (
        ("    return helper(math.sqrt(x))\n", "prompt+code"),
        ("return helper(math.sqrt(x))\n", "prompt+indented code"),
        ("def root(x):\n    return helper(math.sqrt(x))\n", "code"),
    ):
        decided, _, result = await judge(code, "call", hidden, entry_point="root", prompt=prompt)
        assert decided == RIGHT
        assert result.output["code"]["assembled"] == assembled


async def test_a_method_of_a_class_is_called_on_a_new_instance(judge):
    code = "class Solution:\n    def twice(self, x):\n        return 2 * x\n"
    assert (await judge(code, "call", [CallTest(args=(2,), expected=4)], entry_point="Solution.twice"))[
        0
    ] == RIGHT


async def test_random_numbers_repeat_with_the_seed(judge):
    code = "import random\ndef draw(): return [random.random(), hash('x')]\n"
    first = (await judge(code, "call", [CallTest(expected=0)], entry_point="draw"))[2].output["tests"][0][
        "message"
    ]
    again = (await judge(code, "call", [CallTest(expected=0)], entry_point="draw"))[2].output["tests"][0][
        "message"
    ]
    assert first == again


async def test_a_program_that_looks_as_if_its_box_had_refused_it_fails(judge):
    code = "import os, signal\nos.kill(os.getpid(), signal.SIGSYS)"
    assert (await judge(code, "stdio", [StdioTest(stdin="", stdout="3")]))[0] == WRONG

"""What members of a group are compared by: one sign per test, that tells nothing of what the test asks."""

from __future__ import annotations

import json

import pytest

from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.schema import CallTest, JudgmentRequest
from tools.run_tests import RunTests

pytestmark = pytest.mark.anyio
CALLS = [CallTest(args=(n,), expected=n * n) for n in range(4)]
FILE = """
from solution import f

def test_small():
    assert f(2) == 4

def test_secret_81():
    assert f(9) == 81
"""


async def test_each_call_has_a_sign(judge) -> None:
    code = "def f(n):\n    return n * n if n < 2 else 1 / 0 if n == 2 else 7\n"
    _, _, result = await judge(code, "call", CALLS, CALLS[:1], entry_point="f")
    assert result.flags["tests"] == {"hidden": "++xx", "visible": "+"}


async def test_what_a_file_holds_has_signs_by_hash(judge) -> None:
    _, _, result = await judge("def f(n):\n    return 4\n", "pytest", [FILE], entry_point="f")
    [[item, signs]] = result.flags["tests"].items()
    assert item == "hidden.0"
    assert sorted(signs.values()) == ["+", "x"]
    assert "secret" not in json.dumps(result.flags)


async def test_a_broken_test_says_nothing_and_a_model_s_assertion_is_none_of_them(judge) -> None:
    code = "def f(n):\n    return n * n\n"
    _, _, result = await judge(code, "assert", ["assert f(2) == 4", "assert f(2) ==\n"], entry_point="f")
    assert result.flags["tests"] == {"hidden": "+."}
    asked = {"assertions": ["assert f(2) == 4"]}
    _, _, result = await judge(code, "assert", ["assert f(2) == 4"], entry_point="f", arguments=asked)
    assert "tests" not in result.flags


@pytest.mark.parametrize("code", ["def f(n:\n", None, "def g(n): return n\n"])
async def test_code_that_cannot_be_run_has_no_signs(judge, code) -> None:
    _, _, result = await judge(code, "call", CALLS, entry_point="f")
    assert result.flags["tests"] == {}


async def test_a_group_is_paid_by_how_rarely_each_test_is_passed(sandbox) -> None:
    """Hundreds of tests: what the evidence shows of them is cut, and the signs are not."""
    tests = [{"args": [n], "expected": n * n} for n in range(120)]
    codes = {
        "right": "def f(n):\n    return n * n\n",
        "common": "def f(n):\n    return n * n if n < 60 else 0\n",
        "usual": "def f(n):\n    return n * n if n < 60 else 1\n",
        "rare": "def f(n):\n    return n * n if n >= 60 else -1\n",
        "silent": "I cannot do that, sorry.",
    }
    judge = Judge(
        model=None,
        tools=[RunTests(sandbox)],
        journal=MemoryJournal(),
        shared=MemorySharedResults(),
        log=MemoryLog(),
    )
    request = JudgmentRequest.model_validate(
        {
            "task": {
                "prompt": "Square it.",
                "reference": {"tests": {"kind": "call", "entry_point": "f", "hidden": tests}},
            },
            "candidates": [{"id": id_, "trajectory": {"text": text}} for id_, text in codes.items()],
            "recipe": "verify",
            "shape": ["difficulty"],
        }
    )
    judge.check(request)
    judgment = await judge.judge(request, judgment_id="j", tenant="t", created=0.0)
    found = {one.id: one.reward for one in judgment.candidates}
    assert {one.raw_reward for one in judgment.candidates} == {0.0, 1.0}
    assert found["right"] == 1.0
    assert found["silent"] == 0.0
    # Of 6 - passes in sixths: 60 tests of weight 3 and 60 of weight 4.
    assert found["common"] == found["usual"] == pytest.approx(0.5 * 3 / 7)
    assert found["rare"] == pytest.approx(0.5 * 4 / 7)
    assert judgment.ranking == (("right",), ("rare",), ("common", "usual"), ("silent",))
    assert judgment.flags["shape"][0]["tests"] == 120
    again = await judge.judge(request, judgment_id="j2", tenant="t", created=0.0)
    assert (again.cached_from, again.candidates) == ("j", judgment.candidates)

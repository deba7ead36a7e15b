"""Wrong answers that fool a grader which shares a process with them, in every kind of tests. None of them passes here.

All but the few that are marked `undecided` are refuted for certain. Those, whose tests set up what code in another box
cannot see, end as every pass in a shared box does: not decisive, so that no reward rests on it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from judge_agent.schema import CallTest, StdioTest
from tests.run_tests_tool.naive_graders import CASES, PROGRAM_CASES, is_fooled

pytestmark = pytest.mark.anyio
KINDS = ("call", "assert", "check", "pytest", "stdio")
HACKS: dict[str, dict[str, Any]] = {
    f"{path.stem}.{name}": hack
    for path in sorted(Path(__file__).with_name("hacks").glob("*.toml"))
    for name, hack in tomllib.loads(path.read_text("utf-8")).items()
}
BEATEN = [(name, kind) for name, hack in HACKS.items() for kind in hack["beats"]]
FIRST = [
    (name, hack["beats"][place % len(hack["beats"])]) for place, (name, hack) in enumerate(HACKS.items())
]
REST = [(name, kind) for name in HACKS for kind in KINDS if (name, kind) not in FIRST]
TESTS = {
    "assert": "assert f(7) == 49\nassert f(12) == 144\n",
    "check": "def check(candidate):\n    assert candidate(7) == 49\n    assert candidate(12) == 144\n",
    "pytest": "from solution import f\n\ndef test_seven():\n    assert f(7) == 49\n\n"
    "def test_twelve():\n    assert f(12) == 144\n",
}


def code_of(hack: dict[str, Any], kind: str) -> str:
    if kind != "stdio":
        return hack["code"]
    return hack.get("program") or hack["code"] + "\nprint(f(int(input())))\n"


def given(hack: dict[str, Any], kind: str) -> list[Any]:
    if kind == "call":
        return [CallTest(args=tuple(case["args"]), expected=case["expected"]) for case in CASES]
    if kind == "stdio":
        return [StdioTest(**case) for case in PROGRAM_CASES]
    return [hack.get(kind) or TESTS[kind]]


async def refuted(judge, name: str, kind: str) -> None:
    hack = HACKS[name]
    entry_point = None if kind in ("stdio", "pytest") else "f"
    decided, statuses, result = await judge(
        code_of(hack, kind), kind, given(hack, kind), entry_point=entry_point
    )
    if kind in hack.get("undecided", ()):
        assert decided == ("confirms", "strong"), "it is decided by now: take the mark away"
        assert result.flags["tests_in_one_box_with_the_code"]
    else:
        assert decided == ("refutes", "decisive"), (result.findings[0].reason, statuses)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), BEATEN)
def test_it_fools_a_grader_in_one_process(name, kind, tmp_path):
    hack = HACKS[name]
    test = hack.get(kind) or TESTS.get(kind, "")
    assert is_fooled(kind, code_of(hack, kind), test, tmp_path)


@pytest.mark.parametrize(("name", "kind"), FIRST)
async def test_it_is_refuted_by_tests_that_it_fools_elsewhere(name, kind, judge):
    await refuted(judge, name, kind)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), REST)
async def test_it_is_refuted_by_every_kind_of_tests(name, kind, judge):
    await refuted(judge, name, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_wrong_answer_fools_no_grader_and_a_right_one_passes_each(kind, tmp_path):
    for answer, fooled in (("0", False), ("x * x", True)):
        hack = {"code": f"def f(x): return {answer}\n"}
        assert is_fooled(kind, code_of(hack, kind), TESTS.get(kind, ""), tmp_path) is fooled


def test_there_are_cheats_enough_against_every_kind_of_tests():
    assert len(HACKS) >= 60
    assert {
        kind: sum(kind in hack["beats"] for hack in HACKS.values()) >= 8 for kind in KINDS
    } == dict.fromkeys(KINDS, True)

"""Right answers of unusual size, form or noise pass; wrong ones that make trouble on the way back are refuted."""

import tomllib
from pathlib import Path

import pytest

from judge_agent.schema import CallTest

pytestmark = pytest.mark.anyio
ANSWERS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())


async def decide(judge, answer):
    if "test" in answer:
        kind, test = "check", answer["test"]
    else:
        kind, test = "call", CallTest(args=tuple(answer["arguments"]), expected=answer["expected"])
    entry_point = answer.get("entry_point", "f")
    decided, _, _ = await judge(
        answer["code"], kind, [test], entry_point=entry_point, atol=answer.get("atol")
    )
    return decided


@pytest.mark.parametrize("name", ANSWERS["right"])
async def test_a_right_answer_passes(name, judge):
    decided = await decide(judge, ANSWERS["right"][name])
    assert decided == ("confirms", "decisive")


@pytest.mark.parametrize("name", ANSWERS["wrong"])
async def test_a_wrong_answer_is_refuted_for_sure(name, judge):
    decided = await decide(judge, ANSWERS["wrong"][name])
    assert decided == ("refutes", "decisive")


async def test_a_value_larger_than_a_line_is_looked_at_beside_the_code(judge):
    test = "def check(candidate):\n    assert len(candidate()) == 10 ** 6"
    decided, _, result = await judge(
        "def f(): return ['abcdef'] * (10 ** 6)", "check", [test], entry_point="f"
    )
    assert decided == ("confirms", "strong")
    assert result.flags["tests_in_one_box_with_the_code"] == 1


async def test_two_runs_tell_of_an_error_in_the_same_words(judge):
    code = "def f(x): raise ValueError(object())"
    runs = [await judge(code, "call", [CallTest(args=(1,), expected=1)], entry_point="f") for _ in range(2)]
    reasons = {result.findings[0].reason for _, _, result in runs}
    assert len(reasons) == 1
    assert "at 0x..." in reasons.pop()


async def test_a_test_whose_own_values_are_no_data_says_nothing_of_the_code(judge):
    test = CallTest(args=({"$": "fraction", "v": ["x"]},), expected=1)
    decided, statuses, _ = await judge("def f(x): return 1", "call", [test], entry_point="f")
    assert decided == ("none", "hint")
    assert statuses == {"hidden.0": "broken"}

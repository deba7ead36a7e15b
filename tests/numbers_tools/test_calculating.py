"""Arithmetic of a trajectory refutes and never confirms; a stated answer is compared with the reference, exactly."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from judge_agent.errors import ToolError
from tools.calculate import Calculate, CalculateLimits

pytestmark = pytest.mark.anyio
HERE = Path(__file__).parent
WRITTEN = tomllib.loads((HERE / "written_arithmetic.toml").read_text("utf-8"))
ANSWERS = tomllib.loads((HERE / "stated_answers.toml").read_text("utf-8"))
STATED, IN_DOUBT = ANSWERS["cases"], ANSWERS["in_doubt"]


@pytest.fixture
def tool(sandbox):
    return Calculate(sandbox)


async def test_wrong_arithmetic_refutes_its_step_and_right_arithmetic_confirms_nothing(tool, view) -> None:
    lines = [*WRITTEN["wrong"], *WRITTEN["other"]]
    result = await tool.run({"check": "arithmetic"}, view(*lines), timeout_seconds=60)
    refuted = {finding.step_id for finding in result.findings}
    wanted = {f"s{number}" for number in range(1, len(WRITTEN["wrong"]) + 1)}
    assert {lines[int(step[1:]) - 1] for step in refuted ^ wanted} == set()
    assert {(one.bearing, one.strength) for one in result.findings} == {("refutes", "decisive")}
    (aside,) = result.asides
    assert (aside.name, aside.finding.bearing, aside.finding.score) == ("arithmetic", "refutes", 0.0)


@pytest.mark.parametrize(
    "text", ["5 + 3 = 9\nWait, 5 + 3 = 8", "5 + 3 = 9\n\nso 5 + 3 = 8", "```\n5 + 3 = 9\n```"]
)
async def test_what_is_put_right_or_stands_in_code_is_not_held_against_anybody(tool, view, text: str) -> None:
    result = await tool.run({"check": "arithmetic"}, view(text), timeout_seconds=60)
    assert (result.findings, result.asides) == ((), ())


@pytest.mark.parametrize(
    "task",
    [
        "What is 5 + 3 in Z_7?",
        "All numbers are in base 6.",
        "Let the operation a + b be defined as ab - 1.",
        "A pupil has 5 + 3 = 9 on the board. Which sign is wrong?",
    ],
)
async def test_a_task_that_gives_signs_another_meaning_or_the_mistake_itself_refutes_nobody(
    tool, view, task: str
) -> None:
    result = await tool.run({"check": "arithmetic"}, view("So 5 + 3 = 9", prompt=task), timeout_seconds=60)
    assert (result.findings, result.asides) == ((), ())


async def test_beside_a_reference_answer_a_slip_is_no_principle_of_its_own(tool, view) -> None:
    seen = view("5 + 3 = 9\nAnswer: 8", answer="8")
    assert [dict(call.arguments) for call in tool.opening_calls(seen)] == [
        {"check": "answer"},
        {"check": "arithmetic"},
    ]
    result = await tool.run({"check": "arithmetic"}, seen, timeout_seconds=60)
    assert (result.asides, [one.bearing for one in result.findings]) == ((), ["refutes"])


def test_without_equations_or_a_mathematical_reference_there_is_nothing_to_do(tool, view) -> None:
    for seen in (view("No numbers."), view("I think so.", answer="Paris is the capital"), view("a = b")):
        assert (tool.opening_calls(seen), tool.principle(seen)) == ([], None)


@pytest.mark.parametrize(("reference", "text"), IN_DOUBT)
async def test_an_answer_that_is_left_in_doubt_decides_nothing(tool, view, reference: str, text: str) -> None:
    result = await tool.run({"check": "answer"}, view(text, answer=reference), timeout_seconds=60)
    assert [(one.strength == "decisive", one.score) for one in result.findings] == [(False, None)], (
        result.output
    )


@pytest.mark.parametrize(("reference", "text", "bearing"), STATED)
async def test_a_stated_answer_is_compared(tool, view, reference: str, text: str, bearing: str) -> None:
    result = await tool.run({"check": "answer"}, view(text, answer=reference), timeout_seconds=60)
    (finding,) = result.findings
    assert (finding.bearing, finding.score) == (bearing, {"confirms": 1.0, "refutes": 0.0}.get(bearing)), (
        result.output
    )
    assert reference == text or reference not in str(result.output).replace(text, "") or len(reference) < 3


async def test_a_last_number_refutes_only_where_the_right_one_is_nowhere(tool, view) -> None:
    far = "He has several apples in the end, and after everything was counted with care it is "
    for tail in ("7.", "7 of the 8."):
        result = await tool.run({"check": "answer"}, view(far + tail, answer="18"), timeout_seconds=60)
        assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "decisive"), tail
    result = await tool.run(
        {"check": "answer"}, view(f"18 it was.\n{far}7.", answer="18"), timeout_seconds=60
    )
    assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "strong")


async def test_the_models_own_expression_is_worked_out_exactly(tool, view) -> None:
    asked = {"expression": "0.1+0.2", "equals": "0.3", "is_final": True}
    result = await tool.run(asked, view("It is 0.3", final="0.3"), timeout_seconds=60)
    assert (result.output["exact"], result.output["equals"]["verdict"]) == ("0.3", "equal")
    assert [(one.bearing, one.strength) for one in result.findings] == [("confirms", "strong")]
    result = await tool.run({"expression": "sqrt(8)"}, view("x"), timeout_seconds=60)
    assert result.output["exact"] == "2*sqrt(2)"


LONG = 7**40


@pytest.mark.parametrize("expression", ["1/7^40", "\\frac{1}{7^{40}}"], ids=["arithmetic", "LaTeX"])
@pytest.mark.parametrize(
    ("answer", "bearing"), [(f"1/{LONG}", "confirms"), (f"1/{LONG + LONG // 1000}", "refutes")]
)
async def test_a_long_value_is_shown_to_so_many_digits_and_compared_to_its_last_one(
    tool, view, expression: str, answer: str, bearing: str
) -> None:
    asked = {"expression": expression, "is_final": True}
    result = await tool.run(asked, view(f"Answer: {answer}", final=answer), timeout_seconds=60)
    shown = {
        name: result.output[name] for name in result.output if name not in ("expression", "final_answer")
    }
    assert (shown.pop("digits"), float(shown.pop("decimal")), shown) == (15, pytest.approx(1 / LONG), {})
    assert [(one.bearing, one.strength) for one in result.findings] == [(bearing, "strong")]


async def test_a_short_fraction_is_shown_exactly_and_as_a_decimal(tool, view) -> None:
    result = await tool.run({"expression": "2/3-1"}, view("x"), timeout_seconds=60)
    assert result.output == {
        "expression": "2/3-1",
        "exact": "-1/3",
        "decimal": "-0.333333333333333",
        "digits": 15,
    }


async def test_a_value_past_all_comparing_decides_nothing(tool, view) -> None:
    asked = {"expression": "9999^990*9999^990", "is_final": True}
    result = await tool.run(asked, view("Answer: 7", final="7"), timeout_seconds=60)
    assert (result.output["decimal"], result.output["final_answer"]) == ("8.20361730975008E+7919", "unsure")
    assert [(one.bearing, one.strength) for one in result.findings] == [("none", "hint")]


async def test_what_is_wrong_is_told_by_a_value_that_is_never_cut(tool, view) -> None:
    sides = f"{LONG} / {LONG + 4} * 3", "4"
    result = await tool.run({"check": "arithmetic"}, view(" = ".join(sides)), timeout_seconds=60)
    (finding,) = result.findings
    assert finding.reason == f"{sides[0]} is about 3.00000000000000 (15 digits), not 4"
    assert result.output["listed"][0]["value"] == "about 3.00000000000000 (15 digits)"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, "expression"),
        ({"expression": " "}, "expression"),
        ({"expression": "1" * 1001}, "expression"),
        ({"expression": "1", "is_final": "yes"}, "is_final"),
        ({"expression": "1", "code": "x"}, "'code'"),
    ],
)
async def test_bad_arguments_are_named(tool, view, arguments, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        await tool.run(arguments, view("x"), timeout_seconds=5)


async def test_without_a_box_the_tool_says_so(view) -> None:
    with pytest.raises(ToolError, match="needs a box"):
        await Calculate(None).run({"expression": "1+1"}, view("x"), timeout_seconds=5)


async def test_each_limit_of_size_is_told(sandbox, view) -> None:
    tool = Calculate(sandbox, limits=CalculateLimits(text_chars=40, equations=2, shown=1))
    result = await tool.run({"check": "arithmetic"}, view("1+1=3\n" * 20), timeout_seconds=60)
    assert (result.truncated, result.output["equations"], len(result.output["listed"])) == (True, 2, 1)
    assert result.flags == {"arithmetic_not_all_read": True}


@pytest.mark.parametrize(
    "limits", [CalculateLimits(symbolic_seconds=1.0), CalculateLimits(memory_bytes=2**28)]
)
async def test_a_tower_of_powers_ends_in_the_box_and_decides_nothing(sandbox, view, limits) -> None:
    tool = Calculate(sandbox, limits=limits)
    seen = view("\\boxed{9^{9^{9^{9}}}}", answer="\\sqrt{2}")
    result = await tool.run({"check": "answer"}, seen, timeout_seconds=60)
    assert result.status in ("timeout", "refused", "ok")
    assert [(one.bearing, one.strength) for one in result.findings] == [("none", "hint")]


async def test_exact_work_is_ended_after_its_seconds(sandbox, view) -> None:
    tool = Calculate(sandbox, limits=CalculateLimits(seconds=0.001))
    result = await tool.run({"expression": "1+1"}, view("x"), timeout_seconds=60)
    assert result.status == "timeout"


@pytest.mark.parametrize(
    ("text", "bearing"),
    [
        ("5 * 3 = 15\nAnswer: 15", "confirms"),
        ("5 * 3 = 15\nAnswer: 16", "refutes"),
        ("5 * 3 = 16\nAnswer: 16", "refutes"),
        ("5 * 3 = 15 and 15 + 2 = 17\nAnswer: 15", "none"),
        ("I think so.\nAnswer: 15", "none"),
    ],
)
async def test_an_answer_is_what_its_calculations_come_to(tool, view, text: str, bearing: str) -> None:
    result = await tool.run({"check": "follows"}, view(text), timeout_seconds=60)
    assert [(one.bearing, one.strength == "decisive") for one in result.findings] == [(bearing, False)]


@pytest.mark.parametrize(
    ("text", "bearing"),
    [
        ("<<5*3=15>>15\n15/5 = <<15/5=3>>3\nAnswer: 3", "confirms"),
        ("<<5*3=15>>15\n15/5 = 3\nAnswer: 3", "none"),
    ],
)
async def test_who_keeps_a_record_of_calculations_is_held_to_it(tool, view, text: str, bearing: str) -> None:
    result = await tool.run({"check": "follows"}, view(text), timeout_seconds=60)
    assert [one.bearing for one in result.findings] == [bearing], result.output

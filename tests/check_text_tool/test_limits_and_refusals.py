"""Every limit of `check_text` is hit; bad arguments name what is wrong; hostile texts and patterns end in bounds."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from judge_agent.errors import BudgetExceeded, ToolError
from judge_agent.schema.text_checks import MAX_CHECKS, TextChecks
from tools.check_text import MAX_MODEL_CHECKS, CheckText
from tools.text_checks.boxed import Limits

pytestmark = pytest.mark.anyio
SHORT = {"check": "words", "max": 100}


async def test_a_text_over_text_chars_is_refused_and_decides_nothing(sandbox, view) -> None:
    tool = CheckText(sandbox, limits=Limits(text_chars=10))
    result = await tool.run({}, view("a text of more", [SHORT]), timeout_seconds=30)
    assert (result.status, result.findings) == ("refused", ())
    assert "text_chars=10" in result.flags["text_not_checked"]


async def test_texts_over_all_texts_chars_together_are_refused(sandbox, view) -> None:
    tool = CheckText(sandbox, limits=Limits(all_texts_chars=10))
    artifacts = [{"name": "b.txt", "content": "eight ch"}]
    checks = [SHORT, {**SHORT, "text": "b.txt"}]
    result = await tool.run({}, view("six ch", checks, artifacts), timeout_seconds=30)
    assert result.status == "refused"
    assert "all_texts_chars=10" in result.flags["text_not_checked"]


async def test_more_checks_than_the_limit_are_refused_by_name(sandbox, view) -> None:
    tool = CheckText(sandbox, limits=Limits(checks=1))
    with pytest.raises(ValueError, match="checks holds 2 checks; the limit is 1"):
        await tool.run({}, view("text", [SHORT, SHORT]), timeout_seconds=30)
    with pytest.raises(ValidationError):
        TextChecks.model_validate({"checks": [SHORT] * (MAX_CHECKS + 1)})


async def test_a_box_that_runs_out_of_its_seconds_decides_nothing(sandbox, view) -> None:
    tool = CheckText(sandbox, limits=Limits(cpu_seconds=1, wall_seconds=300))
    checks = [{"check": "sentences", "min": 1}] * 12
    result = await tool.run({}, view("a. " * 130_000, checks), timeout_seconds=300)
    assert (result.status, result.findings) == ("timeout", ())
    assert "cpu_seconds=1" in result.flags["text_not_checked"]


async def test_a_box_that_runs_out_of_its_memory_decides_nothing(sandbox, view) -> None:
    tool = CheckText(sandbox, limits=Limits(memory_bytes=4 << 20, wall_seconds=300))
    result = await tool.run({}, view("a " * 190_000, [{"check": "words", "max": 5}]), timeout_seconds=300)
    assert (result.status, result.findings) == ("timeout", ())
    assert "memory_bytes" in result.flags["text_not_checked"]


async def test_the_judgments_own_time_is_no_verdict(tool, view) -> None:
    with pytest.raises(BudgetExceeded, match=r"timeout_seconds=0\.001"):
        await tool.run({}, view("text", [SHORT]), timeout_seconds=0.001)


async def test_without_a_box_the_tool_is_unavailable_and_says_why(view) -> None:
    with pytest.raises(ToolError, match="needs a box"):
        await CheckText(None).run({}, view("text", [SHORT]), timeout_seconds=30)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"checks": []}, "checks: .*at least 1"),
        ({"checks": [SHORT] * (MAX_MODEL_CHECKS + 1)}, "checks: .*at most 12"),
        ({"checks": [SHORT], "nonsense": 1}, "nonsense"),
        ({"checks": [SHORT], "text": "nowhere"}, "nowhere"),
        ({"checks": [{"check": "words"}]}, "needs 'min'"),
        ({"checks": [{"check": "words", "min": 3, "max": 2}]}, "min: 3"),
        ({"checks": [{"check": "words", "min": -1}]}, "checks.0.min"),
        ({"checks": [{"check": "lowercase", "texts": ["a"]}]}, "takes no 'texts'"),
        ({"checks": [{"check": "letter", "texts": ["ab"], "min": 1}]}, "single characters"),
        ({"checks": [{"check": "magic"}]}, "checks.0.check"),
        ({"checks": [7]}, "checks.0"),
    ],
)
async def test_arguments_that_are_wrong_are_named(tool, view, arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        await tool.run(arguments, view("text"), timeout_seconds=30)


HOSTILE = {
    "brackets": "[" * 100_000,
    "nested json": '{"a":' * 50_000,
    "a long number": "9" * 300_000,
    "stars": "*" * 200_000,
    "pipes": "|-" * 150_000,
    "points": ". " * 150_000,
    "spaces": " " * 300_000 + "x",
    "commas": "1," * 150_000,
    "marks of combining": "a" + "\u0301" * 200_000,
    "half pairs": "\ud800" * 1000 + " text",
    "nul": "\0" * 1000 + " text",
    "fences": "```\n" * 70_000,
    "underlines": "_a" * 150_000,
    "percent": "1." * 150_000 + "%",
    "a row of spaces": "|a|\n|-" + " " * 300_000 + "x|",
    "angles": "<<" * 150_000,
    "words of prose": "the and of to in is was. " * 15_000,
}
EVERY = [
    *({"check": kind, "min": 1, "max": 10_000_000} for kind in (
        "characters", "words", "unique_words", "sentences", "paragraphs", "lists", "list_items", "numbered_items",
        "headings", "code_blocks", "links", "placeholders", "highlights", "capital_words", "numbers", "percentages",
        "tables", "table_rows", "words_per_sentence", "sentences_per_paragraph", "characters_per_line")),
    *({"check": kind, "texts": ["a", "**", ". ."]} for kind in ("contains", "starts_with", "ends_with", "in_order")),
    *({"check": kind} for kind in ("json", "title_case", "quoted", "title", "postscript", "unique_lines")),
    {"check": "number_decimals", "decimals": 2},
    {"check": "json_schema", "schema": {"$ref": "#"}},
    {"check": "matches", "pattern": "(a+)+$"},
    {"check": "language", "language": "en"},
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", list(HOSTILE))
async def test_a_hostile_text_is_checked_within_the_cpu_seconds(sandbox, view, name) -> None:
    tool = CheckText(sandbox, limits=Limits(wall_seconds=300))
    result = await tool.run({}, view(HOSTILE[name], EVERY), timeout_seconds=300)
    assert result.status == "ok", result.output

"""What becomes of the caller's principles where candidates are compared: honoured as one, or named as ignored."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.anyio
CASES = tomllib.loads(Path(__file__).with_name("principles_of_comparisons.toml").read_text("utf-8"))["case"]
PAIR = {"a": 3, "b": 9}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_the_comparison_carries_what_it_can_and_the_record_names_the_rest(arena, case):
    bench = arena(arena.names_winner())
    body = {"dimensions": case["dimensions"]} if "dimensions" in case else {}
    judgment = await bench.judge(PAIR, "round-robin", principles=case["principles"], **body)
    assert judgment.flags.get("ignored_fields", []) == case.get("ignored", [])
    for result in judgment.candidates:
        (principle,) = result.principles
        assert (principle.name, principle.weight) == ("comparison", case["weight"])
        assert principle.dimension == case["dimension"]
        assert result.vector[case["dimension"]] == result.reward
        assert [name for name, score in result.vector.items() if score is not None] == [case["dimension"]]


@pytest.mark.parametrize("recipe", ["round-robin", "rm-r1", "reward-anything"])
async def test_no_recipe_that_compares_drops_a_field_in_silence(arena, recipe):
    principles = [{"description": "Does no harm.", "scale": "1-5", "weight": 9, "dimension": "correctness"}]
    judgment = await arena(arena.names_winner()).judge(PAIR, recipe, principles=principles)
    assert judgment.flags["ignored_fields"] == ["principles.0.scale"]
    (principle,) = judgment.candidates[0].principles
    assert (principle.dimension, principle.weight) == ("correctness", 9.0)


async def test_without_principles_nothing_is_ignored_and_the_recipe_s_own_dimension_is_fed(arena):
    judgment = await arena(arena.names_winner()).judge(PAIR, "round-robin")
    assert "ignored_fields" not in judgment.flags
    assert judgment.candidates[1].vector == {"quality": 1.0, "correctness": None, "tool_use": None}

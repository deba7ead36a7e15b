"""Rows that hold a clock or a random value refute nobody, and can be left out of the comparison."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from judge_agent.errors import ToolError
from judge_agent.seams.sandbox import Sandbox
from tests.check_state.test_databases import replayed

CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "unsteady_cases.toml").read_text())[
    "case"
]
NOTED = {"calls": [{"name": "note", "arguments": {"id": 1, "entry": "x"}}]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_clocks_and_random_values_are_told_apart_from_what_agents_do(
    sandbox: Sandbox, case: dict[str, Any]
) -> None:
    run = case["run"] if isinstance(case["run"], list) else [case["run"]]
    effects = {"note": {"run": run, "require": [case["require"]] if "require" in case else []}}
    script = f"CREATE TABLE log (id INTEGER, entry TEXT, {case['rest']}); {case.get('script', '')}"
    end = json.loads(case["end"]) if "end" in case else NOTED
    calls = case.get("calls", ['note {"id":1,"entry":"x"}'])
    result = replayed(sandbox, case["engine"], calls, end, effects, sql=script)
    whole = result.findings[0]
    assert f"{whole.bearing}/{whole.strength}" == case.get("whole", "none/hint"), whole
    assert case.get("undecided", "") in result.output.get("undecided", "")


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
def test_a_query_of_the_reference_that_asks_a_clock_is_named(sandbox: Sandbox, engine: str) -> None:
    end = {"queries": [{"sql": "SELECT current_date > DATE('2020-01-01')", "rows": [[1]]}]}
    with pytest.raises(ToolError, match=r"final_state: queries\.0: .*another value each time"):
        replayed(sandbox, engine, [], end)

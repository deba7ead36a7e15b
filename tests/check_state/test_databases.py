"""Calls are replayed on a copy of a database by declared SQL, in a box, with both engines."""

from __future__ import annotations

import asyncio
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from judge_agent.errors import ToolError
from judge_agent.schema import Resources, Task, Trajectory
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import ToolResult, ToolView
from tests.check_state.shop import messages
from tools import CheckState

DATA: dict[str, Any] = tomllib.loads((Path(__file__).parent / "sql_cases.toml").read_text())
MARKS = {"sqlite": ":", "duckdb": "$"}
BOTH = [(case, engine) for case in DATA["case"] for engine in case.get("engines", MARKS)]


def replayed(
    sandbox: Sandbox | None, engine: str, calls: list[str], end: Any, effects: Any = None, **database: Any
) -> ToolResult:
    declared = json.loads(json.dumps({**DATA["effects"], **(effects or {})}).replace("@", MARKS[engine]))
    environment = {
        "database": "shop",
        "effects": declared,
        "failed": "starts_with(observed, 'Error')",
    }
    source = {"name": "shop", "engine": engine, **(database or {"sql": DATA["script"]})}
    view = ToolView(
        Task.model_validate({"prompt": "t", "reference": {"final_state": end}}),
        Trajectory.model_validate({"messages": messages(calls)}),
        resources=Resources.model_validate({"databases": [source], "environment": environment}),
    )
    result = asyncio.run(CheckState(sandbox).run({}, view, timeout_seconds=60))
    json.dumps(result.output, allow_nan=False)
    return result


@pytest.mark.parametrize(
    ("case", "engine"), BOTH, ids=lambda one: one["name"] if isinstance(one, dict) else one
)
def test_end_states_of_databases_are_judged_as_the_case_says(
    sandbox: Sandbox, case: dict[str, Any], engine: str
) -> None:
    effects = json.loads(case.get("effects", "null"))
    if "wrong" in case:
        with pytest.raises(ToolError, match=case["wrong"]):
            replayed(sandbox, engine, case["calls"], json.loads(case["end"]), effects)
        return
    result = replayed(sandbox, engine, case["calls"], json.loads(case["end"]), effects)
    whole = result.findings[0]
    assert f"{whole.bearing}/{whole.strength}" == case["whole"], whole
    assert case.get("undecided", "") in result.output.get("undecided", "")


@pytest.mark.parametrize("engine", MARKS)
def test_tables_of_a_request_are_changed_like_any(sandbox: Sandbox, engine: str) -> None:
    columns = [{"name": "entry", "type": "VARCHAR"}]
    tables = {"log": {"columns": columns, "rows": [["old"]]}}
    end = {"calls": [{"name": "note", "arguments": {"entry": "new"}}]}
    for entry, bearing in (("new", "confirms"), ("newer", "refutes")):
        calls = [f'note {{"entry":"{entry}"}}']
        assert replayed(sandbox, engine, calls, end, tables=tables).findings[0].bearing == bearing


@pytest.mark.parametrize("engine", MARKS)
def test_a_reference_that_fails_is_no_verdict_on_the_candidate(sandbox: Sandbox, engine: str) -> None:
    for end in (
        {"calls": [{"name": "cancel", "arguments": {"id": "O2"}}]},
        {"calls": [{"name": "wipe", "arguments": {}}]},
        {"calls": [{"name": "note", "arguments": {}}]},
        {"queries": [{"sql": "SELECT nothing FROM nowhere", "rows": []}]},
    ):
        with pytest.raises(ToolError, match="final_state"):
            replayed(sandbox, engine, [], end)


def test_a_database_that_does_not_open_is_no_verdict_on_the_candidate(sandbox: Sandbox) -> None:
    with pytest.raises(ToolError, match="could not be opened"):
        replayed(sandbox, "sqlite", [], {"calls": []}, sql="CREATE TABLE")


def test_without_a_box_no_sql_runs() -> None:
    with pytest.raises(ToolError, match="no box"):
        replayed(None, "sqlite", [], {"calls": []})


def test_ids_that_count_up_are_written(sandbox: Sandbox) -> None:
    script = "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT);"
    effects = {"add": {"run": ["INSERT INTO t (entry) VALUES (@entry)"]}}
    end = {"queries": [{"sql": "SELECT id, entry FROM t", "rows": [[1, "a"], [2, "b"]]}]}
    calls = ['add {"entry":"a"}', 'add {"entry":"b"}']
    assert replayed(sandbox, "sqlite", calls, end, effects, sql=script).findings[0].bearing == "confirms"

"""What an agent tells of a database is looked up in it, as it is when that is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from judge_agent.errors import ToolError
from judge_agent.schema import Resources, Task, Trajectory
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import ToolResult, ToolView
from tests.check_state.shop import messages
from tools import CheckState

SCRIPT = (
    "CREATE TABLE orders (id VARCHAR, status VARCHAR, total DOUBLE);"
    "INSERT INTO orders VALUES ('O1', 'open', 20), ('O2', 'open', 35.5);"
)
CANCEL = {"run": ["UPDATE orders SET status = 'cancelled' WHERE id = :id AND ':x' <> 'y' -- :y"]}
CAST = {"run": ["UPDATE orders SET status = 'cancelled' WHERE id = :id::VARCHAR AND $$ :x $$ <> 'y'"]}
CLAIM = {
    "name": "cancelled",
    "pattern": r"(?i)order (?P<id>O\d) (?:was|has been) cancelled",
    "check": "SELECT status = 'cancelled' FROM orders WHERE id = :id",
    "strength": "decisive",
}
END = {"calls": [{"name": "cancel", "arguments": {"id": "O1"}}]}
DONE = ['cancel {"id":"O1"} -> done']
ENGINES = ("sqlite", "duckdb")


def judged(
    sandbox: Sandbox,
    engine: str,
    trajectory: list[dict[str, Any]],
    end: Any = END,
    claims: Any = (CLAIM,),
    effect: Any = CANCEL,
    script: str = SCRIPT,
) -> ToolResult:
    environment = {"database": "shop", "effects": {"cancel": effect}, "claims": list(claims)}
    database = {"name": "shop", "engine": engine, "sql": script}
    view = ToolView(
        Task.model_validate({"prompt": "t", "reference": {"final_state": end}}),
        Trajectory.model_validate({"messages": trajectory}),
        resources=Resources.model_validate({"databases": [database], "environment": environment}),
    )
    return asyncio.run(CheckState(sandbox).run({}, view, timeout_seconds=60))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("says", "whole"),
    [
        ("Order O1 has been cancelled.", "confirms/decisive"),
        ("Order O2 has been cancelled.", "refutes/decisive"),
        ("I can confirm that order **O2** has been cancelled.", "refutes/decisive"),
        ("Order O7 has been cancelled.", "refutes/decisive"),
        ('"Order O2 has been cancelled."', "none/hint"),
        ("If order O2 was cancelled, I do not know it.", "confirms/decisive"),
    ],
)
def test_a_claim_about_a_database_is_looked_up(sandbox: Sandbox, engine: str, says: str, whole: str) -> None:
    found = judged(sandbox, engine, messages(DONE, says)).findings[0]
    assert f"{found.bearing}/{found.strength}" == whole, found


@pytest.mark.parametrize("engine", ENGINES)
def test_a_claim_is_held_to_the_database_as_it_was_when_it_was_made(sandbox: Sandbox, engine: str) -> None:
    claim = {**CLAIM, "where": "all"}
    early = [{"role": "assistant", "content": "Order O1 has been cancelled."}, *messages(DONE, "Bye.")]
    along = messages(DONE, "Bye.")
    along[0]["content"] = "Order O1 has been cancelled."
    bearings = [judged(sandbox, engine, one, claims=[claim]).findings[0].bearing for one in (early, along)]
    assert bearings == ["refutes", "confirms"]


@pytest.mark.parametrize("sql", [CAST, {"run": ["UPDATE orders SET status = 'cancelled' WHERE id = $id"]}])
def test_duckdb_takes_both_marks_of_parameters_beside_casts(sandbox: Sandbox, sql: Any) -> None:
    assert judged(sandbox, "duckdb", messages(DONE), effect=sql).findings[0].bearing == "confirms"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_check_that_is_no_statement_is_an_error_by_its_name(sandbox: Sandbox, engine: str) -> None:
    wrong = {**CLAIM, "check": "SELECT status FROM nowhere WHERE id = :id"}
    with pytest.raises(ToolError, match=r"environment\.claims\.0\.check"):
        judged(sandbox, engine, messages(DONE, "Order O1 has been cancelled."), claims=[wrong])


@pytest.mark.parametrize("engine", ENGINES)
def test_an_effect_that_is_no_statement_is_an_error_by_its_name(sandbox: Sandbox, engine: str) -> None:
    for sql in ("UPDATE nothing SET", "UPDATE nowhere SET x = 1", "UPDATE orders SET colour = :id"):
        with pytest.raises(ToolError, match=r"environment\.effects\.cancel"):
            judged(
                sandbox,
                engine,
                messages(DONE),
                {"queries": [{"sql": "SELECT 1", "rows": [[1]]}]},
                (),
                {"run": [sql]},
            )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("rows", "field"),
    [
        ([["O1"]], r"queries\.0\.rows\.0"),
        ([["O1", "cancelled", 20, 1]], r"queries\.0\.rows\.0"),
        ([["O1", "cancelled", "20"]], r"queries\.0\.rows\.0\.2"),
    ],
)
def test_rows_that_no_end_could_give_are_an_error_of_the_reference(
    sandbox: Sandbox, engine: str, rows: Any, field: str
) -> None:
    end = {"queries": [{"sql": "SELECT id, status, total FROM orders WHERE id = 'O1'", "rows": rows}]}
    with pytest.raises(ToolError, match=field):
        judged(sandbox, engine, messages(DONE), end, ())


@pytest.mark.parametrize("engine", ENGINES)
def test_truth_may_be_asked_for_in_the_way_of_either_engine(sandbox: Sandbox, engine: str) -> None:
    for cell in (True, 1):
        end = {"queries": [{"sql": "SELECT flag FROM flags", "rows": [[cell]]}]}
        script = SCRIPT + "CREATE TABLE flags (flag BOOLEAN); INSERT INTO flags VALUES (TRUE);"
        assert (
            judged(sandbox, engine, messages(DONE), end, (), script=script).findings[0].bearing == "confirms"
        )


@pytest.mark.parametrize("rows", [[[{"a": 1}]], [[[1]]], [[1], [1, 2]]])
def test_rows_that_are_none_are_refused(rows: Any) -> None:
    with pytest.raises(ValueError, match=r"rows\.\d"):
        Task.model_validate(
            {"prompt": "t", "reference": {"final_state": {"queries": [{"sql": "SELECT 1", "rows": rows}]}}}
        )

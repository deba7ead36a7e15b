"""The model's own queries: read-only, capped, told why they fail, and never decisive. References stay hidden."""

from __future__ import annotations

import json

import pytest

from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models import ScriptedModel
from judge_agent.schema import JudgmentRequest
from tools.query_sql import QuerySql

pytestmark = pytest.mark.anyio


@pytest.fixture
def asked(tool, view):
    async def run(sql: str, engine: str = "sqlite", **arguments: object):
        wanted = {"database": "main", "sql": sql, **arguments}
        return await tool.run(wanted, view(None, None, engine=engine), timeout_seconds=30)

    return run


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
async def test_a_query_of_the_model_shows_rows_and_never_decides(asked, engine: str) -> None:
    result = await asked("SELECT name, score FROM people ORDER BY id", engine)
    assert (result.status, result.output["rows"][0]) == ("ok", ["Ada", 1.5])
    assert [(f.bearing, f.strength, f.score) for f in result.findings] == [("none", "strong", None)]


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
async def test_empty_sql_describes_the_tables(asked, engine: str) -> None:
    (table,) = (await asked("", engine)).output["tables"]
    assert table["name"] == "people"
    assert [column.split()[0] for column in table["columns"]] == ["id", "name", "city", "score", "born"]


async def test_a_view_of_a_table_that_is_gone_hides_no_other_table(tool, view) -> None:
    script = "CREATE TABLE a (x INT); CREATE VIEW v AS SELECT x FROM a; DROP TABLE a; CREATE TABLE b (y INT);"
    given = view(None, None, databases=[{"name": "main", "engine": "sqlite", "sql": script}])
    result = await tool.run({"database": "main", "sql": ""}, given, timeout_seconds=30)
    described = {table["name"]: table["columns"] for table in result.output["tables"]}
    assert described == {"v": [], "b": ["y INT"]}


async def test_what_is_shown_is_capped_and_says_so(asked) -> None:
    many = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 9999)"
    result = await asked(f"{many} SELECT x, hex(zeroblob(900)) FROM n")
    assert (len(result.output["rows"]), result.truncated) == (50, True)
    assert result.output["row_count"] == "more than 50"
    assert len(json.dumps(result.output)) < 20_000


@pytest.mark.parametrize(
    ("sql", "status"),
    [
        ("DELETE FROM people", "refused"),
        ("SELECT random()", "refused"),
        ("SELECT load_extension('x')", "refused"),
        ("SELEC", "failed"),
        ("SELECT nope FROM people", "failed"),
        (
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
            "timeout",
        ),
    ],
)
async def test_a_query_that_does_not_run_is_told_and_bears_on_nothing(asked, sql: str, status: str) -> None:
    result = await asked(sql)
    assert (result.status, result.findings[0].bearing) == (status, "none")
    assert result.output["reason"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"database": "other", "sql": ""},
        {"database": "main", "sql": 5},
        {"database": "main", "path": "/"},
        {"sql": "SELECT 1"},
    ],
)
async def test_bad_arguments_are_the_models_own_error(tool, view, arguments) -> None:
    with pytest.raises(ValueError):
        await tool.run(arguments, view(None, None), timeout_seconds=5)


def request(candidate: str, recipe: str) -> JudgmentRequest:
    table = {"columns": [{"name": "a", "type": "INTEGER"}], "rows": [[41], [42], [43]]}
    return JudgmentRequest.model_validate(
        {
            "task": {
                "prompt": "List all.",
                "reference": {"sql": "SELECT a AS gold_name FROM t WHERE a > 41"},
            },
            "candidates": [{"id": "a", "trajectory": {"text": f"```sql\n{candidate}\n```"}}],
            "resources": {"databases": [{"name": "d", "engine": "sqlite", "tables": {"t": table}}]},
            "recipe": recipe,
            "principles": [
                {
                    "name": "clear",
                    "description": "The answer explains the query.",
                    "dimension": "communication",
                }
            ]
            if recipe == "default"
            else None,
        }
    )


async def judgment_of(sandbox, candidate: str, recipe: str, model: ScriptedModel | None):
    judge = Judge(
        model=model,
        tools=[QuerySql(sandbox)],
        journal=MemoryJournal(),
        shared=MemorySharedResults(),
        log=MemoryLog(),
    )
    wanted = request(candidate, recipe)
    judge.check(wanted)
    return await judge.judge(wanted, judgment_id="j", tenant="t", created=0.0)


async def test_no_prompt_holds_the_reference_query_or_its_result(sandbox) -> None:
    model = ScriptedModel()
    judgment = await judgment_of(sandbox, "SELECT a FROM t", "default", model)
    prompts = "\n".join(request.text for request in model.requests)
    assert "3 rows instead of 2" in prompts
    assert "gold_name" not in prompts
    assert "reference_only" not in prompts
    (evidence,) = judgment.evidence
    assert evidence.output["databases"][0]["reference_only"]["columns"] == ["gold_name"]


async def test_a_large_result_still_tells_its_parts_apart(sandbox) -> None:
    model = ScriptedModel()
    wide = ", ".join(f"hex(zeroblob(120)) AS c{index}" for index in range(60))
    judgment = await judgment_of(sandbox, f"SELECT {wide} FROM t", "default", model)
    assert isinstance(judgment.evidence[0].output, dict)
    assert "gold_name" not in "\n".join(request.text for request in model.requests)


async def test_a_query_that_is_not_run_leaves_the_candidate_unscored(sandbox) -> None:
    judgment = await judgment_of(sandbox, "SELECT a FROM t WHERE a > 41", "verify", None)
    assert judgment.candidates[0].reward == 1.0
    refused = await judgment_of(sandbox, "SELECT a FROM t WHERE a > random()", "verify", None)
    (candidate,) = refused.candidates
    assert (candidate.status, candidate.reward) == ("unscored", None)
    assert candidate.failure_kind == "tool_unavailable"


async def test_without_a_box_nothing_runs_and_nothing_is_scored() -> None:
    judgment = await judgment_of(None, "SELECT a FROM t", "verify", None)
    assert judgment.candidates[0].failure_kind == "tool_unavailable"

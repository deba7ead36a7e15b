"""The second wall: what the parser in front might let through is stopped by the engine in its box."""

from __future__ import annotations

import pytest

from judge_agent.schema import Database
from tools.sql.database import source_of
from tools.sql.engine_box import QueryFailed, open_database

pytestmark = pytest.mark.anyio
SCRIPT = "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)"
HARMFUL: dict[str, list[str]] = {
    "duckdb": [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/room/box/database', header = false)",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT getenv('HOME')",
        "COPY t TO '/room/x.csv'",
        "COPY (SELECT 1) TO '/dev/stdout'",
        "ATTACH '/room/box/database' AS again",
        "ATTACH ':memory:' AS other",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit = '100GB'",
        "RESET lock_configuration",
        "PRAGMA database_list",
        "CREATE TABLE u AS SELECT 1",
        "CREATE TEMP TABLE u AS SELECT 1",
        "INSERT INTO t VALUES (2)",
        "DELETE FROM t",
        "DROP TABLE t",
        "EXPORT DATABASE '/room/x'",
        "SELECT 1; SELECT 2",
        "CHECKPOINT",
        "CALL pragma_version()",
        "PREPARE p AS SELECT 1",
        "",
    ],
    "sqlite": [
        "ATTACH '/room/x' AS y",
        "PRAGMA query_only = OFF",
        "PRAGMA writable_schema = ON",
        "SELECT * FROM pragma_database_list",
        "SELECT load_extension('x')",
        "SELECT writefile('/room/x', 'y')",
        "SELECT readfile('/etc/passwd')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT sqlite_compileoption_get(1)",
        "INSERT INTO t VALUES (2)",
        "UPDATE t SET a = 2",
        "DELETE FROM t",
        "CREATE TABLE u (a)",
        "CREATE TEMP TABLE u (a)",
        "CREATE VIRTUAL TABLE f USING fts5(a)",
        "DROP TABLE t",
        "VACUUM INTO '/room/x'",
        "BEGIN",
        "SELECT 1; SELECT 2",
        "REINDEX",
        "",
    ],
}


@pytest.mark.parametrize("engine", ["duckdb", "sqlite"])
async def test_the_engine_in_the_box_runs_nothing_but_reading_queries(sandbox, engine: str) -> None:
    database = Database.model_validate({"name": "d", "engine": engine, "sql": SCRIPT})
    async with open_database(sandbox, await source_of(database, None, ""), seed=0) as box:
        for sql in HARMFUL[engine]:
            with pytest.raises(QueryFailed) as failure:
                await box.query(sql, seconds=3)
            assert failure.value.kind in ("refused", "error", "syntax"), (sql, failure.value)
        assert (await box.query("SELECT a FROM t", seconds=3)).rows == ([1],)

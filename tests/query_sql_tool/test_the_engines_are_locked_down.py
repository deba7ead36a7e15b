"""What each engine is set to in its box, on the given database and on a perturbed copy of it.

`sqlite3` of Python 3.11 has no call for SQLITE_DBCONFIG_DEFENSIVE. What it forbids (writing shadow tables and the
schema, `PRAGMA writable_schema` and `journal_mode`, `sqlite_dbpage`) is refused by the authorizer, and the file is
opened read-only and immutable, with `query_only`.
"""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import time

import pytest

from judge_agent.schema import Database
from tools.sql.database import source_of
from tools.sql.engine_box import QueryFailed, open_database

pytestmark = pytest.mark.anyio
COPY = {
    "seed": "s",
    "recipe": [0.8, 0.5, 0.0, 0.5, False],
    "used": None,
    "joined": [],
    "constants": {},
    "probed": None,
    "tables": [],
    "shuffle": True,
}
SCRIPTS = {
    "sqlite": "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER); INSERT INTO t VALUES (1, 5), (2, 6), (3, 6);"
    "CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f VALUES ('x');"
    "CREATE VIEW v AS SELECT fts3_tokenizer('simple') AS a FROM t;",
    "duckdb": "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER); INSERT INTO t VALUES (1, 5), (2, 6), (3, 6)",
}
FORBIDDEN = {
    "sqlite": [
        "PRAGMA writable_schema = ON",
        "PRAGMA journal_mode = OFF",
        "PRAGMA schema_version = 7",
        "PRAGMA trusted_schema = ON",
        "PRAGMA query_only = OFF",
        "PRAGMA trusted_schema",
        "INSERT INTO f_data VALUES (1, x'00')",
        "DELETE FROM f_content",
        "UPDATE sqlite_dbpage SET data = x'00'",
        "SELECT data FROM sqlite_dbpage",
        "UPDATE sqlite_schema SET sql = ''",
        "INSERT INTO f(f) VALUES ('rebuild')",
        "SELECT a FROM v",
        "ATTACH '/room/box/database' AS again",
        "CREATE TEMP TABLE u (a)",
        "ANALYZE",
        "VACUUM",
    ],
    "duckdb": [
        "SET memory_limit = '100GB'",
        "SET enable_external_access = true",
        "SET threads = 64",
        "SET lock_configuration = false",
        "PRAGMA enable_profiling",
        "INSTALL httpfs",
        "LOAD icu",
        "ATTACH '/room/box/database' AS again",
        "SELECT * FROM read_text('/room/box/database')",
        "COPY t TO '/room/x'",
        "INSERT INTO t VALUES (9, 9)",
        "CHECKPOINT",
        "CREATE TEMP TABLE u AS SELECT 1",
    ],
}
# Each ignores the interrupt, or takes memory past the engine's own limit.
BOMBS = [
    "SELECT levenshtein(repeat('ab', 200000), repeat('ba', 200000))",
    "SELECT length(lpad('x', 2147483647, 'y'))",
    "SELECT length(repeat('x', 2000000000))",
    "SELECT length(repeat(repeat('x', 50000), 40000))",
    "SELECT hamming(repeat('ab', 150000000), repeat('ba', 150000000))",
    "SELECT bit_count(repeat('1', 300000000)::BIT)",
    "SELECT len(list_sort(range(0, 60000000)))",
    "SELECT len(range(0, 2000000000))",
    "SELECT length(printf('%2000000000d', 1))",
    "SELECT length(array_to_string(range(0, 40000000), ','))",
    "SELECT max(i) FROM (SELECT generate_subscripts(range(0, 90000000), 1) AS i)",
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
    "SELECT count(*) FROM range(10000000000000)",
    "SELECT jaro_similarity(repeat('ab', 100000), repeat('ba', 100000))",
    "SELECT regexp_replace(repeat('a', 200000000), 'a', 'bb', 'g')",
]


async def opened(engine: str):
    database = Database.model_validate({"name": "d", "engine": engine, "sql": SCRIPTS[engine]})
    return await source_of(database, None, "")


@pytest.mark.parametrize("on_copy", [False, True], ids=["given", "copy"])
@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
async def test_what_a_query_may_not_do_is_refused(sandbox, engine: str, on_copy: bool) -> None:
    async with open_database(sandbox, await opened(engine), seed=0) as box:
        if on_copy:
            await box.turn_to_copy(COPY, seconds=5)
        before = await box.query("SELECT count(*) FROM t", seconds=3)
        for sql in FORBIDDEN[engine]:
            with pytest.raises(QueryFailed) as failure:
                await box.query(sql, seconds=3)
            assert failure.value.kind in ("refused", "error", "syntax"), (sql, failure.value)
        assert await box.query("SELECT count(*) FROM t", seconds=3) == before


@pytest.mark.parametrize("bomb", BOMBS, ids=[bomb[7:30] for bomb in BOMBS])
async def test_a_query_that_does_not_hear_the_interrupt_is_over_soon_after_its_time(
    sandbox, bomb: str
) -> None:
    async with open_database(sandbox, await opened("duckdb"), seed=0) as box:
        started = time.monotonic()
        with contextlib.suppress(QueryFailed):  # some are over in time, with a result
            await box.query(bomb, seconds=1.0)
        assert time.monotonic() - started < 4.0


async def test_settings_of_duckdb_are_those_of_the_box(sandbox) -> None:
    names = "enable_external_access lock_configuration autoload_known_extensions autoinstall_known_extensions"
    async with open_database(sandbox, await opened("duckdb"), seed=0) as box:
        for turn in range(2):
            if turn:
                await box.turn_to_copy(COPY, seconds=5)
            values = [
                (await box.query(f"SELECT current_setting('{name}')", seconds=3)).rows[0][0]
                for name in names.split()
            ]
            assert values == [False, True, False, False]


def test_doctor_says_whether_sqlite_is_defensive() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "judge_agent.cli", "doctor"], capture_output=True, text=True, check=False
    )
    is_set = "on" if hasattr(sqlite3, "SQLITE_DBCONFIG_DEFENSIVE") else "not set"
    assert f"DEFENSIVE {is_set} in its boxes" in told.stdout

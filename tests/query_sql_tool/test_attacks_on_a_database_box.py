"""Queries and database files that mean harm: each ends soon, reaches nothing, and the next query runs as before."""

from __future__ import annotations

import os
import sqlite3
import time
import tomllib
from pathlib import Path

import duckdb
import pytest

from judge_agent.errors import ToolError
from judge_agent.resources import BlobFiles, FileResources
from judge_agent.schema import Database
from tools.query_sql import QuerySql, QuerySqlLimits
from tools.sql.database import source_of
from tools.sql.engine_box import open_database

pytestmark = pytest.mark.anyio
CASES = tomllib.loads((Path(__file__).parent / "attacks.toml").read_text("utf-8"))["case"]
REFERENCE = "SELECT name FROM people"


def sql_of(case) -> str:
    return case.get("sql") or "".join(text * times for text, times in case["parts"])


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_a_harmful_query_ends_soon_and_reaches_nothing(judged, case) -> None:
    started = time.monotonic()
    if case["outcome"] == "unavailable":
        with pytest.raises(ToolError, match=case.get("says", "")):
            await judged(sql_of(case), REFERENCE, engine=case["engine"])
    else:
        verdict, result = await judged(sql_of(case), REFERENCE, engine=case["engine"])
        assert verdict == ("refutes", "decisive"), result
        assert case.get("says", "") in result.findings[0].reason
        assert result.status == case.get("status", result.status)
    assert time.monotonic() - started < 12


def test_the_attacks_that_reach_files_work_without_a_box(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    duckdb.connect().execute(f"COPY (SELECT 1) TO '{target}'")
    assert target.exists()
    assert "root" in str(duckdb.connect().execute("SELECT content FROM read_text('/etc/passwd')").fetchall())


@pytest.fixture
async def stored(sandbox, tmp_path, view):
    """Upload a file and query it; return what `judged` returns."""
    blobs = BlobFiles(tmp_path / "blobs", max_bytes=64_000_000, max_tenant_bytes=10**9)
    tool = QuerySql(sandbox, FileResources(blobs, None), limits=QuerySqlLimits(seconds_per_query=3))

    async def run(content: bytes, engine: str, candidate: str, reference: str, tenant: str = "t"):
        async with blobs.upload(tenant) as upload:
            await upload.write(content)
        databases = [{"name": "d", "engine": engine, "blob": upload.sha256}]
        result = await tool.run({}, view(candidate, reference, databases=databases), timeout_seconds=60)
        return (result.findings[0].bearing, result.findings[0].strength), result

    return run


def sqlite_file(path: Path, script: str) -> bytes:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    return path.read_bytes()


async def test_an_uploaded_file_of_either_engine_is_queried(stored, tmp_path) -> None:
    content = sqlite_file(tmp_path / "s.db", "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)")
    assert (await stored(content, "sqlite", "SELECT a FROM t", "SELECT a FROM t"))[0] == (
        "confirms",
        "decisive",
    )
    with duckdb.connect(tmp_path / "d.db") as connection:
        connection.execute("CREATE TABLE t AS SELECT range AS a FROM range(5)")
    content = (tmp_path / "d.db").read_bytes()
    verdict, _ = await stored(content, "duckdb", "SELECT a FROM t WHERE a < 4", "SELECT a FROM t")
    assert verdict == ("refutes", "decisive")


async def test_a_file_in_wal_mode_is_queried(stored, tmp_path) -> None:
    script = "PRAGMA journal_mode=WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)"
    content = sqlite_file(tmp_path / "wal.db", script)
    assert (await stored(content, "sqlite", "SELECT a FROM t", "SELECT a FROM t"))[0][0] == "confirms"


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
@pytest.mark.parametrize("kind", ["random", "torn", "zeros", "text", "zip"])
async def test_a_malformed_file_is_nobodys_fault(stored, tmp_path, engine: str, kind: str) -> None:
    whole = sqlite_file(tmp_path / "s.db", "CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    if engine == "duckdb":
        with duckdb.connect(tmp_path / "d.db") as connection:
            connection.execute("CREATE TABLE t AS SELECT range AS a FROM range(5)")
        whole = (tmp_path / "d.db").read_bytes()
    content = {
        "random": bytes(range(1, 251)) * 40,
        "torn": whole[: len(whole) // 3] + b"\xff" * (len(whole) // 2),
        "zeros": bytes(100_000),
        "text": b"SELECT 1;" * 1000,
        "zip": b"PK\x03\x04" + bytes(5000),
    }[kind]
    with pytest.raises(ToolError):
        await stored(content, engine, "SELECT a FROM t", "SELECT a FROM t")


async def test_a_file_of_one_engine_is_no_database_of_the_other(stored, tmp_path) -> None:
    content = sqlite_file(tmp_path / "s.db", "CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    with pytest.raises(ToolError, match="could not be opened by duckdb"):
        await stored(content, "duckdb", "SELECT a FROM t", "SELECT a FROM t")


async def test_a_view_in_a_file_calls_nothing_that_a_query_may_not(stored, tmp_path) -> None:
    content = sqlite_file(
        tmp_path / "s.db",
        "CREATE TABLE t (a); INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT load_extension('x') AS a FROM t;"
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT load_extension('x'); END;",
    )
    with pytest.raises(ToolError, match="load_extension"):
        await stored(content, "sqlite", "SELECT a FROM v", "SELECT a FROM t")
    with duckdb.connect(tmp_path / "d.db") as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
        connection.execute("CREATE VIEW v AS SELECT content AS a FROM read_text('/etc/passwd')")
        connection.execute("CREATE MACRO m() AS TABLE SELECT content AS a FROM read_text('/etc/passwd')")
    content = (tmp_path / "d.db").read_bytes()
    for query in ("SELECT a FROM v", "SELECT a FROM m()"):
        with pytest.raises(ToolError, match="not run"):
            await stored(content, "duckdb", query, "SELECT a FROM t")


async def test_a_file_that_grows_when_it_is_read_hits_the_limits_of_the_box(stored, tmp_path) -> None:
    with duckdb.connect(tmp_path / "bomb.db") as connection:
        connection.execute("CREATE TABLE t AS SELECT repeat('x', 1000) AS a FROM range(1000000)")
    content = (tmp_path / "bomb.db").read_bytes()
    assert len(content) < 20_000_000
    verdict, _ = await stored(content, "duckdb", "SELECT string_agg(a) FROM t", "SELECT count(*) FROM t")
    assert verdict == ("refutes", "decisive")


async def test_a_script_reaches_no_more_than_a_query(judged) -> None:
    scripts = {
        "sqlite": ["ATTACH '/room/x' AS y", "SELECT load_extension('x')", "VACUUM INTO '/room/y'"],
        "duckdb": ["COPY (SELECT 1) TO '/tmp/x'", "ATTACH '/tmp/x.db'", "INSTALL httpfs", "LOAD httpfs"],
    }
    for engine, texts in scripts.items():
        for text in texts:
            databases = [{"name": "d", "engine": engine, "sql": f"CREATE TABLE t (a INTEGER); {text}"}]
            with pytest.raises(ToolError, match="could not be opened"):
                await judged("SELECT a FROM t", "SELECT a FROM t", databases=databases)


async def test_a_dump_begins_with_pragmas_that_are_passed_over(judged) -> None:
    script = (
        "PRAGMA foreign_keys=OFF; BEGIN TRANSACTION; CREATE TABLE t (a); INSERT INTO t VALUES (7); COMMIT;"
    )
    databases = [{"name": "d", "engine": "sqlite", "sql": script}]
    verdict, _ = await judged("SELECT a FROM t", "SELECT a AS b FROM t", databases=databases)
    assert verdict == ("confirms", "decisive")


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
async def test_a_script_without_end_is_cut_off(sandbox, engine: str) -> None:
    script = (
        "CREATE TABLE t AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT * FROM n"
    )
    source = await source_of(
        Database.model_validate({"name": "d", "engine": engine, "sql": script}), None, ""
    )
    with pytest.raises(ToolError, match="could not be opened"):
        async with open_database(sandbox, source, seed=0, load_seconds=1.0):
            pass


async def test_the_boxes_are_gone_when_the_call_is_over(judged) -> None:
    await judged("SELECT name FROM people", REFERENCE)  # starts what stays warm
    before = _below()
    await judged("SELECT name FROM people", REFERENCE)
    with pytest.raises(ToolError):
        await judged("SELECT name FROM people", "SELECT nope FROM people")
    assert _below() == before


def _below() -> set[str]:
    """What this process has started, and what that has."""
    found, waiting = set[str](), [str(os.getpid())]
    while waiting:
        for children in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            new = set(children.read_text().split()) - found
            found |= new
            waiting += new
    return found

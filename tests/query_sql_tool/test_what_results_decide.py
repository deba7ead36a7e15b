"""When two results are the same, and what each outcome decides."""

from __future__ import annotations

import contextlib
import sqlite3
import time
import tomllib
from pathlib import Path

import pytest

from judge_agent.errors import ToolError
from judge_agent.resources import BlobFiles, FileResources
from tools.query_sql import QuerySql

pytestmark = pytest.mark.anyio
CASES = [
    (case, engine)
    for name in ("results", "telling", "left_open", "columns", "written_down", "own_names")
    for case in tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text("utf-8"))["case"]
    for engine in case.get("engines", ["sqlite"])
]
VERDICTS = {
    "right": ("confirms", "decisive"),
    "wrong": ("refutes", "decisive"),
    "weak": ("confirms", "strong"),
    "unclear": ("refutes", "strong"),
    "silent": ("none", "strong"),
}


@pytest.mark.parametrize(("case", "engine"), CASES, ids=[f"{c['name']} ({e})" for c, e in CASES])
async def test_a_query_is_judged_by_its_result(judged, case, engine) -> None:
    databases = [{"name": "d", "engine": engine, "sql": case["setup"]}] if "setup" in case else None
    verdict, result = await judged(case["candidate"], case["reference"], engine=engine, databases=databases)
    assert verdict == VERDICTS[case["verdict"]], result


async def test_what_told_the_queries_apart_or_was_left_open_is_in_the_evidence(judged) -> None:
    facts = {}
    for candidate in ("SELECT sum(id) FROM people", "SELECT 15 FROM people LIMIT 1", "SELECT 16"):
        _, result = await judged(candidate, "SELECT sum(id) FROM people")
        found = result.output["databases"][0]["facts"]
        facts[candidate] = (found["matches"], found.get("told_apart"), found.get("left_open"))
    assert list(facts.values()) == [(True, True, None), (True, False, None), (False, None, False)]


async def test_a_name_that_speaks_against_a_match_is_not_outweighed_by_another_database(judged) -> None:
    columns = [{"name": name, "type": "INTEGER"} for name in ("x", "y", "z")]
    databases = [
        {"name": name, "engine": "sqlite", "tables": {"t": {"columns": columns, "rows": rows}}}
        for name, rows in (("same", [[1, 1, 5], [2, 2, 6]]), ("other", [[1, 2, 5], [3, 4, 6]]))
    ]
    for given in (databases, databases[::-1]):
        verdict, _ = await judged(
            "SELECT y AS x, x AS y, z AS w FROM t", "SELECT x, y, z FROM t", databases=given
        )
        assert verdict == ("none", "strong")


async def test_a_query_that_is_slow_to_try_otherwise_is_still_judged_soon(judged) -> None:
    script = (
        "CREATE TABLE t (a INTEGER, b INTEGER); WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n"
        " LIMIT 20000) INSERT INTO t SELECT x, x % 7 FROM n"
    )
    databases = [{"name": "d", "engine": "sqlite", "sql": script}]
    reference = "SELECT count(*) FROM t WHERE a = (SELECT u.a FROM t u WHERE u.b = t.b ORDER BY u.b LIMIT 1)"
    started = time.monotonic()
    verdict, _ = await judged("SELECT 8 + count(*) FROM t", reference, databases=databases)
    assert verdict[0] == "refutes"
    assert time.monotonic() - started < 12


async def test_a_reference_that_fails_is_never_held_against_the_candidate(judged) -> None:
    for reference in ("SELECT nope FROM people", "DROP TABLE people", "SELEC", "SELECT random() FROM people"):
        with pytest.raises(ToolError, match="reference query gives no result"):
            await judged("SELECT name FROM people", reference)


async def test_a_database_that_does_not_open_is_never_held_against_the_candidate(judged) -> None:
    for engine in ("sqlite", "duckdb"):
        broken = [{"name": "d", "engine": engine, "sql": "CREATE TABLE"}]
        with pytest.raises(ToolError, match="could not be opened"):
            await judged("SELECT 1", "SELECT 1", databases=broken)


async def test_a_broken_part_of_a_database_is_never_held_against_the_candidate(
    sandbox, view, tmp_path: Path
) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "broken")) as made:
        made.executescript(
            "CREATE TABLE a (x); CREATE TABLE b (x); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)"
        )
    content = bytearray((tmp_path / "broken").read_bytes())
    content[-4096:] = b"\xff" * 4096  # the only page of b
    (tmp_path / "broken").write_bytes(content)
    files = FileResources(BlobFiles(tmp_path / "blobs", max_bytes=1, max_tenant_bytes=1), tmp_path)
    databases = [{"name": "d", "engine": "sqlite", "root_name": "broken"}]
    with pytest.raises(ToolError, match="malformed"):
        await QuerySql(sandbox, files).run(
            {}, view("SELECT x FROM b", "SELECT x FROM a", databases=databases), timeout_seconds=60
        )


async def test_the_queries_must_agree_on_every_database(judged) -> None:
    tables = {"t": {"columns": [{"name": "a", "type": "INTEGER"}], "rows": [[1], [2]]}}
    more = {"t": {"columns": [{"name": "a", "type": "INTEGER"}], "rows": [[1], [2], [30]]}}
    both = [
        {"name": "small", "engine": "sqlite", "tables": tables},
        {"name": "large", "engine": "duckdb", "tables": more},
    ]
    verdict, result = await judged("SELECT a FROM t WHERE a < 9", "SELECT a FROM t", databases=both)
    assert verdict == ("refutes", "decisive")
    assert [one["facts"]["matches"] for one in result.output["databases"]] == [True, False]
    verdict, result = await judged("SELECT a AS b FROM t", "SELECT a FROM t", databases=both)
    assert (verdict, result.checked["databases"]) == (("confirms", "decisive"), 2)


async def test_a_result_that_is_compared_with_the_clock_says_so(judged) -> None:
    _, result = await judged(
        "SELECT name FROM people WHERE born < date('now')", "SELECT name FROM people WHERE id <> 3"
    )
    assert result.flags["query_depends_on_the_time_of_day"] is True


async def test_full_text_tables_of_a_database_are_searched(judged) -> None:
    script = (
        "CREATE VIRTUAL TABLE d USING fts5(body); CREATE VIRTUAL TABLE e USING fts4(body);"
        "INSERT INTO d VALUES ('red fox'), ('blue fox'), ('red hen'); INSERT INTO e SELECT body FROM d;"
    )
    databases = [{"name": "d", "engine": "sqlite", "sql": script}]
    for table, strength in (("d", "decisive"), ("e", "strong")):  # no copy shows that e holds what d does
        verdict, result = await judged(
            f"SELECT body FROM {table} WHERE {table} MATCH 'red'",
            "SELECT body FROM d WHERE body LIKE '%red%'",
            databases=databases,
        )
        assert verdict == ("confirms", strength), result


async def test_values_of_every_type_come_through_inline_tables(judged) -> None:
    columns = [
        {"name": "i", "type": "BIGINT"},
        {"name": "d", "type": "DECIMAL(10, 2)"},
        {"name": "f", "type": "DOUBLE"},
        {"name": "b", "type": "BOOLEAN"},
        {"name": "s", "type": "VARCHAR(20)"},
        {"name": "t", "type": "TIMESTAMP"},
    ]
    rows = [
        [2**60, 1.25, 1e-7, True, 'it\'s "q" \u00e9', "2024-02-29 12:00:00"],
        [None, None, None, None, None, None],
    ]
    for engine in ("sqlite", "duckdb"):
        databases = [
            {"name": "d", "engine": engine, "tables": {"odd name": {"columns": columns, "rows": rows}}}
        ]
        verdict, result = await judged(
            "SELECT i, d, f, b, s, t FROM \"odd name\" WHERE s = 'it''s \"q\" \u00e9'",
            'SELECT * FROM "odd name" WHERE i = 1152921504606846976',
            databases=databases,
        )
        assert verdict == ("confirms", "decisive"), result


async def test_a_match_that_leaves_a_database_out_does_not_decide(judged) -> None:
    columns = [{"name": "a", "type": "INTEGER"}]
    good = {
        "name": "good",
        "engine": "sqlite",
        "tables": {"t": {"columns": columns, "rows": [[1], [2], [3]]}},
    }
    other = {"name": "other", "engine": "sqlite", "tables": {"u": {"columns": columns}}}
    for given in ([good, other], [other, good]):
        verdict, result = await judged("SELECT a FROM t WHERE a > 0", "SELECT a FROM t", databases=given)
        assert verdict == ("confirms", "strong")
        assert list(result.flags["databases_not_compared"]) == ["other"]
        verdict, _ = await judged("SELECT a FROM t WHERE a > 1", "SELECT a FROM t", databases=given)
        assert verdict == ("refutes", "decisive")

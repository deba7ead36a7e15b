"""How close numbers, sort keys and rounded numbers must be, and what a result that is too large decides."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tools.query_sql import QuerySql, QuerySqlLimits

pytestmark = pytest.mark.anyio
SETUPS = {
    "events": "CREATE TABLE ev (id INTEGER, name TEXT, day TEXT, epoch DOUBLE PRECISION, amount DOUBLE PRECISION);"
    "INSERT INTO ev VALUES "
    + ", ".join(
        f"({at}, 'e{at * 7 % 13}', '2024-01-{at:02d}', {1704067200.5 + at * 600}, {2000000.25 + at / 2})"
        for at in range(1, 13)
    ),
    "chain": "CREATE TABLE c (n INTEGER, x DOUBLE PRECISION); INSERT INTO c VALUES "
    + ", ".join(f"({at}, {1 + at * 3e-13!r})" for at in range(1, 40)),
    "bits": f"CREATE TABLE b (n INTEGER, x DOUBLE PRECISION); INSERT INTO b VALUES (1, 0.3), (2, {0.1 + 0.2!r})",
    "noise": "CREATE TABLE b (n INTEGER, x DOUBLE PRECISION); INSERT INTO b VALUES (1, 0.3), (2, 0.3000000000001)",
    "totals": "CREATE TABLE acc (id INTEGER PRIMARY KEY, region TEXT, amount DOUBLE PRECISION); INSERT INTO acc VALUES "
    + ", ".join(f"({at}, '{'NSE'[at % 3]}', {100000 + at * 37.13!r})" for at in range(1, 61))
    + ", (61, 'N', 0.99), (62, 'S', 0.5), (63, 'E', 1.0)",
    "single": "CREATE TABLE s (id INTEGER, x FLOAT); INSERT INTO s VALUES (1, 0.1), (2, 0.7), (3, 1e-3)",
    "small": "CREATE TABLE z (id INTEGER, v DOUBLE PRECISION); INSERT INTO z VALUES (1, 0.5), (2, 1.25), (3, 1e-12)",
    "balance": "CREATE TABLE m (x DOUBLE PRECISION); INSERT INTO m VALUES (0.1), (0.2), (-0.3)",
    "ledger": "CREATE TABLE l (acc INTEGER, d DOUBLE PRECISION, c DOUBLE PRECISION); INSERT INTO l VALUES "
    "(1, 0.1, 0), (1, 0.2, 0), (1, 0, 0.3), (2, 100.1, 0), (2, 0, 100.1), (3, 5.5, 0), (3, 0, 1.1)",
    "hits": "CREATE TABLE v (id INTEGER PRIMARY KEY, hit INTEGER); INSERT INTO v VALUES "
    + ", ".join(f"({at}, {int(at <= 23)})" for at in range(1, 41)),
    "large": "CREATE TABLE k (id BIGINT, v INTEGER); INSERT INTO k VALUES "
    "(9007199254740995, 5), (9007199254740996, 6), (1234567890123456789, 7)",
    "places": "CREATE TABLE p (id INTEGER, g VARCHAR(3), x DOUBLE PRECISION, version VARCHAR(9)); INSERT INTO p VALUES "
    "(1, 'a', 2.12, '1.10'), (2, 'b', 3.45, '1.2'), (3, 'c', 7.77, '2.10'), (4, 'd', 3.5, '2.11')",
}
CASES = [
    (case, engine)
    for case in tomllib.loads((Path(__file__).parent / "numbers.toml").read_text("utf-8"))["case"]
    for engine in case.get("engines", ["sqlite", "duckdb"])
]
VERDICTS = {
    "right": ("confirms", "decisive"),
    "wrong": ("refutes", "decisive"),
    "weak": ("confirms", "strong"),
    "unclear": ("refutes", "strong"),
}
WIDE = "CREATE TABLE w AS SELECT i AS id, DATE '2000-01-01' + (i % 900)::INTEGER AS d, (i % 9) + 0.5::DOUBLE AS c"
WIDE_ROWS = "FROM range(30000) t(i)"


@pytest.mark.parametrize(("case", "engine"), CASES, ids=[f"{c['name']} ({e})" for c, e in CASES])
async def test_numbers_are_the_same_as_far_as_they_can_be_known(judged, case, engine) -> None:
    given = [{"name": "d", "engine": engine, "sql": SETUPS[case["setup"]]}] if "setup" in case else None
    verdict, result = await judged(case["candidate"], case["reference"], engine=engine, databases=given)
    assert verdict == VERDICTS[case["verdict"]], result


@pytest.fixture
def patient(sandbox, view):
    """Run the opening call on 30,000 rows, with the time that a busy machine takes for them."""

    async def run(sql: str, reference: str):
        databases = [{"name": "d", "engine": "duckdb", "sql": f"{WIDE} {WIDE_ROWS}"}]
        asked = view(sql, reference, engine="duckdb", databases=databases)
        result = await QuerySql(sandbox, limits=QuerySqlLimits(seconds_per_query=60)).run(
            {}, asked, timeout_seconds=300
        )
        return (result.findings[0].bearing, result.findings[0].strength), result

    return run


async def test_decimals_are_compared_however_many_places_are_written(patient) -> None:
    plain = ", ".join(f"c AS c{at}" for at in range(10))
    decimals = ", ".join(f"CAST(c AS DECIMAL(12, 6)) AS c{at}" for at in range(10))
    verdict, result = await patient(f"SELECT id, {decimals} FROM w", f"SELECT id, {plain} FROM w")
    assert verdict == ("confirms", "decisive"), result


async def test_a_result_that_is_too_large_to_compare_is_not_decided(patient) -> None:
    numbers = ", ".join(f"id % 2 AS b{at}" for at in range(29))
    truths = ", ".join(f"id % 2 = 1 AS b{at}" for at in range(29))  # each takes two to three times the room
    for order in ("", " ORDER BY id"):
        reference = f"SELECT id, {numbers} FROM w{order}"
        verdict, result = await patient(f"SELECT id, {truths} FROM w{order}", reference)
        assert verdict == ("none", "strong"), result
        assert "too large to compare" in result.findings[0].reason
        other = f"SELECT id + 1 AS id, {truths} FROM w ORDER BY id DESC"
        verdict, result = await patient(other, reference)
        assert verdict == ("refutes", "decisive"), result


async def test_more_rows_than_were_read_are_too_many(patient) -> None:
    verdict, result = await patient("SELECT a.id FROM w AS a, w AS b WHERE b.id < 3", "SELECT id FROM w")
    assert verdict == ("refutes", "decisive")
    assert "more than 50000 rows instead of 30000" in result.findings[0].reason


async def test_a_match_without_proof_is_none_on_copies_either(judged) -> None:
    script = "CREATE TABLE k (id BIGINT PRIMARY KEY, v INTEGER NOT NULL); INSERT INTO k VALUES " + ", ".join(
        f"({2**53 + 2 * at + 1}, {at})" for at in range(6)
    )
    for engine in ("sqlite", "duckdb"):
        databases = [{"name": "d", "engine": engine, "sql": script}]
        sql = "SELECT CAST(id AS DOUBLE PRECISION) AS id FROM k"
        verdict, result = await judged(sql, "SELECT id FROM k", databases=databases)
        assert (verdict, result.asides) == (("confirms", "strong"), ()), result.output

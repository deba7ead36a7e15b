"""What matches on the given data is tried on perturbed copies of it: there, too, it must be the reference's result."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tools.query_sql import QuerySql, QuerySqlLimits

pytestmark = pytest.mark.anyio
CASES = tomllib.loads((Path(__file__).parent / "copies.toml").read_text("utf-8"))["case"]
SHOP = """
CREATE TABLE customers (
  id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, email VARCHAR(60) NOT NULL UNIQUE, phone VARCHAR(20),
  city VARCHAR(40), country VARCHAR(40), points INTEGER NOT NULL);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id), status VARCHAR(10) NOT NULL,
  price DOUBLE PRECISION NOT NULL, quantity INTEGER NOT NULL, total DOUBLE PRECISION NOT NULL,
  discount DOUBLE PRECISION NOT NULL CHECK (discount >= 0), ordered DATE NOT NULL, shipped DATE);
INSERT INTO customers VALUES
  (1, 'Ada', 'm1@x.org', '11', 'Oslo', 'Norway', 30), (2, 'Bo', 'm2@x.org', '12', 'Rome', 'Italy', 20),
  (3, 'Cy', 'm3@x.org', '13', 'Oslo', 'Norway', 25), (4, 'Di', 'm4@x.org', '14', 'Rome', 'Italy', 10),
  (5, 'Ed', 'm5@x.org', '15', 'Bari', 'Italy', 25), (6, 'Flo', 'm6@x.org', '16', 'Bergen', 'Norway', 40),
  (7, 'Gus', 'm7@x.org', '17', NULL, NULL, 12);
INSERT INTO orders VALUES
  (1, 1, 'paid', 5, 2, 10, 0.1, '2024-01-02', '2024-01-05'), (2, 1, 'open', 10, 2, 20, 0.0, '2024-02-02', NULL),
  (3, 2, 'paid', 8, 3, 24, 0.2, '2024-02-10', '2024-02-10'), (4, 3, 'paid', 7, 1, 7, 0.0, '2024-03-01', '2024-03-09'),
  (5, 4, 'open', 30, 1, 30, 0.3, '2024-03-01', NULL), (6, 5, 'paid', 6, 5, 30, 0.0, '2024-04-11', '2024-04-12'),
  (7, 6, 'paid', 2, 4, 8, 0.1, '2024-05-05', '2024-05-06'), (8, 7, 'open', 4, 4, 16, 0.0, '2024-05-07', NULL);
"""
UNKEYED = (
    "CREATE TABLE t (b VARCHAR(9), a INTEGER); INSERT INTO t VALUES ('x', 1), ('y', 5), ('y', 9), ('z', 12)"
)


def database(engine: str, script: str = SHOP, name: str = "main") -> dict[str, str]:
    return {"name": name, "engine": engine, "sql": script}


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_other_data_tells_queries_apart_that_are_not_the_same(judged, case, engine: str) -> None:
    given = [database(engine)]
    verdict, result = await judged(case["candidate"], case["reference"], databases=given)
    assert verdict[0] == "confirms", result.findings
    aside = next(iter(result.asides), None)
    differs = result.output["databases"][0]["perturbed"].get("differs_on")
    if case["outcome"] == "decisive":
        assert aside is not None, result.output
        assert (aside.finding.bearing, aside.finding.strength, aside.finding.score) == (
            "refutes",
            "decisive",
            0.0,
        )
        assert result.output["partial"]["perturbed_match"] == 0.0
    elif case["outcome"] == "same":
        assert differs is None, result.output
        assert aside is None or aside.finding.bearing == "confirms"
    elif case["outcome"] == "strong":
        assert (differs is not None, aside) == (True, None), result.output
    else:
        assert aside is None or aside.finding.bearing == "confirms"


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
async def test_without_declared_keys_a_difference_is_strong_at_most(judged, engine: str) -> None:
    verdict, result = await judged(
        "SELECT b FROM t WHERE a > 6", "SELECT b FROM t WHERE a > 5", databases=[database(engine, UNKEYED)]
    )
    assert verdict == ("confirms", "decisive")
    assert result.asides == ()
    assert [(one.bearing, one.strength) for one in result.findings] == [
        ("confirms", "decisive"),
        ("refutes", "strong"),
    ]
    assert result.output["databases"][0]["perturbed"]["keys_declared"] is False


async def test_a_query_that_differs_on_the_given_data_is_not_tried_on_other(judged) -> None:
    _, result = await judged(
        "SELECT name FROM customers WHERE points > 30",
        "SELECT name FROM customers WHERE points > 20",
        databases=[database("sqlite")],
    )
    assert result.asides == ()
    assert "perturbed" not in result.output["databases"][0]
    assert result.output["partial"]["perturbed_match"] is None


async def test_what_is_equal_everywhere_is_confirmed_in_a_dimension_of_its_own(judged) -> None:
    _, result = await judged(
        "SELECT c.name FROM customers AS c WHERE NOT c.points <= 20",
        "SELECT name FROM customers WHERE points > 20",
        databases=[database("sqlite")],
    )
    (aside,) = result.asides
    assert (aside.name, aside.dimension, aside.kind) == ("query_on_other_data", "robustness", "soft")
    assert (aside.finding.bearing, aside.finding.score) == ("confirms", 1.0)
    assert result.checked["perturbed_copies"] >= 3


async def test_a_query_that_fails_on_a_copy_is_not_held_against_the_candidate(judged) -> None:
    script = (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER NOT NULL);"
        "INSERT INTO t VALUES (1, 4), (2, 6), (3, 8), (4, 8), (5, 2)"
    )
    # More than one row of a subquery where one is wanted is an error of DuckDB, and a choice of SQLite.
    candidate = "SELECT a FROM t WHERE id = (SELECT id FROM t AS u WHERE u.a = 6)"
    for engine in ("sqlite", "duckdb"):
        _, result = await judged(
            candidate, "SELECT a FROM t WHERE a = 6", databases=[database(engine, script)]
        )
        assert all(aside.finding.bearing != "refutes" for aside in result.asides), result.output


async def test_the_same_seed_makes_the_same_copies(judged) -> None:
    outputs = []
    for _ in range(2):
        _, result = await judged(
            "SELECT name FROM customers WHERE points > 22",
            "SELECT name FROM customers WHERE points > 20",
            databases=[database("sqlite")],
        )
        outputs.append((result.output, result.asides))
    assert outputs[0] == outputs[1]


async def test_where_time_is_short_copies_are_left_out_and_a_flag_says_so(sandbox, view) -> None:
    # What is kept of the call's time leaves nothing for copies.
    tool = QuerySql(sandbox, limits=QuerySqlLimits(seconds_per_query=3, seconds_to_end=59.9))
    given = view("SELECT name FROM customers", "SELECT name FROM customers", databases=[database("sqlite")])
    result = await tool.run({}, given, timeout_seconds=60)
    assert result.findings[0].strength == "decisive"
    assert result.asides == ()
    assert "no time" in result.flags["perturbed_copies_left_out"]["main"]


async def test_a_database_that_is_too_large_is_not_perturbed_and_a_flag_says_so(judged) -> None:
    script = (
        "CREATE TABLE t (id INTEGER PRIMARY KEY); WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n"
        " LIMIT 30000) INSERT INTO t SELECT x FROM n"
    )
    _, result = await judged(
        "SELECT count(id) FROM t", "SELECT count(*) FROM t", databases=[database("sqlite", script)]
    )
    assert "more than" in result.flags["perturbed_copies_left_out"]["main"]
    assert result.asides == ()


async def test_every_database_must_agree_on_its_copies(judged) -> None:
    given = [database("sqlite", name="one"), database("duckdb", name="two")]
    _, result = await judged(
        "SELECT name FROM customers WHERE points > 22",
        "SELECT name FROM customers WHERE points > 20",
        databases=given,
    )
    assert [aside.finding.bearing for aside in result.asides] == ["refutes"]


async def test_triggers_views_and_odd_tables_do_not_spoil_the_copies(judged) -> None:
    script = """
    CREATE TABLE "odd ""t" (a TEXT, b INTEGER, c INTEGER GENERATED ALWAYS AS (b * 2) STORED,
      PRIMARY KEY (a, b)) WITHOUT ROWID;
    INSERT INTO "odd ""t" (a, b) VALUES ('x', 1), ('y', 2), ('z', 3), ('z', 4), ('w', 7);
    CREATE TABLE log (what TEXT);
    CREATE TRIGGER g AFTER DELETE ON "odd ""t" BEGIN INSERT INTO log VALUES (old.a); END;
    CREATE VIEW v AS SELECT a, b FROM "odd ""t" WHERE b > 1;
    CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f VALUES ('red fox'), ('blue hen');
    """
    given = [database("sqlite", script)]
    for candidate, reference in (
        ('SELECT a FROM "odd ""t" WHERE c > 4', 'SELECT a FROM "odd ""t" WHERE b > 2'),
        ("SELECT a FROM v WHERE b < 4", "SELECT a FROM v WHERE b < 4 AND b > 1"),
        ("SELECT body FROM f WHERE f MATCH 'red'", "SELECT body FROM f WHERE body LIKE '%red%'"),
        ("SELECT what FROM log", "SELECT what FROM log WHERE what IS NOT NULL OR what IS NULL"),
    ):
        _, result = await judged(candidate, reference, databases=given)
        told = result.output["databases"][0]["perturbed"]
        assert "differs_on" not in told, told
        assert told["failed"] == 0, told


async def test_a_day_that_a_query_computes_is_a_border_as_well(judged) -> None:
    _, result = await judged(
        "SELECT id FROM orders WHERE ordered >= date('2024-05-01', '-65 days')",
        "SELECT id FROM orders WHERE ordered >= date('2024-05-01', '-70 days')",
        databases=[database("sqlite")],
    )
    assert [aside.finding.bearing for aside in result.asides] == ["refutes"]


async def test_a_query_that_only_the_engine_reads_is_not_tried_on_copies_and_a_flag_says_so(judged) -> None:
    _, result = await judged(
        "SELECT CAST(name AS 'TEXT') AS name FROM customers WHERE points > 20",
        "SELECT name FROM customers WHERE points > 20",
        databases=[database("sqlite")],
    )
    assert "not read here" in result.flags["perturbed_copies_left_out"]["main"]
    assert (result.checked["perturbed_copies"], result.asides) == (0, ())


async def test_a_full_text_table_is_left_as_it_is(judged) -> None:
    script = (
        "CREATE TABLE docs (id INTEGER PRIMARY KEY, body TEXT NOT NULL);"
        "INSERT INTO docs VALUES (1, 'red fox'), (2, 'blue fox'), (3, 'red hen'), (4, 'grey hen');"
        "CREATE VIRTUAL TABLE f USING fts5(body, content='docs', content_rowid='id');"
        "INSERT INTO f(rowid, body) SELECT id, body FROM docs;"
    )
    _, result = await judged(
        "SELECT d.id FROM docs d JOIN f ON f.rowid = d.id WHERE f MATCH 'red'",
        "SELECT id FROM docs WHERE body LIKE '%red%'",
        databases=[database("sqlite", script)],
    )
    assert result.asides == ()
    assert "full-text" in result.flags["perturbed_copies_left_out"]["main"]

"""Right queries that rest on what the given rows show are not spoken against; what was not varied confirms nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.anyio
CASES = tomllib.loads((Path(__file__).parent / "hanging.toml").read_text("utf-8"))["case"]
STAFF = """
CREATE TABLE dept (id INTEGER PRIMARY KEY, name VARCHAR(30) NOT NULL);
CREATE TABLE emp (
  id INTEGER PRIMARY KEY, name VARCHAR(30) NOT NULL, dept_id INTEGER REFERENCES dept(id), pay INTEGER NOT NULL);
CREATE TABLE gift (id INTEGER PRIMARY KEY, emp_id INTEGER REFERENCES emp(id));
INSERT INTO dept VALUES (1, 'Sales'), (2, 'Ops'), (3, 'Law');
INSERT INTO emp VALUES (1, 'Ann', 1, 5), (2, 'Bob', 2, 8), (3, 'Cid', 1, 7),
  (4, 'Dee', 3, 9), (5, 'Eve', 2, 4), (6, 'Flo', 2, 5);
"""


def database(engine: str, script: str) -> list[dict[str, str]]:
    return [{"name": "main", "engine": engine, "sql": script}]


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_what_hangs_together_in_every_given_row_does_so_in_copies(judged, case, engine: str) -> None:
    verdict, result = await judged(
        case["candidate"], case["reference"], databases=database(engine, case["setup"])
    )
    assert verdict[0] == "confirms", result.findings
    assert "differs_on" not in result.output["databases"][0]["perturbed"], result.output
    assert all(aside.finding.bearing == "confirms" for aside in result.asides)


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
@pytest.mark.parametrize(
    ("reference", "candidate"),
    [
        (
            "SELECT e.name, d.name AS dept FROM emp e LEFT JOIN dept d ON d.id = e.dept_id",
            "SELECT e.name, d.name AS dept FROM emp e JOIN dept d ON d.id = e.dept_id",
        ),
        (
            "SELECT name FROM emp WHERE dept_id <> 2 OR dept_id IS NULL",
            "SELECT name FROM emp WHERE dept_id <> 2",
        ),
        (
            "SELECT e.name FROM emp e LEFT JOIN gift g ON g.emp_id = e.id WHERE g.id IS NULL",
            "SELECT name FROM emp",
        ),
    ],
)
async def test_null_in_links_and_rows_in_empty_tables_are_tried(judged, reference, candidate, engine) -> None:
    verdict, result = await judged(candidate, reference, databases=database(engine, STAFF))
    assert verdict == ("confirms", "decisive")
    assert ("refutes", "strong") in [(one.bearing, one.strength) for one in result.findings]
    assert result.asides == ()


async def test_a_slow_query_does_not_use_up_the_time_of_its_own_check(judged) -> None:
    slow = "(WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 1500000) SELECT max(i) FROM r)"
    _, result = await judged(
        f"SELECT name FROM emp WHERE id <> 5 AND {slow} > 1",
        "SELECT name FROM emp WHERE pay > 4",
        databases=database("sqlite", STAFF),
    )
    assert [aside.finding.bearing for aside in result.asides] == ["refutes"], result.output


async def test_a_query_that_fails_on_all_copies_is_flagged(judged) -> None:
    broken = "(SELECT CASE WHEN count(*) = 6 THEN 1 ELSE abs(-9223372036854775807 - 1) END FROM emp)"
    _, result = await judged(
        f"SELECT name FROM emp WHERE id <> 5 AND {broken} = 1",
        "SELECT name FROM emp WHERE pay > 4",
        databases=database("sqlite", STAFF),
    )
    said = result.flags.get("perturbed_copies_say_nothing", {}).get("main", "")
    assert "failed" in said or any(aside.finding.bearing == "refutes" for aside in result.asides)


MAIL = """
CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR(60) NOT NULL, age INTEGER NOT NULL);
INSERT INTO users VALUES (1, 'ann@email.com', 30), (2, 'bob@email.com', 30), (3, 'ann@email.com', 20),
  (4, 'cid@quick.org', 41), (5, 'bob@email.com', 20), (6, 'ann@quick.org', 30);
"""


@pytest.mark.parametrize(
    ("candidate", "verdict"),
    [
        (
            "WITH found AS (SELECT * FROM users WHERE email LIKE '%@gmail.com') SELECT count(*) FROM found",
            True,
        ),
        ("SELECT count(*) FROM users WHERE email LIKE '%@yahoo.com'", False),
    ],
)
async def test_a_pattern_that_no_given_row_fulfils_is_fulfilled_in_a_copy(
    judged, candidate: str, verdict: bool
) -> None:
    reference = "SELECT count(*) FROM users WHERE email LIKE '%@gmail.com'"
    _, result = await judged(candidate, reference, databases=database("sqlite", MAIL))
    assert result.output["databases"][0]["perturbed"]["matches"] is verdict, result.output

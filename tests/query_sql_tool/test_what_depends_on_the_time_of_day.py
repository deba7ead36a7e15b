"""The flag `query_depends_on_the_time_of_day`: set where a query asks for the time, and nowhere else."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.anyio
CASES = [
    (engine, sql, depends == "always")
    for engine, kinds in tomllib.loads(
        (Path(__file__).parent / "time_of_day.toml").read_text("utf-8")
    ).items()
    for depends, queries in kinds.items()
    for sql in queries
]
SCRIPT = """
CREATE TABLE t (id INTEGER, age INTEGER, "now" INTEGER, today INTEGER, note VARCHAR(9),
  starts TIMESTAMP, ends TIMESTAMP, born DATE);
INSERT INTO t VALUES
  (1, 40, 5, 6, 'now', '2024-01-01 10:00:00', '2024-01-02 11:00:00', '1990-01-01'),
  (2, 20, 7, 8, 'later', '2024-02-01 10:00:00', '2024-02-08 11:00:00', '1995-02-03');
"""


@pytest.mark.parametrize(
    ("engine", "sql", "depends"), CASES, ids=[f"{case[1]} ({case[0]})" for case in CASES]
)
async def test_only_a_query_that_asks_for_the_time_is_flagged(judged, engine, sql, depends) -> None:
    databases = [{"name": "d", "engine": engine, "sql": SCRIPT}]
    _, result = await judged(sql, "SELECT id FROM t WHERE age > 10", engine=engine, databases=databases)
    assert result.output["databases"][0]["facts"]["executes"] is True, result.output
    assert result.flags.get("query_depends_on_the_time_of_day", False) is depends

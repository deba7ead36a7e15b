"""The partial vector: each part of what was looked at by itself, whether or not the result is right."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.anyio
CASES = tomllib.loads((Path(__file__).parent / "schema_overlaps.toml").read_text("utf-8"))["case"]
SCRIPT = """
CREATE TABLE cities (id INTEGER PRIMARY KEY, title VARCHAR(9) NOT NULL);
CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(9) NOT NULL, city_id INTEGER NOT NULL, age INTEGER NOT NULL);
INSERT INTO cities VALUES (1, 'Oslo'), (2, 'Rome');
INSERT INTO people VALUES (1, 'Ada', 1, 2), (2, 'Bo', 2, 4), (3, 'Cy', 1, 7);
"""


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_tables_and_columns_are_compared_by_what_they_are_not_by_their_aliases(
    judged, case, engine
) -> None:
    databases = [{"name": "d", "engine": engine, "sql": SCRIPT}]
    _, result = await judged(case["candidate"], case["reference"], databases=databases)
    (told,) = result.output["databases"]
    assert told["schema_f1"] == {"tables": case["tables"], "columns": case["columns"]}
    mean = (case["tables"] + case["columns"]) / 2
    assert result.output["partial"]["schema_f1"] == pytest.approx(mean, abs=1e-3)


@pytest.mark.parametrize(
    ("sql", "partial"),
    [
        ("SELECT name FROM people WHERE age > 3", (1.0, 1.0, 1.0, 1.0)),
        ("SELECT name FROM people WHERE age > 5", (1.0, 1.0, 1.0, 0.0)),
        ("SELECT nope FROM people WHERE age > 5", (1.0, 0.0, 0.75, 0.0)),
        ("SELECT name FRM people WHERE WHERE", (0.0, 0.0, None, 0.0)),
    ],
)
async def test_each_part_is_told_by_itself(judged, sql: str, partial) -> None:
    databases = [{"name": "d", "engine": "sqlite", "sql": SCRIPT}]
    _, result = await judged(sql, "SELECT name FROM people WHERE age > 3", databases=databases)
    told = result.output["partial"]
    names = ("parses", "executes", "schema_f1", "result_match")
    expected = dict(zip(names, partial, strict=True))
    assert {name: told[name] for name in names} == {
        name: value if value is None else pytest.approx(value, abs=1e-3) for name, value in expected.items()
    }

"""Where the reference asks for an order of its rows, a query that asks for none has it by chance."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.anyio
CASES = [
    (case, engine)
    for case in tomllib.loads((Path(__file__).parent / "row_order.toml").read_text("utf-8"))["case"]
    for engine in case.get("engines", ["sqlite", "duckdb"])
]


@pytest.mark.parametrize(("case", "engine"), CASES, ids=[f"{c['name']} ({e})" for c, e in CASES])
async def test_rows_that_nothing_puts_in_order_are_told(judged, case, engine) -> None:
    verdict, result = await judged(case["candidate"], case["reference"], engine=engine)
    assert verdict[0] == "confirms", result
    told = [aside.finding for aside in result.asides if aside.finding.bearing == "refutes"]
    assert [one.strength for one in told] == (["decisive"] if case["outcome"] == "chance" else []), result
    assert all("in another order" in one.reason for one in told)


async def test_an_order_by_chance_is_told_without_declared_keys(judged) -> None:
    script = "CREATE TABLE t (a INTEGER, b VARCHAR(3)); INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')"
    databases = [{"name": "d", "engine": "sqlite", "sql": script}]
    verdict, result = await judged("SELECT b FROM t", "SELECT b FROM t ORDER BY a", databases=databases)
    assert verdict == ("confirms", "decisive")
    assert [(aside.finding.bearing, aside.finding.strength) for aside in result.asides] == [
        ("refutes", "decisive")
    ]

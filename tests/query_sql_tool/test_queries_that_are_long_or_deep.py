"""Length and depth are bounded before anything parses, and what parses does not hold the loop up."""

from __future__ import annotations

import asyncio
import time
import tomllib
from pathlib import Path

import pytest

from tools.sql.allowed import NotParsed, Query, parse_query
from tools.sql.ordering import plan_order
from tools.sql.perturbing.hints import hints_of
from tools.sql.perturbing.schema_overlap import schema_overlap
from tools.sql.scan import MAX_QUERY_CHARS, Refused, check_text
from tools.sql.written import written

CASES = tomllib.loads((Path(__file__).parent / "long_queries.toml").read_text("utf-8"))["case"]
CPU_SECONDS = 2.0


def text_of(case) -> str:
    times = case["times"]
    return (
        f"{case.get('before', '')}{case.get('part', '') * times}{case.get('middle', '')}"
        f"{case.get('after', '') * times}"
    )


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_long_or_deep_query_costs_little_and_breaks_nothing(case, engine) -> None:
    sql = text_of(case)
    started = time.process_time()
    if case["outcome"] == "refused":
        with pytest.raises(Refused) as refused:
            check_text(sql, engine)
        assert refused.value.evidence, "padding must not turn a wrong query into one that nobody judged"
    else:
        assert len(sql) <= MAX_QUERY_CHARS
        query = read(sql, engine)
        if query is not None and query.tree is not None:
            walk(query, engine)
    assert time.process_time() - started < CPU_SECONDS


def read(sql: str, engine) -> Query | None:
    try:
        return parse_query(sql, engine)
    except (NotParsed, Refused):
        return None


def walk(query: Query, engine) -> None:
    """What the tool does with a tree."""
    assert query.tree is not None
    plan_order(query.tree, ("a",), engine)
    written(query.tree, {})
    hints_of([query.tree])
    schema_overlap(query.tree, query.tree, {})
    assert query.tree.copy().sql(dialect=engine)


@pytest.mark.anyio
async def test_the_loop_goes_on_while_a_long_query_is_parsed(judged) -> None:
    sql = "SELECT name FROM people WHERE id IN (0" + ", 1" * 4900 + ")"
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - before)

    ticking = asyncio.create_task(tick())
    verdict, _ = await judged(sql, "SELECT name FROM people WHERE id = 1")
    ticking.cancel()
    assert verdict == ("confirms", "decisive")
    assert longest < 1.0

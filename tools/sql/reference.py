"""Asks for the reference's result, and for which orders and rows it leaves open."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from judge_agent.schema import Engine
from tools.sql.allowed import Query
from tools.sql.comparison import Expected, expected, rows_of
from tools.sql.engine_box import MAX_BYTES, DatabaseBox, QueryFailed, QueryResult
from tools.sql.inner_ties import cuts_a_tie, inner_choices
from tools.sql.ordering import OrderPlan, plan_order

MAX_REFERENCE_BYTES = MAX_BYTES // 2


@dataclass(frozen=True)
class Wanted:
    """What a result must be. `plan` and `probe` are what the ties were read from."""

    query: Query
    result: QueryResult
    plan: OrderPlan
    probe: QueryResult | None
    expected: Expected


async def ask_reference(box: DatabaseBox, query: Query, engine: Engine, seconds: float) -> Wanted:
    """Run the reference, and its probe. Raises QueryFailed; ValueError for cells that cannot be read."""
    result = await box.query(query.sql, seconds=seconds, max_bytes=MAX_REFERENCE_BYTES)
    if result.cut:
        raise ValueError(f"it is too large to compare: more than {len(result.rows)} rows")
    plan = await asyncio.to_thread(plan_order, query.tree, result.columns, engine)
    probe = await _probe(box, plan, seconds)
    return Wanted(query, result, plan, probe, await asyncio.to_thread(expected, result, probe, plan))


async def _probe(box: DatabaseBox, plan: OrderPlan, seconds: float) -> QueryResult | None:
    if plan.probe is None:
        return None
    try:
        return await box.query(plan.probe, seconds=seconds)
    except QueryFailed:
        return None  # then the ties are not known, and a difference decides nothing


async def chooses_among_equals(box: DatabaseBox, query: Query, engine: Engine, seconds: float) -> bool:
    """Whether a LIMIT inside the query is seen to cut a tie."""
    for choice in await asyncio.to_thread(inner_choices, query.tree, engine):
        try:
            found = await box.query(choice.sql, seconds=seconds, max_rows=choice.rows)
        except QueryFailed as failure:
            if failure.kind in ("timeout", "memory", "died"):
                return False  # the box may be gone, and the query's own result is known
            continue  # it does not run by itself
        if cuts_a_tie(rows_of(found.rows), choice):
            return True
    return False

"""Asks for the reference's result, and for which orders and rows it leaves open."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from judge_agent.schema import Engine
from tools.sql.allowed import Query
from tools.sql.comparison import Expected, expected
from tools.sql.engine_box import MAX_BYTES, DatabaseBox, QueryFailed, QueryResult
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

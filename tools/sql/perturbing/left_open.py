"""Says whether a difference on a perturbed copy is one that SQL leaves open, so that it must not count.

Ties that a copy has and the given data has not are no mistake of a query that picks one of them: where the limit of
either query, at its end or inside, cuts a tie, where a result changes with the order in which tables are read, or where
a subquery that must give one value gives several, the difference is left open. So is every one that `weighing.py`
leaves open on the given data.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from sqlglot import exp

from judge_agent.schema import Engine
from tools.sql.allowed import Query
from tools.sql.choices import may_choose, reordered
from tools.sql.comparison import Comparison, Expected, compare
from tools.sql.engine_box import DatabaseBox, QueryFailed, QueryResult
from tools.sql.parts import Pair
from tools.sql.reference import Wanted, ask_reference, chooses_among_equals
from tools.sql.weighing import weigh_difference

MAX_SUBQUERIES = 6
MAX_ORDERS = 5
_ONE_VALUE = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Add, exp.Sub, exp.Mul, exp.Div)


async def is_left_open(pair: Pair, result: QueryResult, comparison: Comparison) -> bool:
    """Whether the difference may come of a choice. Raises QueryFailed, and ValueError for cells that cannot be read."""
    if cuts_its_end(pair.wanted.expected) or await _chooses(pair.reference_box, pair.wanted, pair):
        return True
    own = await ask_reference(pair.candidate_box, pair.query, pair.engine, pair.seconds)
    if cuts_its_end(own.expected) or await _chooses(pair.candidate_box, own, pair):
        return True
    weighed = await weigh_difference(pair, result, comparison)
    if weighed.finding.strength != "decisive":
        return True
    return await _changes_with_the_order(pair.candidate_box, own, pair) or await _changes_with_the_order(
        pair.reference_box, pair.wanted, pair
    )


def cuts_its_end(wanted: Expected) -> bool:
    """Whether a LIMIT or OFFSET cuts a group of ties, so that other rows would be as right."""
    if not wanted.certain:
        return True
    return any(
        begin < edge < end for begin, end in wanted.groups for edge in (wanted.start, wanted.end) if edge
    )


async def _chooses(box: DatabaseBox, wanted: Wanted, pair: Pair) -> bool:
    if await chooses_among_equals(box, wanted.query, pair.engine, pair.seconds):
        return True
    for sql in await asyncio.to_thread(lambda: list(_single_values(wanted.query, pair.engine))):
        try:
            found = await box.query(sql, seconds=pair.seconds, max_rows=2)
        except QueryFailed as failure:
            if failure.kind in ("timeout", "memory", "died"):
                raise
            continue  # it does not run by itself
        if len({repr(row) for row in found.rows}) > 1:
            return True
    return False


def _single_values(query: Query, engine: Engine) -> Iterator[str]:
    """Subqueries where one value is wanted, each as a query of its own: SQLite takes the first row of many."""
    if query.tree is None:
        return
    shared = query.tree.args.get("with_")
    found = [
        one
        for one in query.tree.find_all(exp.Subquery)
        if isinstance(one.parent, _ONE_VALUE) and isinstance(one.this, exp.Select)
    ]
    for one in found[:MAX_SUBQUERIES]:
        alone = one.this.copy()
        if shared is not None and alone.args.get("with_") is None:
            alone.set("with_", shared.copy())
        yield alone.sql(dialect=engine)


async def _changes_with_the_order(box: DatabaseBox, own: Wanted, pair: Pair) -> bool:
    if not await asyncio.to_thread(may_choose, own.query.tree, pair.engine):
        return False
    await box.read_backwards(seconds=pair.seconds)
    tried = 0
    async for sql in reordered(own.query):
        tried += 1
        if tried > MAX_ORDERS:
            return False
        try:
            other = await box.query(sql, seconds=pair.seconds)
        except QueryFailed as failure:
            if failure.kind in ("timeout", "memory", "died"):
                raise
            continue
        if not (await asyncio.to_thread(compare, other, own.expected)).matches:
            return True
    return False

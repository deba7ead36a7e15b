"""Says whether a difference on a perturbed copy is one that SQL leaves open, so that it must not count.

Where the reference chooses, another result may be as right: its limit, at its end or inside, cuts a tie, its result
changes with the order in which tables are read, or a subquery of it that must give one value gives several. Where the
candidate alone chooses, a difference is left open only if another choice of its own gives the reference's result: that
no choice explains, such as another number of rows, is a difference. So is every one left open that `weighing.py`
leaves open on the given data.

Does not know all choices of a query, only those among the rows that its last LIMIT cuts, some orders of its tables, and
the values of a subquery that another value is said to equal.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator

from sqlglot import exp

from judge_agent.schema import Engine
from tools.sql.allowed import Query
from tools.sql.choices import may_choose, reordered
from tools.sql.comparison import Comparison, Expected, compare
from tools.sql.engine_box import DatabaseBox, QueryFailed, QueryResult
from tools.sql.ordering import unwrapped
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
    weighed = await weigh_difference(pair, result, comparison)
    if weighed.finding.strength != "decisive":
        return True
    return await _changes_with_the_order(pair) or await _is_among_the_choices(pair)


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


async def _changes_with_the_order(pair: Pair) -> bool:
    """Whether the reference gives something else where its tables are read in another order."""
    async for other in _in_other_orders(pair.reference_box, pair.wanted.query, pair):
        if not (await asyncio.to_thread(compare, other, pair.wanted.expected)).matches:
            return True
    return False


async def _in_other_orders(box: DatabaseBox, query: Query, pair: Pair) -> AsyncIterator[QueryResult]:
    if not await asyncio.to_thread(may_choose, query.tree, pair.engine):
        return
    await box.read_backwards(seconds=pair.seconds)
    tried = 0
    async for sql in reordered(query):
        tried += 1
        if tried > MAX_ORDERS:
            return
        found = await _asked(box, sql, pair)
        if found is not None:
            yield found


async def _asked(box: DatabaseBox, sql: str, pair: Pair) -> QueryResult | None:
    """What a variant of a query gives; None where it does not run. Raises QueryFailed where the box is gone."""
    try:
        return await box.query(sql, seconds=pair.seconds)
    except QueryFailed as failure:
        if failure.kind in ("timeout", "memory", "died"):
            raise
        return None


async def _is_among_the_choices(pair: Pair) -> bool:
    """Whether another choice of the candidate's own gives the reference's result."""
    own = await ask_reference(pair.candidate_box, pair.query, pair.engine, pair.seconds)
    if cuts_its_end(own.expected) and await _may_end_so(own, pair):
        return True
    async for other in _in_other_orders(pair.candidate_box, pair.query, pair):
        if (await asyncio.to_thread(compare, other, pair.wanted.expected)).matches:
            return True
    sql = await asyncio.to_thread(_with_each_value, pair.query, pair.engine)
    each = await _asked(pair.candidate_box, sql, pair) if sql is not None else None
    return each is not None and (await asyncio.to_thread(compare, each, pair.wanted.expected)).matches


async def _may_end_so(own: Wanted, pair: Pair) -> bool:
    """Whether the reference's rows are among those that the candidate's last LIMIT chooses from."""
    if own.expected.certain:
        return (await asyncio.to_thread(compare, pair.wanted.result, own.expected)).matches
    if len(own.result.rows) != len(pair.wanted.result.rows) or pair.query.tree is None:
        return False  # ties are not known, but whichever is taken, a LIMIT takes as many
    outer = unwrapped(pair.query.tree).copy()
    for name in ("limit", "offset", "fetch"):
        outer.set(name, None)
    sql = await asyncio.to_thread(outer.sql, dialect=pair.engine)
    every = await _asked(pair.candidate_box, sql, pair)
    return every is not None and await asyncio.to_thread(_holds, every, pair.wanted.result)


def _holds(every: QueryResult, rows: QueryResult) -> bool:
    left = Counter(repr(row) for row in every.rows)
    left.subtract(repr(row) for row in rows.rows)
    return all(count >= 0 for count in left.values())


def _with_each_value(query: Query, engine: Engine) -> str | None:
    """The query with all values of a subquery in the place of one: SQLite takes the first row of many."""
    if query.tree is None:
        return None
    tree, changed = query.tree.copy(), False
    for equal in list(tree.find_all(exp.EQ)):
        for inner, other in ((equal.this, equal.expression), (equal.expression, equal.this)):
            if isinstance(inner, exp.Subquery) and isinstance(inner.this, exp.Select):
                equal.replace(exp.In(this=other.copy(), query=inner.copy()))
                changed = True
                break
    return tree.sql(dialect=engine) if changed else None

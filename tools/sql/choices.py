"""Finds what a query leaves to the engine: it is run again with the rows of its tables in other orders.

SQL leaves open which of equals a window numbers first, which row a LIMIT inside keeps, in which order an aggregate
collects, and which row of a group a bare column of SQLite comes from. A query whose result changes with the order in
which its tables are read has made such a choice, and another engine may make another one. Ties of the order of the
whole result are no choice of this kind: `ordering.py` knows them.

Does not prove that a query chooses nothing: only some orders are tried.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from sqlglot import exp

from judge_agent.schema import Engine
from tools.sql.allowed import Query
from tools.sql.ordering import unwrapped
from tools.sql.substitution import places_of, substituted

# A limit keeps the engine from dropping an order that it takes to be of no use.
_ORDERS = tuple(
    f"ORDER BY {key} LIMIT {2**62}"
    for key in (
        "rowid DESC",
        "rowid % 2, rowid",
        "rowid % 2 DESC, rowid",
        "1 DESC",
        "1",
        "2, 1",
        "2 DESC, 1 DESC",
    )
)
_STEADY = (exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max)
_COLLECTS = (exp.AggFunc, exp.Anonymous)  # what the parser does not know may collect


def may_choose(tree: exp.Expr | None, engine: Engine) -> bool:
    """Whether the query has a form that can leave a choice to the engine."""
    if tree is None:
        return False
    outer = unwrapped(tree)
    for node in tree.walk():
        if isinstance(node, exp.Window) and not _is_whole(node):
            return True
        if isinstance(node, _COLLECTS) and not isinstance(node, _STEADY):
            return True
        if isinstance(node, exp.Query) and node is not outer and node.args.get("limit"):
            return True
        if isinstance(node, exp.Select) and (_keeps_any(node) or (engine == "sqlite" and _is_bare(node))):
            return True
    return False


def is_ordered_choice(tree: exp.Expr | None) -> bool:
    """Whether the query chooses, and always by the order of some column, of which ties alone are left open."""
    if tree is None:
        return False
    limited: list[exp.Expr] = [one for one in tree.find_all(exp.Query) if one.args.get("limit")]
    windows = [one for one in tree.find_all(exp.Window) if not (_is_whole(one) or _is_named(one))]
    choosing = [*limited, *windows]
    return bool(choosing) and all(_orders_by_a_column(one.args.get("order")) for one in choosing)


async def reordered(query: Query) -> AsyncIterator[str]:
    """The query as it is, for a box that reads backwards; then with its tables in one other order after the other."""
    yield query.sql
    places = await asyncio.to_thread(places_of, query.tree)
    if places:
        for order in _ORDERS:
            yield substituted(query.sql, places, order)


def _is_whole(window: exp.Window) -> bool:
    """An aggregate of all rows of a partition, in whichever order they come."""
    return window.args.get("order") is None and isinstance(window.this, _STEADY)


def _is_named(window: exp.Window) -> bool:
    """`OVER w`: the definition of `w`, which is a window of its own in the tree, says the order."""
    return bool(window.args.get("alias")) and window.args.get("order") is None


def _orders_by_a_column(order: exp.Expr | None) -> bool:
    keys = [ordered.this for ordered in order.expressions] if order is not None else []
    return any(
        key.find(exp.Column, exp.AggFunc) or (isinstance(key, exp.Literal) and key.is_int) for key in keys
    )


def _keeps_any(select: exp.Select) -> bool:
    distinct = select.args.get("distinct")
    return isinstance(distinct, exp.Distinct) and distinct.args.get("on") is not None


def _is_bare(select: exp.Select) -> bool:
    """Whether a column stands beside aggregates, or in a group that it does not name."""
    group = select.args.get("group")
    keys = {key.name.casefold() for key in group.expressions} if group is not None else set()
    columns = [one.unalias() for one in select.selects]
    bare = any(isinstance(one, exp.Column) and one.name.casefold() not in keys for one in columns)
    return bare and (group is not None or any(one.find(exp.AggFunc) for one in columns))

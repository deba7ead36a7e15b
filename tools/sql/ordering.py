"""Works out which orders and which rows a reference query leaves open: ties of its sort keys, rows that a LIMIT cuts.

Where the result alone does not show it, a second query does: the reference without its LIMIT and with its sort keys as
further columns. It is written by sqlglot from the parsed reference, so its result is believed only if the
reference's own result fits it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from judge_agent.schema import Engine


@dataclass(frozen=True)
class OrderPlan:
    """How to read the rows of `probe` (None: of the reference itself).

    `keys` are the indices of the sort keys, empty where no order is asked for. The reference's rows are those from
    `offset` on. `certain` is false where the sort keys cannot be known. `limited`: only some of the rows are there.
    """

    probe: str | None = None
    keys: tuple[int, ...] = ()
    offset: int = 0
    certain: bool = True
    limited: bool = False


def plan_order(tree: exp.Expr | None, columns: Sequence[str], engine: Engine) -> OrderPlan:
    """Plan for a reference whose result has these columns."""
    if tree is None:
        return OrderPlan(certain=False, limited=True)
    query = unwrapped(tree)
    order, limit, offset = query.args.get("order"), query.args.get("limit"), query.args.get("offset")
    start, limited = whole(offset), limit is not None or offset is not None
    if start is None or (isinstance(limit, exp.Limit) and limit.args.get("offset")) or _picks_any(query):
        return OrderPlan(certain=False, limited=True)
    keys, hidden = list[int](), list[exp.Expr]()
    for ordered in order.expressions if order is not None else ():
        key = folded(ordered.this)
        if key is None:
            return OrderPlan(certain=False, limited=limited)
        found = _key(key, query, columns, engine)
        if found is None:
            hidden.append(key)
            found = [len(columns) + len(hidden) - 1]
        keys += found
    if hidden and not may_widen(query):
        return OrderPlan(certain=False, limited=limited)
    if not hidden and not limited:
        return OrderPlan(keys=tuple(keys))
    return OrderPlan(_probe(query, hidden, engine), tuple(keys), start, limited=limited)


def unwrapped(tree: exp.Expr) -> exp.Expr:
    """The query inside parentheses that say nothing of their own."""
    while isinstance(tree, exp.Subquery) and not tree.args.get("order") and not tree.args.get("limit"):
        tree = tree.this
    return tree


def whole(offset: exp.Expr | None) -> int | None:
    """The number that an OFFSET or LIMIT is written with; 0 for none, None for an expression."""
    if offset is None:
        return 0
    written = offset.expression
    return int(written.this) if isinstance(written, exp.Literal) and written.is_int else None


def _picks_any(query: exp.Expr) -> bool:
    """DISTINCT ON keeps the first row of each group: any of them, unless further sort keys choose it."""
    distinct, order = query.args.get("distinct"), query.args.get("order")
    on = distinct.args.get("on") if isinstance(distinct, exp.Distinct) else None
    return on is not None and (order is None or len(order.expressions) <= len(on.expressions or (on,)))


def folded(key: exp.Expr) -> exp.Expr | None:
    """The key as its collation compares it, or texts that tie would look different; None for an unknown collation."""
    if key.find(exp.Collate) is None:
        return key
    if isinstance(key, exp.Collate) and key.expression.name.lower() == "nocase":
        return exp.Lower(this=key.this.copy())
    return None


def _key(key: exp.Expr, query: exp.Expr, columns: Sequence[str], engine: Engine) -> list[int] | None:
    """The indices of the output columns that a sort key is; None where it is none of them."""
    if isinstance(key, exp.Literal) and key.is_int:
        return [int(key.this) - 1] if 0 < int(key.this) <= len(columns) else None
    names = [name.casefold() for name in columns]
    if isinstance(key, exp.Column) and not key.table:
        name = key.name.casefold()
        if names.count(name) == 1:
            return [names.index(name)]
        if engine == "duckdb" and name == "all" and not names.count(name):
            return list(range(len(columns)))
    projections = query.selects if isinstance(query, exp.Select) else []
    if len(projections) == len(columns):
        for index, projection in enumerate(projections):
            if projection.unalias() == key:
                return [index]
    return None


def may_widen(query: exp.Expr) -> bool:
    """Whether a further column leaves the rows as they are."""
    if not isinstance(query, exp.Select) or query.args.get("distinct"):
        return False
    group = query.args.get("group")
    return group is None or not group.args.get("all")


def _probe(query: exp.Expr, hidden: Sequence[exp.Expr], engine: Engine) -> str:
    return widened(query, hidden).sql(dialect=engine)


def widened(query: exp.Expr, hidden: Sequence[exp.Expr]) -> exp.Expr:
    """A copy without its LIMIT, and with further columns."""
    aliases = {
        projection.alias.casefold(): projection.unalias()
        for projection in (query.selects if isinstance(query, exp.Select) else ())
        if projection.alias
    }
    probe = query.copy()
    for name in ("limit", "offset", "fetch"):
        probe.set(name, None)
    for index, key in enumerate(hidden):
        written = key.copy().transform(lambda node: _without_alias(node, aliases))
        probe.append("expressions", exp.alias_(written, f"sort_key_{index}_", quoted=False))
    return probe


def _without_alias(node: exp.Expr, aliases: dict[str, exp.Expr]) -> exp.Expr:
    """A column list may not use the aliases that it defines; ORDER BY may."""
    if isinstance(node, exp.Column) and not node.table and node.name.casefold() in aliases:
        return exp.paren(aliases[node.name.casefold()].copy())
    return node

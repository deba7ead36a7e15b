"""Says whether a query has its result written into it: no value that it gives comes out of a table.

`SELECT 42 FROM t LIMIT 1` reads a table and says nothing of it. Knows the text only: `42 + 0 * a` passes here.
"""

from __future__ import annotations

from sqlglot import exp

_FROM_DATA = (exp.Column, exp.Star, exp.AggFunc, exp.Window, exp.Query, exp.Anonymous, exp.AnonymousAggFunc)


def is_written(tree: exp.Expr | None) -> bool:
    """Whether every value of the result stands in the text. False where the text cannot be read."""
    if tree is None:
        return False
    ctes = {cte.alias_or_name.casefold(): cte.this for cte in tree.find_all(exp.CTE)}
    left: list[exp.Expr] = [tree]
    while left:  # no recursion: a chain of a thousand UNIONs or CTEs is still a query
        inner = _sources_of_values(left.pop(), ctes)
        if inner is None:
            return False
        left += inner
    return True


def _sources_of_values(query: exp.Expr, ctes: dict[str, exp.Expr]) -> list[exp.Expr] | None:
    """The queries whose values this one gives on; None where some are of a table. A CTE is looked at once."""
    if isinstance(query, (exp.Subquery, exp.Paren)):
        return [query.this]
    if isinstance(query, exp.Values):
        return []
    if isinstance(query, exp.SetOperation):
        return [query.this, query.expression]
    if isinstance(query, exp.Table):
        name = query.name.casefold()
        return None if query.db or name not in ctes else _once(name, ctes)
    if not isinstance(query, exp.Select) or not query.selects:
        return None
    if not any(value.find(*_FROM_DATA) for value in query.selects):
        return []
    if not all(isinstance(value.unalias(), (exp.Column, exp.Star)) for value in query.selects):
        return None
    origin = query.args.get("from_")
    joins = query.args.get("joins") or ()
    return [source.this for source in (origin, *joins)] if origin is not None else None


def _once(name: str, ctes: dict[str, exp.Expr]) -> list[exp.Expr]:
    inner, ctes[name] = ctes[name], exp.Values()
    return [inner]

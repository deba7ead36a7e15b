"""Writes a SQLite query in another way that gives the same result: an eval asks whether equals are seen as equal.

Knows a few rewritings, each of which keeps the rows: aliases of tables, conditions in another order and with
their sides exchanged, BETWEEN and IN spelled out, the whole query as a CTE. Where ties of an order are broken otherwise
the result may still differ: whoever uses it compares.
"""

from __future__ import annotations

from functools import reduce

import sqlglot
from sqlglot import exp

_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
    exp.EQ: exp.EQ,
}


def rewritten(sql: str) -> str:
    """The query in other words, in SQLite's dialect."""
    tree = sqlglot.parse_one(sql, dialect="sqlite")
    tree = tree.transform(_spelled_out).transform(_exchanged)
    _rename_tables(tree)
    if isinstance(tree, exp.Select) and not tree.args.get("order") and not tree.args.get("limit"):
        tree = exp.select("*").from_("found").with_("found", as_=tree)
    return tree.sql(dialect="sqlite")


def _spelled_out(node: exp.Expr) -> exp.Expr:
    """BETWEEN as two comparisons, IN as a chain of OR."""
    if isinstance(node, exp.Between) and not node.args.get("symmetric"):
        low = exp.GTE(this=node.this.copy(), expression=node.args["low"])
        return exp.paren(exp.and_(low, exp.LTE(this=node.this.copy(), expression=node.args["high"])))
    if isinstance(node, exp.In) and node.expressions and not node.args.get("query"):
        equals: list[exp.Expr] = [
            exp.EQ(this=node.this.copy(), expression=one.copy()) for one in node.expressions
        ]
        return exp.paren(reduce(lambda left, right: exp.Or(this=left, expression=right), equals))
    return node


def _exchanged(node: exp.Expr) -> exp.Expr:
    """The operands of AND and of comparisons the other way round."""
    if isinstance(node, exp.And):
        return exp.And(this=exp.paren(node.expression.copy()), expression=exp.paren(node.this.copy()))
    mirrored = _MIRRORED.get(type(node))
    if mirrored is not None and isinstance(node.parent, (exp.Where, exp.And, exp.Or, exp.Paren, exp.Having)):
        return mirrored(this=node.expression.copy(), expression=node.this.copy())
    return node


def _rename_tables(tree: exp.Expr) -> None:
    """Give each table another alias, and the columns that it stands in front of."""
    names = {table.alias_or_name.lower(): f"{table.alias_or_name}_rows" for table in tree.find_all(exp.Table)}
    for table in tree.find_all(exp.Table):
        name = exp.to_identifier(names[table.alias_or_name.lower()])
        table.set("alias", exp.TableAlias(this=name))
    for column in tree.find_all(exp.Column):
        if column.table.lower() in names:
            column.set("table", exp.to_identifier(names[column.table.lower()]))

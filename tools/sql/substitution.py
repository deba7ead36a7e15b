"""Puts a part of a table, or its rows in another order, into a query in the table's place.

The text is cut where the parser saw the name, and stays as it was otherwise: nothing is written anew. What cannot
be cut so (a form that only the engine reads) is not changed at all; what the engine then refuses, because the query
names the table's schema or its row numbers, is for the caller to pass over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlglot import exp


class Place(NamedTuple):
    """Where a query names a table. `alias` is what has to follow, so that its columns are still called the same.

    `table` None: the schema in front of a column, which a part of a table has not; it is left out.
    """

    table: str | None
    begin: int
    end: int
    alias: str


def read_tables(tree: exp.Expr) -> Iterator[exp.Table]:
    """Where the query reads a table or view of the database: neither a CTE of its own nor a function."""
    own = {cte.alias_or_name.casefold() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        is_own = not table.db and table.name.casefold() in own and not _is_in_its_own(table)
        if isinstance(table.this, exp.Identifier) and not is_own:
            yield table


def places_of(tree: exp.Expr | None) -> tuple[Place, ...]:
    """The places where a parsed query names tables and views, in the order of its text. Blocking: it walks the tree."""
    if tree is None:
        return ()
    tables = (_place(table) for table in read_tables(tree))
    schemas = (_schema(column) for column in tree.find_all(exp.Column) if column.args.get("db"))
    found = (place for place in (*tables, *schemas) if place is not None)
    return tuple(sorted(found, key=lambda place: place.begin))


def substituted(sql: str, places: tuple[Place, ...], tail: str, table: str | None = None) -> str:
    """The query with `(SELECT * FROM <table> <tail>)` for one table, or for each."""
    wanted = [place for place in places if table is None or place.table in (None, table)]
    pieces = _pieces(sql, wanted, tail)
    return "".join(pieces)


def _pieces(sql: str, places: list[Place], tail: str) -> Iterator[str]:
    at = 0
    for place in places:
        yield sql[at : place.begin]
        if place.table is not None:
            yield f"(SELECT * FROM {sql[place.begin : place.end]} {tail}){place.alias}"  # noqa: S608 - the query's own text
        at = place.end
    yield sql[at:]


def _is_in_its_own(table: exp.Table) -> bool:
    """`WITH t AS (SELECT ... FROM t)`: inside, `t` is the table, unless the CTE is recursive."""
    name, cte = table.name.casefold(), table.find_ancestor(exp.CTE)
    while cte is not None:
        if cte.alias_or_name.casefold() == name:
            return not (isinstance(cte.parent, exp.With) and cte.parent.args.get("recursive"))
        cte = cte.find_ancestor(exp.CTE)
    return False


def _place(table: exp.Table) -> Place | None:
    parts = [part for part in (table.args.get("catalog"), table.args.get("db"), table.this) if part]
    if not all(isinstance(part, exp.Identifier) and "start" in part.meta for part in parts):
        return None
    quoted = table.name.replace('"', '""')
    return Place(
        table.name.casefold(),
        parts[0].meta["start"],
        parts[-1].meta["end"] + 1,
        "" if table.alias else f' AS "{quoted}"',
    )


def _schema(column: exp.Column) -> Place | None:
    first, table = column.args.get("catalog") or column.args["db"], column.args["table"]
    if "start" not in first.meta or "start" not in table.meta:
        return None
    return Place(None, first.meta["start"], table.meta["start"], "")

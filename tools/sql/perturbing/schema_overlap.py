"""Says how far two queries read the same tables and columns, aliases resolved: precision, recall and F1.

A column counts under the table that it is read from; one without a table in front under the only table of its query
that has it. `*` stands for all columns of its tables. What cannot be resolved counts under its name alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

MAX_NODES = 4_000
Schema = Mapping[str, Sequence[str]]


class SchemaOverlap(NamedTuple):
    """F1 in [0, 1] over the tables and over the columns read."""

    tables: float
    columns: float

    @property
    def together(self) -> float:
        return (self.tables + self.columns) / 2


def schema_of(described: Sequence[Any]) -> dict[str, list[str]]:
    """Lower-case tables and columns, as a box describes them; what is no table is left out."""
    return {
        str(one.get("name")).casefold(): [str(column.get("name")).casefold() for column in one["columns"]]
        for one in described
        if isinstance(one, dict) and isinstance(one.get("columns"), list)
        if all(isinstance(column, dict) for column in one["columns"])
    }


def schema_overlap(own: exp.Expr | None, reference: exp.Expr | None, schema: Schema) -> SchemaOverlap | None:
    """Compare what two queries read; None where one cannot be read so. Blocking: it walks the trees."""
    if own is None or reference is None or _is_large(own) or _is_large(reference):
        return None
    try:
        ours, theirs = _read(own, schema), _read(reference, schema)
    except (SqlglotError, RecursionError):
        return None
    return SchemaOverlap(_f1(ours[0], theirs[0]), _f1(ours[1], theirs[1]))


def _is_large(tree: exp.Expr) -> bool:
    """Whether to resolve its names would take seconds: the time grows with the square of its parts."""
    return sum(1 for _ in islice(tree.walk(), MAX_NODES + 1)) > MAX_NODES


def _f1(own: set[str], wanted: set[str]) -> float:
    """2 * |both| / (|own| + |wanted|); 1 where both read nothing."""
    return 2 * len(own & wanted) / (len(own) + len(wanted)) if own or wanted else 1.0


def _read(tree: exp.Expr, schema: Schema) -> tuple[set[str], set[str]]:
    tables, columns = set[str](), set[str]()
    for scope in traverse_scope(tree):
        own = _tables(scope)
        tables |= set(own.values())
        for column in scope.columns:
            if column.parent_select in (None, scope.expression):  # a query inside counts its own
                columns |= set(_resolved(column, scope, own, schema))
        if isinstance(scope.expression, exp.Select):
            columns |= set(_starred(scope.expression, own, schema))
    return tables, columns


def _tables(scope: Scope) -> dict[str, str]:
    """The tables of the database that a query reads, by alias."""
    return {
        alias.casefold(): source.name.casefold()
        for alias, source in scope.sources.items()
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier)
    }


def _resolved(column: exp.Column, scope: Scope, own: Mapping[str, str], schema: Schema) -> Iterator[str]:
    name, alias = column.name.casefold(), column.table.casefold()
    if isinstance(column.this, exp.Star):
        return
    if alias:
        outer: Scope | None = scope
        while outer is not None:
            known = _tables(outer)
            if alias in known:
                yield f"{known[alias]}.{name}"
            if alias in {one.casefold() for one in outer.sources}:
                return  # it is read from a query inside, which counts it
            outer = outer.parent
        return
    holders = [table for table in own.values() if name in schema.get(table, ())]
    if len(set(holders)) == 1:
        yield f"{holders[0]}.{name}"
    elif holders or not _is_derived(name, scope):
        yield name


def _is_derived(name: str, scope: Scope) -> bool:
    """Whether a name is an alias of the query itself, or a column of a query inside it."""
    selects = scope.expression.selects if isinstance(scope.expression, exp.Select) else []
    if any(one.alias.casefold() == name for one in selects):
        return True
    inner = [source for source in scope.sources.values() if isinstance(source, Scope)]
    return any(
        name in {one.casefold() for one in source.expression.named_selects} or source.expression.is_star
        for source in inner
        if isinstance(source.expression, exp.Query)
    )


def _starred(query: exp.Select, own: Mapping[str, str], schema: Schema) -> Iterator[str]:
    for one in query.selects:
        if not one.is_star or one.find(exp.Count) is not None:
            continue
        wanted = one.table.casefold() if isinstance(one, exp.Column) else ""
        for alias, table in own.items():
            if wanted in ("", alias):
                yield from (f"{table}.{name}" for name in schema.get(table, ()))

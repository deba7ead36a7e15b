"""What two queries tell of where a perturbation should look: columns, constants beside them, columns that join.

Columns go by their names alone: those of the same name in other tables are perturbed as well, which does no harm.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from tools.sql.substitution import read_tables

MAX_NAMES = 200
MAX_CONSTANTS = 12  # of one column
MAX_CONSTANT_CHARS = 200
_COMPARED = (
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.Like,
    exp.ILike,
    exp.NullSafeEQ,
    exp.NullSafeNEQ,
)


_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SPAN = re.compile(r"(?P<count>[+-]?\d{1,5})\s*(?P<unit>day|week|month|year)s?", re.IGNORECASE | re.ASCII)
_LENGTHS = {"day": 1, "week": 7, "month": 30, "year": 365}


@dataclass(frozen=True)
class Hints:
    """Lower-case names. `columns` None: all, as where a query selects `*` from a view. `tables` are what is read.

    `probed`: columns whose values a query looks into, all but those that it only shows, counts, groups and sorts by;
    None: it may be any.
    """

    tables: tuple[str, ...]
    columns: tuple[str, ...] | None
    joined: tuple[str, ...]
    constants: dict[str, list[str]]
    probed: tuple[str, ...] | None = None


def hints_of(trees: Sequence[exp.Expr]) -> Hints:
    """Read the hints of parsed queries. Blocking: it walks the trees."""
    tables, columns, joined = dict[str, None](), dict[str, None](), dict[str, None]()
    constants: dict[str, list[str]] = {}
    for tree in trees:
        tables |= dict.fromkeys(table.name.casefold() for table in read_tables(tree))
        columns |= dict.fromkeys(column.name.casefold() for column in tree.find_all(exp.Column))
        joined |= dict.fromkeys(_joined(tree))
        for name, constant in _constants(tree):
            known = constants.setdefault(name, [])
            if constant not in known and len(known) < MAX_CONSTANTS:
                known.append(constant)
    has_star = any(
        not isinstance(star.parent, exp.Count) for tree in trees for star in tree.find_all(exp.Star)
    )
    named = None if has_star or len(columns) > MAX_NAMES else tuple(columns)
    probed = {name: None for tree in trees for name in _probed(tree)}
    is_plain = not any(_names_by_place(tree) for tree in trees)
    return Hints(tuple(tables), named, tuple(joined), constants, tuple(probed) if is_plain else None)


def _probed(tree: exp.Expr) -> dict[str, None]:
    found = {
        one.name.casefold(): None
        for one in tree.find_all(exp.Column)
        if not _is_shown(one) and not isinstance(one.this, exp.Star)
    }
    aliases = [
        (one.alias.casefold(), one.this.name.casefold())
        for one in tree.find_all(exp.Alias)
        if isinstance(one.this, exp.Column)
    ]
    before = -1
    while len(found) > before:  # what a query inside calls by another name
        before = len(found)
        found |= {name: None for alias, name in aliases if alias in found}
    return found


def _is_shown(column: exp.Column) -> bool:
    """Whether a column is shown, counted, grouped or sorted by as it is: no form of its values changes that."""
    at = column.parent
    if isinstance(at, (exp.Alias, exp.Distinct)):
        at = at.parent
    return isinstance(at, (exp.Select, exp.Group, exp.Ordered, exp.Count))


def _names_by_place(tree: exp.Expr) -> bool:
    """Whether columns of a query inside get their names by their places alone."""
    renamed = any(one.args.get("columns") for one in tree.find_all(exp.TableAlias))
    return renamed or any(one.parent is not None for one in tree.find_all(exp.SetOperation))


def _joined(tree: exp.Expr) -> Iterator[str]:
    """Columns that are compared with a column of another name or table: they link rows."""
    for equal in tree.find_all(exp.EQ):
        if isinstance(equal.this, exp.Column) and isinstance(equal.expression, exp.Column):
            yield from (equal.this.name.casefold(), equal.expression.name.casefold())
    for join in tree.find_all(exp.Join):
        yield from (name.name.casefold() for name in join.args.get("using") or ())
    for within in tree.find_all(exp.In):
        inner = within.args.get("query")
        query = inner.this if isinstance(inner, exp.Subquery) else inner
        if isinstance(within.this, exp.Column) and isinstance(query, exp.Select):
            yield within.this.name.casefold()
            yield from (
                one.unalias().name.casefold()
                for one in query.selects[:1]
                if isinstance(one.unalias(), exp.Column)
            )


def _constants(tree: exp.Expr) -> Iterator[tuple[str, str]]:
    for node in tree.find_all(*_COMPARED, exp.Between, exp.In):
        if isinstance(node, exp.Between):
            sides: list[exp.Expr] = [node.args["low"], node.args["high"]]
        elif isinstance(node, exp.In):
            sides = list(node.expressions)
        else:
            sides = [node.this, node.expression]
        names = [
            column.name.casefold() for side in (node.this, *sides) for column in side.find_all(exp.Column)
        ]
        literals = [one for side in sides for one in side.find_all(exp.Literal)]
        written = [_signed(one) for one in literals if len(one.name) <= MAX_CONSTANT_CHARS]
        for constant in (*written, *_shifted_days(written)):
            yield from ((name, constant) for name in dict.fromkeys(names))


def _signed(literal: exp.Literal) -> str:
    return f"-{literal.name}" if isinstance(literal.parent, exp.Neg) else literal.name


def _shifted_days(written: Sequence[str]) -> Iterator[str]:
    """`date('2024-03-01', '-30 days')`: the day that is meant, to within some; months count 30 days, years 365."""
    days = [found for one in written if (found := _DAY.match(one)) is not None]
    spans = [found for one in written if (found := _SPAN.fullmatch(one)) is not None]
    for day in days[:2]:
        for span in spans[:2]:
            length = int(span["count"]) * _LENGTHS[span["unit"].lower()]
            try:
                yield str(datetime.date.fromisoformat(day[0]) + datetime.timedelta(days=length))
            except (ValueError, OverflowError):
                continue

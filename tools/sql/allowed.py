"""The allow-list: one query that only reads the database, in a form that the parser knows, with listed functions.

It is the first of two walls. The second is the box, in which the engine runs read-only and locked: what this parser
reads otherwise than the engine does is stopped there.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError

from judge_agent.schema import Engine
from tools.sql.catalogue import allowed_functions, is_outside, words_before_parentheses
from tools.sql.clock import asks_the_clock, asks_unread
from tools.sql.scan import Refused, check_text
from tools.sql.substitution import read_tables

# sqlglot tells of statements that it does not know on standard error; here they are refused, which says it.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
_WRITES = (
    exp.DML, exp.DDL, exp.Drop, exp.Alter, exp.Command, exp.Copy, exp.Attach, exp.Detach, exp.Pragma, exp.Set,
    exp.Use, exp.Transaction, exp.Commit, exp.Rollback, exp.Into, exp.Describe, exp.Show, exp.Kill, exp.TruncateTable,
    exp.Merge, exp.LoadData, exp.Analyze, exp.Grant, exp.Comment, exp.Install,
)  # fmt: skip
MAX_TREE_DEPTH = 120
_CHAINED = (exp.And, exp.Or, exp.Add, exp.Sub, exp.Mul, exp.DPipe)  # sqlglot walks these in a loop
_FILE_NAMES = ("/", "\\", "://")
_FILE_ENDINGS = (
    ".csv",
    ".tsv",
    ".json",
    ".jsonl",
    ".ndjson",
    ".parquet",
    ".txt",
    ".gz",
    ".zst",
    ".db",
    ".duckdb",
)
_DEFINITION = re.compile(r'(?:\bwith|\brecursive|,)\s*"?(\w+)"?\s*\([^()]{0,2000}\)\s*as\b', re.IGNORECASE)


class NotParsed(Exception):
    """sqlglot cannot read the text; the engine may."""


@dataclass(frozen=True)
class Query:
    """A query that may run. `tree` is None where only SQLite could read it.

    `unlisted` are functions that only the engine can tell: it must not know them. `files` are tables of the names of
    files: DuckDB must have tables of these names. `clock`: the result depends on the time of day. `reads`: it reads a
    table, and not only what it says itself.
    """

    sql: str
    tree: exp.Expr | None
    unlisted: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    clock: bool = False
    reads: bool = True


def read_query(sql: str, engine: Engine) -> Query:
    """Read one query. Blocking: a second or more for the longest. Raises Refused, NotParsed.

    What sqlglot cannot read is left to SQLite, whose authorizer is an allow-list of its own; DuckDB has none.
    """
    try:
        return parse_query(sql, engine)
    except NotParsed:
        if engine != "sqlite":
            raise
    return Query(sql, None, clock=asks_unread(sql))


def parse_query(sql: str, engine: Engine) -> Query:
    """Read one query as sqlglot does. Raises Refused, NotParsed."""
    check_text(sql, engine)
    try:
        dialect = sqlglot.Dialect.get_or_raise(engine)
        tokens = dialect.tokenize(sql)
        trees = [tree for tree in dialect.parser().parse(tokens, sql) if not _is_empty(tree)]
    except (SqlglotError, RecursionError, ValueError) as error:
        _refuse_calls(_calls_in(_words(_DEFINITION.sub(" as ", sql))), engine, is_sql=False)
        raise NotParsed(str(error)[:300] or type(error).__name__) from error
    if not trees:
        raise Refused("there is no statement in it", evidence=True, is_sql=False)
    if len(trees) > 1:
        raise Refused(f"it is {len(trees)} statements; one query is wanted", evidence=True)
    tree = trees[0]
    assert tree is not None
    _refuse_depth(tree)
    _refuse_writing(tree)
    words = _calls_in([(token.text, token.token_type == TokenType.L_PAREN) for token in tokens])
    calls = tuple(Counter(words) - _definitions(tree))
    _refuse_calls(calls, engine)
    _refuse_samples(tree)
    listed = allowed_functions(engine) | words_before_parentheses()
    unlisted = tuple(sorted(name for name in calls if name not in listed))
    files = _file_names(tree) if engine == "duckdb" else ()
    return Query(sql, tree, unlisted, files, asks_the_clock(tree, engine), any(read_tables(tree)))


def _refuse_depth(tree: exp.Expr) -> None:
    """What walks the tree calls itself level by level; only a chain of one operator is walked in a loop."""
    left: list[tuple[exp.Expr, int]] = [(tree, 0)]
    while left:
        node, depth = left.pop()
        if depth > MAX_TREE_DEPTH:
            raise Refused(f"the query is nested deeper than {MAX_TREE_DEPTH} levels", evidence=True)
        for child in node.iter_expressions():
            left.append((child, depth if _is_link(node, child) else depth + 1))


def _is_link(node: exp.Expr, child: exp.Expr) -> bool:
    """Whether both are of one chain: `a + b + c`, or the queries of a UNION."""
    if child is not node.this:
        return False
    if isinstance(node, exp.SetOperation):
        return isinstance(child, exp.SetOperation)
    return isinstance(node, _CHAINED) and type(child) is type(node)


def _is_empty(tree: exp.Expr | None) -> bool:
    """Nothing between two semicolons, or only a comment."""
    return tree is None or isinstance(tree, exp.Semicolon)


def _refuse_writing(tree: exp.Expr) -> None:
    for node in tree.walk():
        if isinstance(node, _WRITES):
            what = str(node.this) if isinstance(node, exp.Command) else node.key
            raise Refused(f"it is no query but {what.upper()[:40]}", evidence=True)
    if isinstance(tree, (exp.Pivot, exp.Summarize)):
        raise Refused(f"{tree.key.upper()} is not run here; write it as a SELECT")
    if not isinstance(tree, (exp.Query, exp.Values)):
        raise NotParsed("it is no statement that the allow-list knows")


def _words(sql: str) -> list[tuple[str, bool]]:
    """Words and parentheses of a text that no parser reads."""
    parts = sql.replace("(", " ( ").replace('"', " ").split()
    return [(part, part == "(") for part in parts]


def _calls_in(words: Sequence[tuple[str, bool]]) -> list[str]:
    """The words, in lower case, that stand before a parenthesis."""
    return [before.lower() for (before, _), (_, opens) in pairwise(words) if opens and before.isidentifier()]


def _refuse_calls(calls: Sequence[str], engine: Engine, *, is_sql: bool = True) -> None:
    for name in calls:
        if is_outside(name, engine):
            message = f"the function {name} reaches out of the database"
            raise Refused(message, evidence=True, is_sql=is_sql)


def _file_names(tree: exp.Expr) -> tuple[str, ...]:
    """DuckDB reads a table whose name is that of a file from the file, where it has no table of that name."""
    names = {table.name for table in read_tables(tree)}
    return tuple(sorted(name for name in names if _is_of_a_file(name.lower())))


def _is_of_a_file(name: str) -> bool:
    return any(mark in name for mark in _FILE_NAMES) or name.endswith(_FILE_ENDINGS)


def _refuse_samples(tree: exp.Expr) -> None:
    if tree.find(exp.TableSample):
        raise Refused("it samples rows at random, so that no result can be compared with it")


def _definitions(tree: exp.Expr) -> Counter[str]:
    """How often the query gives a name of its own with a list of columns behind it, as a CTE or an alias may."""
    named = (alias for alias in tree.find_all(exp.TableAlias) if alias.columns and alias.this is not None)
    return Counter(alias.name.lower() for alias in named)

"""Reads the query of a tool call, and says which queries only look around.

Tools name their arguments as they like, so that every text in them is looked at: first those whose name says that they
hold SQL, then those that are a query, then the literals of programs and command lines. `set -e` is no SQL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from judge_agent.schema import Engine
from tools.sql.allowed import NotParsed, parse_query
from tools.sql.forms import texts_of
from tools.sql.scan import MAX_QUERY_CHARS, Refused
from tools.sql.statements import is_sql, only_looks
from tools.sql.texts import NOTHING, Reading, TextReader

MAX_TEXTS = 12
_NAMES = frozenset(("sql", "sql_query", "sql_statement", "final_sql"))
_STATEMENT = re.compile(
    r"\A\s*(?:(?:drop|alter|truncate)\s+(?:table|view|index)|delete\s+from|insert\s+(?:or\s+\w+\s+)?into|update\s+\S+\s+set|"
    r"create\s+(?:temp\w*\s+|unique\s+)?(?:table|view|index)|pragma\s+\w|explain\s+(?:select|query)|(?:describe|show)\s+\w)",
    re.IGNORECASE,
)
_CATALOGUES = re.compile(
    r"\b(?:information_schema|sqlite_(?:temp_)?(?:master|schema)|pragma_\w+|pg_catalog|duckdb_\w+\s*\(|sqlite_sequence)",
    re.IGNORECASE,
)
_FENCED = re.compile(r"\s*(?:`{3,}|~{3,})")


def in_call(arguments: Mapping[str, Any], reader: TextReader) -> Reading:
    """The query that a call is made with. Blocking: it may parse."""
    texts = [(key.lower(), text) for key, text in texts_of(dict(arguments))][:MAX_TEXTS]
    for key, text in texts:
        if key in _NAMES and is_sql(text):
            return Reading(text.strip())
    for _, text in texts:
        if reader.is_query(text) or _STATEMENT.match(text):
            return Reading(text.strip())
    for _, text in texts:
        found = reader.read(text) if _FENCED.match(text) else reader.in_literals(text)
        if found != NOTHING:
            return found
    return NOTHING


def only_explores(sql: str, engine: Engine) -> bool:
    """Whether a query looks at the shape of the data: its catalogue, or some rows of one table as they come.

    Blocking: it parses.
    """
    if only_looks(sql) or _CATALOGUES.search(sql):
        return True
    if len(sql) > MAX_QUERY_CHARS:
        return False
    try:
        tree = parse_query(sql, engine).tree
    except (NotParsed, Refused):
        return False
    return isinstance(tree, exp.Select) and _is_sample(tree)


def _is_sample(query: exp.Select) -> bool:
    """`SELECT * FROM t LIMIT 3`: all columns of one table, nothing asked of its rows."""
    asked = ("where", "group", "having", "joins", "distinct", "with_", "order", "qualify", "laterals")
    origin = query.args.get("from_")
    return (
        all(isinstance(one, exp.Star) for one in query.selects)
        and origin is not None
        and isinstance(origin.this, exp.Table)
        and not any(query.args.get(name) for name in asked)
    )

"""Tells statements of SQL by how they begin: queries, statements that describe, and statements that only prepare.

Knows first words only, and where one statement ends; what a statement does is for `allowed.py`.
"""

from __future__ import annotations

import re

import sqlglot
from sqlglot import TokenType
from sqlglot.errors import SqlglotError

from judge_agent.schema import Engine
from tools.sql.scan import MAX_QUERY_CHARS, Refused, check_text

_START = r"\A(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*+"
QUERY = re.compile(
    r"\A(?:\s|--[^\n]*\n|/\*.*?\*/|\()*+(?:select|with|values|from)\b", re.IGNORECASE | re.DOTALL
)
STATEMENT = re.compile(
    rf"{_START}(?:drop|delete|insert|update|create|alter|attach|copy|pragma|truncate|replace|merge|export|install|load|"
    r"set|call|vacuum|explain|describe|show|detach)\s+\S",
    re.IGNORECASE | re.DOTALL,
)
_LOOKS = re.compile(rf"{_START}(?:pragma|explain|describe|desc|show)\b", re.IGNORECASE | re.DOTALL)
# Indexes, statistics, settings, and tables to try the query on: nobody asks for them in the place of a query.
_PREPARES = re.compile(
    rf"{_START}(?:create\s+(?:or\s+replace\s+)?(?:temp\w*\s+|unique\s+|clustered\s+|bitmap\s+)*+(?:index|table|view|"
    r"materialized\s+view|statistics|extension|schema|database|function)|drop\s+(?:index|view)|reindex|analy[sz]e|vacuum|"
    r"set|use|begin|start\s+transaction|commit|alter\s+(?:table\s+\S+\s+add\s+(?:index|key|constraint)|index)|"
    r"cluster|pragma|grant|comment\s+on|go)\b",
    re.IGNORECASE | re.DOTALL,
)
_CREATES = re.compile(rf"{_START}create\s+(?:temp\w*\s+)?table\b", re.IGNORECASE | re.DOTALL)
_INSERTS = re.compile(rf"{_START}insert\b", re.IGNORECASE | re.DOTALL)
_NOTHING = re.compile(rf"{_START}\Z", re.DOTALL)


def is_sql(text: str) -> bool:
    """Whether the text begins as a statement of SQL does."""
    return bool(QUERY.match(text) or STATEMENT.match(text))


def is_statement(sql: str) -> bool:
    """Whether it begins as a statement that is no query."""
    return bool(STATEMENT.match(sql) or _PREPARES.match(sql))


def only_looks(sql: str) -> bool:
    """Whether it is a statement that describes: PRAGMA, EXPLAIN, DESCRIBE, SHOW."""
    return bool(_LOOKS.match(sql))


def only_prepares(sql: str) -> bool:
    """Whether it is a statement that tunes or sets up a database, and is no answer to a question."""
    return bool(_PREPARES.match(sql))


def query_alone(sql: str, engine: Engine) -> str:
    """The one query among statements that only prepare or describe; the whole text where there is another one.

    Rows that are put in prepare where a table is created for them. Blocking: it reads the text's tokens.
    """
    if ";" not in sql.rstrip("; \t\r\n") or len(sql) > MAX_QUERY_CHARS:
        return sql
    statements = [one for one in _statements(sql, engine) if not _NOTHING.match(one)]
    creates = any(_CREATES.match(one) for one in statements)
    queries = [one for one in statements if not (only_prepares(one) or only_looks(one))]
    queries = [one for one in queries if not (creates and _INSERTS.match(one))]
    return queries[0].strip() if len(queries) == 1 < len(statements) and QUERY.match(queries[0]) else sql


def _statements(sql: str, engine: Engine) -> list[str]:
    """The text, cut at its semicolons; in one piece where its tokens cannot be told."""
    try:
        check_text(sql, engine)
        tokens = sqlglot.Dialect.get_or_raise(engine).tokenize(sql)
    except (Refused, SqlglotError, RecursionError, ValueError):
        return [sql]
    cuts = [token.start for token in tokens if token.token_type == TokenType.SEMICOLON]
    starts = [0, *(cut + 1 for cut in cuts)]
    return [sql[start:end] for start, end in zip(starts, [*cuts, len(sql)], strict=True)]

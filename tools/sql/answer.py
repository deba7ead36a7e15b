"""Finds the final SQL of a candidate, and says where it stood.

In this order: the last artifact of kind `sql`; the declared final answer; then the steps from the last to the first,
each with its text before its tool calls. In a text: the last fenced block of SQL, else a text that is SQL itself, else
its last paragraph that is. What merely looks like prose is no SQL; whether SQL is good is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from judge_agent.fenced_code import blocks, plain_text, spoken
from judge_agent.schema import Engine, Trajectory
from judge_agent.trajectory import read
from tools.sql.allowed import NotParsed, parse_query
from tools.sql.scan import Refused

Origin = Literal["artifact", "final_answer", "fenced_block", "text", "tool_call"]
MAX_TEXT_CHARS = 200_000
MAX_PARSED_CHARS = 150_000
_TAGS = frozenset(
    ("sql", "sqlite", "sqlite3", "duckdb", "postgres", "postgresql", "pgsql", "mysql", "tsql", "psql")
)
_QUERY = re.compile(
    r"\A(?:\s|--[^\n]*\n|/\*.*?\*/|\()*+(?:select|with|values|from)\b", re.IGNORECASE | re.DOTALL
)
_STATEMENT = re.compile(
    r"\A(?:\s|--[^\n]*\n|/\*.*?\*/)*+(?:drop|delete|insert|update|create|alter|attach|copy|pragma|truncate|replace|merge|"
    r"export|install|load|set|call|vacuum|explain|describe|show|detach)\s+\S",
    re.IGNORECASE | re.DOTALL,
)
_LINE = re.compile(r"^[ \t]*(?:select|with)\b", re.IGNORECASE | re.MULTILINE)
_ARGUMENTS = ("sql", "query", "sql_query", "statement", "code")


class FinalSql(NamedTuple):
    """`step_id` is the step that it was written in, None for an artifact or answer without steps."""

    sql: str
    origin: Origin
    step_id: str | None


def final_sql(trajectory: Trajectory, engine: Engine) -> FinalSql | None:
    """Return the SQL that the candidate ends with, None where there is none. Blocking: it may parse."""
    steps = read(trajectory).steps
    last = steps[-1].id if steps else None
    artifacts = [artifact for artifact in trajectory.artifacts if artifact.kind == "sql"]
    if artifacts:
        return FinalSql(plain_text(artifacts[-1].content).strip(), "artifact", last)
    reader = _Reader(engine)
    if trajectory.final_answer is not None:
        found = reader.in_text(trajectory.final_answer)
        if found is not None:
            return FinalSql(found[0], "final_answer", last)
    for step in reversed(steps):
        found = reader.in_text(step.turn.text)
        if found is not None:
            return FinalSql(*found, step.id)
        for call in reversed(step.turn.calls):
            if (sql := _in_call(call.arguments or {})) is not None:
                return FinalSql(sql, "tool_call", step.id)
    return None


class _Reader:
    """Reads the texts of one candidate; they share one allowance for parsing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._chars = MAX_PARSED_CHARS

    def in_text(self, text: str) -> tuple[str, Literal["fenced_block", "text"]] | None:
        said = spoken(text[:MAX_TEXT_CHARS])
        fenced = [block for block in blocks(said) if block.source.strip()]
        for block in reversed(fenced):
            if block.language in _TAGS or (not block.language and _is_sql(block.source)):
                return block.source.strip(), "fenced_block"
        if fenced:
            return None
        if len(text) > MAX_TEXT_CHARS and _QUERY.match(text):
            return text.strip(), "text"
        for part in _paragraphs(said):
            if _STATEMENT.match(part) and part.rstrip().endswith(";"):
                return part.strip(), "text"
            if _QUERY.match(part) and self._parses(part):
                return part.strip(), "text"
        return None

    def _parses(self, text: str) -> bool:
        """Whether it is one query to the parser; one that is refused for what it does is still one."""
        if len(text) > self._chars:
            return False
        self._chars -= len(text)
        try:
            parse_query(text, self._engine)
        except NotParsed:
            return False
        except Refused as refused:
            return refused.is_sql
        return True


def _paragraphs(text: str) -> list[str]:
    """The whole text, then from its last paragraph to its first what begins with a query's first word."""
    found = [text]
    for paragraph in reversed(re.split(r"\n[ \t]*\n", text)[-20:]):
        if (start := _LINE.search(paragraph)) is not None:
            rest = paragraph[start.start() :]
            found += [rest, rest.partition(";")[0]]
    return found


def _is_sql(source: str) -> bool:
    return bool(_QUERY.match(source) or _STATEMENT.match(source))


def _in_call(arguments: Mapping[str, Any]) -> str | None:
    for name in _ARGUMENTS:
        value = arguments.get(name)
        if isinstance(value, str) and _is_sql(value):
            return value.strip()
    return None

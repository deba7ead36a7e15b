"""Says whether the result of a query depends on the time of day: it calls for the time, or gives 'now' to a function of
dates.

Goes by calls and their arguments, not by names: a column `age`, a text 'now' that is compared, and the days between two
columns say nothing of today. Does not know what a view or a column holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from judge_agent.schema import Engine

_NODES = (
    exp.CurrentDate,
    exp.CurrentTime,
    exp.CurrentTimestamp,
    exp.CurrentDatetime,
    exp.Localtime,
    exp.Localtimestamp,
)
_CALLS = frozenset(
    (
        "now", "today", "get_current_time", "get_current_timestamp", "transaction_timestamp", "current_date",
        "current_time", "current_timestamp", "current_localtime", "current_localtimestamp", "localtime",
        "localtimestamp",
    )
)  # fmt: skip
_OF_DATES = frozenset(("date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff"))
_OF_DATES_NODES = (exp.Date, exp.TimeToStr, exp.Timestamp, exp.TsOrDsToTimestamp)
_OTHER_TEXT = re.compile(r"'(?!now')(?:[^']|'')*'", re.IGNORECASE)
_UNREAD = re.compile(
    r"\bcurrent_(?:date|time|timestamp)\b|"
    r"\b(?:date|time|datetime|julianday|unixepoch)\s*\(\s*\)|\bstrftime\s*\(\s*''\s*\)|"
    r"\b(?:date|time|datetime|julianday|unixepoch|strftime|timediff)\s*\([^()]{0,500}['\"]now['\"]",
    re.IGNORECASE,
)


def asks_the_clock(tree: exp.Expr, engine: Engine) -> bool:
    """Whether a parsed query does."""
    if any(isinstance(node, _NODES) or _is_call(node) for node in tree.walk()):
        return True
    if engine != "sqlite":
        return False  # DuckDB reads no 'now' as a time
    calls = list(_date_calls(tree))
    if any(_takes_now(call) for call in calls):
        return True
    return bool(calls) and any(
        _is_now(node) and node.find_ancestor(exp.Predicate) is None for node in tree.walk()
    )


def asks_unread(sql: str) -> bool:
    """Whether a text that only SQLite reads does."""
    return _UNREAD.search(_OTHER_TEXT.sub("''", sql)) is not None


def _is_call(node: exp.Expr) -> bool:
    if not isinstance(node, exp.Anonymous):
        return False
    name = node.name.lower()
    return name in _CALLS or (name == "age" and len(node.expressions) == 1)  # age(then) counts from today


def _date_calls(tree: exp.Expr) -> Iterator[exp.Expr]:
    for node in tree.find_all(exp.Anonymous, *_OF_DATES_NODES):
        if not isinstance(node, exp.Anonymous) or node.name.lower() in _OF_DATES:
            yield node


def _takes_now(call: exp.Expr) -> bool:
    """Without a time SQLite's functions of dates take the present one."""
    arguments = list(call.iter_expressions())
    least = 2 if isinstance(call, exp.Anonymous) and call.name.lower() == "strftime" else 1
    if len(arguments) < least:
        return True
    return any(_is_now(node) for one in arguments for node in one.walk()) or _puts_now_together(call)


def _puts_now_together(call: exp.Expr) -> bool:
    texts = "".join(one.name for joined in call.find_all(exp.DPipe) for one in joined.find_all(exp.Literal))
    return "now" in texts.lower()


def _is_now(node: exp.Expr) -> bool:
    """The text, which may also stand between double quotes."""
    if isinstance(node, exp.Literal):
        return node.is_string and node.name.lower() == "now"
    quoted = isinstance(node, exp.Column) and bool(node.this.args.get("quoted"))
    return quoted and not node.args.get("table") and node.name.lower() == "now"

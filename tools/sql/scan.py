"""Looks at a query's text before anything parses it: length, depth, comments. Linear, whatever the text is.

Knows quotes and comments of both engines, not the grammar. A comment inside a comment is refused: some parsers nest
them and some do not, so that one of them would run what the other one skips.
"""

from __future__ import annotations

import re

from judge_agent.schema import Engine

MAX_QUERY_CHARS = 50_000
MAX_DEPTH = 64
_PIECE = re.compile(
    r"""--[^\n]*+|'(?:[^']|'')*+'?|"(?:[^"]|"")*+"?|`(?:[^`]|``)*+`?|\$(?P<tag>\w*)\$|/\*|[(\[{]|[)\]}]""",
    re.ASCII,
)
_COMMENT_MARK = re.compile(r"/\*|\*/")


class Refused(Exception):
    """The query is not run; the message says why. `evidence`: whether that speaks against the query itself.

    `is_sql` is false where nothing has read the text as SQL yet.
    """

    def __init__(self, message: str, *, evidence: bool = False, is_sql: bool = True) -> None:
        super().__init__(message)
        self.evidence = evidence
        self.is_sql = is_sql


def check_text(sql: str, engine: Engine) -> None:
    """Raise Refused for a text that is too long or nested too deep to parse, or that hides parts in comments."""
    if len(sql) > MAX_QUERY_CHARS:
        raise Refused(f"the query has {len(sql)} characters; the limit is {MAX_QUERY_CHARS}")
    if "\x00" in sql:
        raise Refused("the query holds a NUL character", is_sql=False)
    at = depth = 0
    while match := _PIECE.search(sql, at):
        piece, at = match.group(), match.end()
        if piece == "/*":
            at = _comment_end(sql, at)
        elif match["tag"] is not None and engine == "duckdb":
            closing = sql.find(piece, at)
            at = len(sql) if closing < 0 else closing + len(piece)
        elif piece in "([{":
            depth += 1
            if depth > MAX_DEPTH:
                raise Refused(f"the query is nested deeper than {MAX_DEPTH} levels", is_sql=False)
        elif piece in ")]}":
            depth -= 1


def _comment_end(sql: str, at: int) -> int:
    mark = _COMMENT_MARK.search(sql, at)
    if mark is None:
        return len(sql)
    if mark.group() == "/*":
        raise Refused("the query holds a comment inside a comment")
    return mark.end()

"""Looks at a query's text before anything parses it: length, tokens, depth, comments. Linear, whatever the text is.

Depth is that of parentheses, brackets and CASE, and of prefixes in a row (`NOT NOT a`, `- - 1`). Knows quotes and
comments of both engines, not the grammar. A comment inside a comment is refused: some parsers nest
them and some do not, so that one of them would run what the other one skips. All this speaks against the query: the
bounds are far beyond what any task needs, and padding must not turn a wrong query into one that nobody judged.
"""

from __future__ import annotations

import re

from judge_agent.schema import Engine

MAX_QUERY_CHARS = 50_000
MAX_TOKENS = 10_000
MAX_DEPTH = 64
MAX_CHAINED = 256  # `a[1][1]`: each is a level to the parser
_PIECE = re.compile(
    r"""--[^\n]*+|'(?:[^']|'')*+'?|"(?:[^"]|"")*+"?|`(?:[^`]|``)*+`?|\$(?P<tag>\w*)\$|/\*|[\w$]++|[^\s\w]""",
    re.ASCII,
)
_PREFIXES = frozenset(("not", "-", "+", "~", "!", "prior", "interval", "distinct", "from"))
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
        raise Refused(f"the query has {len(sql)} characters; the limit is {MAX_QUERY_CHARS}", evidence=True)
    if "\x00" in sql:
        raise Refused("the query holds a NUL character", evidence=True, is_sql=False)
    nesting, at = _Nesting(), 0
    while match := _PIECE.search(sql, at):
        piece, at = match.group(), match.end()
        if piece == "/*":
            at = _comment_end(sql, at)
        elif match["tag"] is not None and engine == "duckdb":
            closing = sql.find(piece, at)
            at = len(sql) if closing < 0 else closing + len(piece)
            nesting.add("")
        elif not piece.startswith("--"):
            nesting.add(piece)


class _Nesting:
    """Counts tokens, and how deep they nest."""

    def __init__(self) -> None:
        self._tokens = self._brackets = self._cases = self._prefixes = self._chained = 0
        self._closed = False

    def add(self, token: str) -> None:
        """Count one token. Raises Refused where there are too many, or too many inside each other."""
        self._tokens += 1
        word = token.lower() if len(token) < 9 else ""
        if word in ("(", "[", "{"):
            self._brackets += 1
        elif word in (")", "]", "}"):
            self._brackets -= 1
        elif word == "case":
            self._cases += 1
        elif word == "end":
            self._cases = max(0, self._cases - 1)
        self._prefixes = self._prefixes + 1 if word in _PREFIXES else 0
        self._chained += self._closed and word == "["
        self._closed = word == "]"
        if self._chained > MAX_CHAINED:
            raise Refused(
                f"the query has more than {MAX_CHAINED} brackets after brackets", evidence=True, is_sql=False
            )
        if max(self._brackets, self._cases, self._prefixes) > MAX_DEPTH:
            raise Refused(f"the query is nested deeper than {MAX_DEPTH} levels", evidence=True, is_sql=False)
        if self._tokens > MAX_TOKENS:
            raise Refused(f"the query has more than {MAX_TOKENS} words and signs", evidence=True)


def _comment_end(sql: str, at: int) -> int:
    mark = _COMMENT_MARK.search(sql, at)
    if mark is None:
        return len(sql)
    if mark.group() == "/*":
        raise Refused("the query holds a comment inside a comment", evidence=True)
    return mark.end()

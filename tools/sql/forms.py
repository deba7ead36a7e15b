"""Cuts out of a text the pieces that may be a query: fences, code between ticks, tags, boxes, JSON, quotes, labels.

Knows how answers are written down, nothing of SQL but the tags of its fences. Linear in the text, which is a
candidate's, but for the JSON in it, of which a few beginnings are tried.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

TAGS = frozenset(
    ("sql", "sqlite", "sqlite3", "duckdb", "postgres", "postgresql", "pgsql", "plpgsql", "psql", "mysql", "mariadb",
     "tsql", "t-sql", "mssql", "plsql", "oracle", "snowflake", "bigquery", "redshift", "clickhouse", "hive", "hiveql",
     "spark-sql", "sparksql", "trino", "presto", "ansi-sql", "query")
)  # fmt: skip
MAX_PIECES = 12
MAX_BEFORE = 60
MAX_JSON_STARTS = 20
MAX_JSON_DEPTH = 20
_TAG = "|".join(sorted(map(re.escape, TAGS), key=len, reverse=True))
_BEGINS = r"(?:select|with|values|from|insert|update|delete|drop|create|alter|pragma)\b|--|/\*|\("
_FENCE_AND_QUERY = re.compile(
    rf"(?<![`~])(`{{3,}}+|~{{3,}}+)[ \t]*+({_TAG})[ \t]++(?={_BEGINS})", re.IGNORECASE
)
_WHOLE_FENCE = re.compile(rf"(?<!`)(`{{3,}}+)[ \t]*+({_TAG})[ \t]++([^`\n]++)\1(?!`)", re.IGNORECASE)
_FENCE_IN_LINE = re.compile(rf"(?<=[^\s`])[ \t]*+(`{{3,}}+)(?=[ \t]*+(?:{_TAG})\b)", re.IGNORECASE)
_FENCE_ENDS_LINE = re.compile(r"^([^`\n]*[^`\s])[ \t]*+(`{3,}+)[ \t]*+$", re.MULTILINE)
_FENCE_LINE = re.compile(r"^[ \t]*(`{3,}+(?=[^`]*+$)|~{3,}+)")
_TICKS = re.compile(r"`+")
_FIRST_TAG = re.compile(rf"\A\s*(?:{_TAG})\s+(?=(?:select|with|values|from)\b)", re.IGNORECASE)
_OPENING = re.compile(
    r"<(sql|query|sql_?query|final_?sql|final_?query|answer|final_?answer|code|pre|output|response|result|tool_call)"
    r"\b[^<>\n]{0,200}>",
    re.IGNORECASE,
)
_CLOSING = re.compile(r"</([a-z_]+)[ \t]*>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|#39);")
_JSON_STARTS = re.compile(r"[\[{](?=\s*[\"\[{])")
_BOX = re.compile(r"\\f?boxed[ \t]*\{")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_QUOTES = re.compile(r"""\\.|\"{3}|'{3}|["']""", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "\n": "", "r": "\r"}
_MARK = re.compile(r"\A[ \t]*(?:>|[-*+\u2022][ \t]|\d{1,3}[.)][ \t]|#{1,6}[ \t])[ \t]*")
_LABEL = re.compile(r"\A[^\n`:{}\"']{0,80}[:\uff1a][ \t]*+")
_EDGES = (
    ("***", "***"),
    ("**", "**"),
    ("__", "__"),
    ("*", "*"),
    ("$", "$"),
    ('"', '"'),
    ("'", "'"),
    ("\u201c", "\u201d"),
)


def fences_on_lines(text: str) -> str:
    """The text with each fence of SQL on a line of its own: ```` ```sql SELECT 1``` ```` is a block as well."""
    text = _WHOLE_FENCE.sub(r"\n\1\2\n\3\n\1\n", text)
    text = _FENCE_IN_LINE.sub(r"\n\1", text)
    text = _FENCE_AND_QUERY.sub(r"\1\2\n", text)
    return _FENCE_ENDS_LINE.sub(r"\1\n\2", text)


def between_ticks(text: str) -> Iterator[tuple[str, str]]:
    """The spans of inline code, the last one first, each with the end of what stands before it on its line."""
    runs = [match.span() for match in _TICKS.finditer(text)]
    following, ends = dict[int, int](), dict[int, int]()
    for at in range(len(runs) - 1, -1, -1):
        width = runs[at][1] - runs[at][0]
        if width in following:
            ends[at] = following[width]
        following[width] = at
    spans, at = list[tuple[int, int]](), 0
    while at < len(runs):
        if at in ends:
            spans.append((runs[at][1], runs[ends[at]][0]))
        at = ends.get(at, at) + 1
    for begin, end in reversed(spans):
        before = text[max(0, begin - MAX_BEFORE) : begin].rstrip("`").rpartition("\n")[2]
        yield _FIRST_TAG.sub("", text[begin:end]).strip(), before


def tagged(text: str) -> Iterator[str]:
    """What stands in the last tags of an answer, the last first; a tag that is left open goes to the end."""
    opened: dict[str, int] = {}
    found: list[str] = []
    marks = sorted([*_OPENING.finditer(text), *_CLOSING.finditer(text)], key=lambda match: match.start())
    for mark in marks:
        name = mark[1].lower()
        if mark[0][1] != "/":
            opened[name] = mark.end()
        elif name in opened:
            found.append(text[opened.pop(name) : mark.start()])
    found += [text[start:] for start in sorted(opened.values())]
    for piece in found[: -MAX_PIECES - 1 : -1]:
        yield (html.unescape(piece) if _ENTITY.search(piece) else piece).strip()


def boxed(text: str) -> Iterator[str]:
    """What LaTeX boxes hold, the last first."""
    for match in list(_BOX.finditer(text))[: -MAX_PIECES - 1 : -1]:
        inside = _in_braces(text, match.end())
        for wrapper in ("\\text{", "\\texttt{", "\\mathrm{", "\\verb{"):
            if inside.startswith(wrapper) and inside.endswith("}"):
                inside = inside[len(wrapper) : -1]
        yield re.sub(r"\\([_%&#$*])", r"\1", inside).strip()


def json_values(text: str) -> Iterator[tuple[str, str]]:
    """The texts in the JSON of a text, each with its key; the text itself is JSON, or it holds objects."""
    decoder, at = json.JSONDecoder(strict=False), 0
    for _ in range(MAX_JSON_STARTS):
        start = _JSON_STARTS.search(text, at)
        if start is None:
            return
        try:
            value, at = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            at = start.end()
            continue
        yield from texts_of(value)


def texts_of(value: Any, key: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """The texts of a JSON value, each with the key that it stands under."""
    if isinstance(value, str):
        yield key, value
    elif depth < MAX_JSON_DEPTH and isinstance(value, dict):
        for name, inner in value.items():
            yield from texts_of(inner, str(name), depth + 1)
    elif depth < MAX_JSON_DEPTH and isinstance(value, list):
        for inner in value:
            yield from texts_of(inner, key, depth + 1)


def quoted(text: str) -> Iterator[str]:
    """The literals of a program or a command line, read as Python and shells write them; templates are left out."""
    opened: re.Match[str] | None = None
    for mark in _QUOTES.finditer(text):
        if mark[0][0] == "\\":
            continue
        before = text[mark.start() - 1 : mark.start()]
        if opened is None:
            opened = mark if before in ("f", "F") or not before.isalnum() else None
        elif mark[0] == opened[0]:
            inside, is_template = (
                text[opened.end() : mark.start()],
                text[opened.start() - 1 : opened.start()] in ("f", "F"),
            )
            opened = None
            if not is_template:
                yield re.sub(
                    r"\\(.)", lambda one: _ESCAPES.get(one[1], one[1]), inside, flags=re.DOTALL
                ).strip()


def outside_of_fences(text: str) -> str:
    """The lines that stand in no fenced block."""
    lines, fence = list[str](), ""
    for line in text.split("\n"):
        mark = _FENCE_LINE.match(line)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) else fence
        elif mark:
            fence = mark[1]
        else:
            lines.append(line)
    return "\n".join(lines)


def undecorated(text: str) -> str:
    """The text without marks of quotes, lists and emphasis, and without a label such as `SQL:` before it."""
    lines = text.strip().split("\n")
    if all(line.lstrip().startswith(">") for line in lines if line.strip()):
        lines = [line.lstrip().removeprefix(">").removeprefix(" ") for line in lines]
    lines[0] = _MARK.sub("", lines[0])
    text = _without_edges("\n".join(lines).strip())
    label = _LABEL.match(text)
    if label is not None:
        text = _without_edges(text[label.end() :].lstrip("*_ \t\n"))
    return text


def is_marked(line: str) -> bool:
    """Whether the line begins as an item, a quote or a heading does."""
    return _MARK.match(line) is not None


def _without_edges(text: str) -> str:
    for begin, end in _EDGES:
        if text.startswith(begin) and text.endswith(end) and len(text) > len(begin + end):
            return text[len(begin) : -len(end)].strip()
    return text


def _in_braces(text: str, start: int) -> str:
    depth = 1
    for match in _BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if not depth:
            return text[start : match.start()]
    return text[start:]

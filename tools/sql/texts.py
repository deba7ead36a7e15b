"""Reads the query that a text ends with, in whichever everyday form it is written.

In this order: the last fenced block of SQL; literals of other blocks; what tags, boxes and JSON hold; a text or
paragraph that is SQL itself, with or without a label, a mark of a list or emphasis; code between ticks; what stands in
quotes. What merely looks like prose is no SQL. Where queries stand in a text and none can be told to be the final one,
or a query seems to stand in a sentence, the reading is in doubt, which is neither a query nor none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from judge_agent.fenced_code import Block, blocks, spoken
from judge_agent.schema import Engine
from tools.sql.allowed import NotParsed, parse_query
from tools.sql.forms import (
    MAX_PIECES,
    TAGS,
    between_ticks,
    boxed,
    fences_on_lines,
    is_marked,
    json_values,
    outside_of_fences,
    quoted,
    tagged,
    undecorated,
)
from tools.sql.scan import Refused
from tools.sql.statements import (
    QUERY,
    STATEMENT,
    is_sql,
    is_statement,
    only_looks,
    only_prepares,
    query_alone,
)

MAX_TEXT_CHARS = 200_000
MAX_PARSED_CHARS = 150_000
MAX_NESTED = 3
MAX_OTHERS = 3
Doubt = Literal["none", "slight", "grave"]
_LINE = re.compile(r"^[ \t]*(?:select|with)\b", re.IGNORECASE | re.MULTILINE)
_LABELLED = re.compile(r"[:\uff1a][ \t*_]*(?=(?:select|with)\b)", re.IGNORECASE)
_PROSE = re.compile(r"[ \t]*(?:[A-Z][a-z']*,?[ \t]+[a-z]|[A-Z][\w ]{0,30}:(?:\s|\Z)|[^\x00-\x7f])")
_CLAUSES = r"(?:from|where|group\s+by|having|order\s+by|limit|(?:left|inner|cross|full|right)\s+|join|union|on|and)\b"
_CLAUSE = re.compile(rf"\A\s*{_CLAUSES}", re.IGNORECASE)
_PARAGRAPHS = re.compile(rf"\n[ \t]*\n(?![ \t\n]*{_CLAUSES})", re.IGNORECASE)
_TO_FILL_IN = re.compile(r"%[sd](?![a-z])|%\(|\{\w*\}|\?|(?<![:\w]):[a-z_]")
_SQL_KEY = re.compile(r"(?:\A|_|[a-z])(?:sql|query|statement)(?:\Z|_)", re.IGNORECASE)
_FINAL = re.compile(r"final|answer|corrected|solution|result", re.IGNORECASE)
# Words before a last block that may make it no answer: it checks, compares, repeats what was there, or adds something.
_ASIDE = re.compile(
    r"\b(?:verif\w+|check\w*|sanity|confirm\w*|inspect\w*|explor\w+|debug\w*|test\w*|compar\w+|contrast|original\w*|"
    r"previous\w*|earlier|initial\w*|instead|alternativ\w*|otherwise|another way|equivalent\w*|wrong|incorrect\w*|"
    r"mistake\w*|avoid\w*|unlike|not work|naive|old|existing|your (?:query|version|attempt|sql)|optional\w*|bonus|"
    r"extra|also|example|in case|if (?:you|we|they|the)|speed\w*|fast\w*|perform\w*|optimi[sz]\w+|index\w*)\b",
    re.IGNORECASE,
)
_STATED = re.compile(r"\bSELECT\b")
_STATED_VALUE = re.compile(r"\bSELECT\s+(?:[-\d'*]|\w+\()")
_SAID = re.compile(r"\bselect\b", re.IGNORECASE)
_SAID_WITH = re.compile(r"\bwith\s+\w+\s+as\s*\(", re.IGNORECASE)
_FROM = re.compile(r"\bFROM\b|\bfrom\b")


class Reading(NamedTuple):
    """`sql` None: no query. `others`: what else may be meant. `doubt` where there is none: `slight` for words of a
    query in a sentence, `grave` where a query stands there but cannot be told, or several do.
    """

    sql: str | None = None
    is_fenced: bool = False
    others: tuple[str, ...] = ()
    doubt: Doubt = "none"


NOTHING = Reading()
UNCLEAR = Reading(doubt="grave")


class TextReader:
    """Reads the texts of one candidate; they share one allowance for parsing. Blocking."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._chars = MAX_PARSED_CHARS

    def read(self, text: str) -> Reading:
        """The query of a text, after its thought."""
        if len(text) > MAX_TEXT_CHARS and QUERY.match(text):
            return Reading(text.strip())
        found = self._read(spoken(text[:MAX_TEXT_CHARS]), 0)
        return found._replace(sql=query_alone(found.sql, self._engine)) if found.sql else found

    def is_query(self, text: str) -> bool:
        """Whether it is one query to the parser; one that is refused for what it does is still one."""
        if not QUERY.match(text) or len(text) > self._chars or len(text.split(maxsplit=1)) < 2:
            return False
        self._chars -= len(text)
        try:
            parse_query(text, self._engine)
        except NotParsed:
            return False
        except Refused as refused:
            return refused.is_sql and not _goes_on_as_prose(text)
        return True

    def in_literals(self, text: str) -> Reading:
        """The one query among the quoted texts of a program or a command line; one that is put together is in doubt."""
        pieces = list(quoted(text))
        found = self._queries(pieces)
        in_parts = bool(found) and any(_CLAUSE.match(piece) for piece in pieces)
        if in_parts or any(_TO_FILL_IN.search(one) for one in found):
            return UNCLEAR
        return _only(found)

    def _read(self, said: str, depth: int) -> Reading:
        if depth > MAX_NESTED:
            return NOTHING
        said = fences_on_lines(said)
        fenced = [block for block in blocks(said) if block.source.strip()]
        if (found := self._in_blocks(fenced, said)) != NOTHING:
            return found
        said = outside_of_fences(said) if fenced else said
        for found in self._readings(said, depth):
            if found != NOTHING:
                return found
        return Reading(doubt=_doubt("\n".join([said, *(block.source for block in fenced)])))

    def _in_blocks(self, fenced: list[Block], said: str) -> Reading:
        queries = [block.source.strip() for block in fenced if self._holds_sql(block)]
        if queries:
            return _final_of(queries, said)
        for block in reversed(fenced[-MAX_PIECES:]):
            for found in (self._in_json(block.source, MAX_NESTED), self.in_literals(block.source)):
                if found != NOTHING:
                    return found
        return NOTHING

    def _holds_sql(self, block: Block) -> bool:
        if block.language in TAGS:
            return True
        return is_sql(block.source) if not block.language else self.is_query(block.source)

    def _readings(self, said: str, depth: int) -> Iterator[Reading]:
        """Lazily: what is further down is looked at where nothing before it is found."""
        whole = said.strip()
        if self._is_whole(whole):
            yield Reading(whole)
        for pieces in (tagged(said), boxed(said)):
            yield next((found for piece in pieces if (found := self._read(piece, depth + 1)).sql), NOTHING)
        yield self._in_json(said, depth)
        yield self._in_paragraphs(said)
        yield self._between_ticks(said)
        yield self.in_literals(said)

    def _in_json(self, text: str, depth: int) -> Reading:
        values = list(json_values(text))
        named = [(key, value.strip()) for key, value in values if _SQL_KEY.search(key) and is_sql(value)]
        final = [value for key, value in named if _FINAL.search(key)]
        if named:
            return _only(final or [value for _, value in named])
        found = (self._read(value, depth + 1).sql for _, value in values[-MAX_PIECES:])
        return _only([sql for sql in found if sql is not None])

    def _in_paragraphs(self, said: str) -> Reading:
        for part in _paragraphs(said):
            if self._is_whole(part):
                return Reading(part.strip())
            if QUERY.match(part) and part.rstrip().endswith(".") and self.is_query(part.rstrip()[:-1]):
                return Reading(part.rstrip()[:-1].strip())
        return NOTHING

    def _is_whole(self, part: str) -> bool:
        return bool(STATEMENT.match(part) and part.rstrip().endswith(";")) or self.is_query(part)

    def _between_ticks(self, said: str) -> Reading:
        spans = [(span, before) for span, before in between_ticks(said) if QUERY.match(span)][:MAX_PIECES]
        found = [(span, before) for span, before in spans if self.is_query(span)]
        if found and _FINAL.search(found[0][1]):
            return Reading(found[0][0])
        return _only([span for span, _ in found])

    def _queries(self, pieces: Iterable[str]) -> list[str]:
        found = [piece for piece in pieces if QUERY.match(piece)]
        return [piece for piece in found[-MAX_PIECES:] if self.is_query(piece)]


def _final_of(stated: list[str], said: str) -> Reading:
    """The last of several blocks, but a query before statements that only tune or describe.

    Where a query stands before the last block, and that one is no query or may be none of the answer, it may be meant.
    """
    telling = [sql for sql in stated if not only_looks(sql)] or stated
    queries = [sql for sql in telling if not is_statement(sql)]
    if queries and only_prepares(telling[-1]):
        telling = [sql for sql in telling if not only_prepares(sql)]
    final = telling[-1]
    before = said[: max(said.rfind(final), 0)].rstrip().rpartition("\n")[0][-200:]
    may_be_aside = is_statement(final) or _ASIDE.search(before.rpartition("```")[2])
    others = tuple(sql for sql in telling[:-1] if not is_statement(sql)) if may_be_aside else ()
    return Reading(final, is_fenced=True, others=others[-MAX_OTHERS:])


def _goes_on_as_prose(text: str) -> bool:
    """`SELECT 1; Done` are two statements to the parser, for which a word is one."""
    rest = text.partition(";")[2].strip()
    return bool(rest) and not is_sql(rest)


def _only(found: list[str]) -> Reading:
    """The one query of several pieces that are the same; of others it is not known which one is meant."""
    different = {" ".join(sql.rstrip("; \n").split()): sql for sql in found}
    if len(different) > 1:
        return UNCLEAR
    return Reading(found[-1]) if found else NOTHING


def _paragraphs(text: str) -> Iterator[str]:
    """From the last paragraph to the first: all of it, what follows a label, what begins with a query's first word."""
    for paragraph in reversed(_PARAGRAPHS.split(text)[-20:]):
        yield paragraph
        yield undecorated(paragraph)
        for rest in _beginnings(paragraph):
            yield rest
            yield rest.partition(";")[0]
            yield from _first_lines(rest)


def _beginnings(paragraph: str) -> Iterator[str]:
    """The rest of the paragraph from where a query may begin: behind the mark or the label of a line, at its start."""
    lines = paragraph.split("\n")
    for at in range(len(lines) - 1, max(len(lines) - 20, 0) - 1, -1):
        bare = undecorated(lines[at])
        if bare != lines[at].strip() and QUERY.match(bare):
            yield "\n".join([bare, *lines[at + 1 :]])
    starts = [match.start() for match in (_LINE.search(paragraph),) if match]
    starts += [match.end() for match in _LABELLED.finditer(paragraph)][-2:]
    yield from (paragraph[start:] for start in starts)


def _first_lines(rest: str) -> Iterator[str]:
    """The lines up to one that begins as a sentence or an item of a list does."""
    lines = rest.split("\n")
    ends = [at for at, line in enumerate(lines) if at and (_PROSE.match(line) or is_marked(line))]
    yield from ("\n".join(lines[:at]) for at in ends[:3])


def _doubt(text: str) -> Doubt:
    """Whether a query may stand in a text in which none was read."""
    for shape in (_STATED, _SAID):
        start = shape.search(text)
        if start is not None and _FROM.search(text, start.end()):
            return "grave" if shape is _STATED else "slight"
    if _STATED_VALUE.search(text):
        return "grave"
    return "slight" if _SAID_WITH.search(text) else "none"

"""Where cited words stand: the observations of a trajectory, its task, the documents of the request.

Words are compared without case, kinds of quotation marks and dashes, emphasis and line breaks, and as they stand within
JSON and HTML, where a tool answers in these. What stands only where
a tool repeats what the agent itself had written before is told apart: it is no source.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Literal
from urllib.parse import unquote

from judge_agent.schema import Trajectory
from judge_agent.seams.tool import ToolView
from judge_agent.trajectory import Transcript, read, text_of
from tools.documents.library import Library

_SAME = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4`", "'"),
        # Who quotes a quotation writes single marks within double ones.
        **dict.fromkeys('"\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb', "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        "\u00d7": "x",
        **dict.fromkeys("*_\u00ad\u200b\u200c\u200d\ufeff\u2060", None),
    }
)
_GAPS = re.compile(r"\s*(?:\[[^\]]{0,80}\]|\(\.{3}\)|\.{3,}|\u2026)\s*")
_CUT_SHORT = re.compile(
    r"truncat|\[cut\]|\bomitted\b|\[(?:\.{3}|\u2026)|(?:\.{3}|\u2026)\]"
    r"|\bmore (?:characters|lines|results|rows|items|bytes)\b"
    r"|(?:\.{3}|\u2026)[\s\]}\"')]*\Z",
    re.I,
)
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([nrt])|([\"'/\\]))")
_HALF = re.compile("[\ud800-\udfff]")
_LINKED = re.compile(r"\]\([^()\s]{0,400}\)")
_MARKUP = re.compile(r"</?[A-Za-z][^<>]{0,400}>|\[\d{1,3}\]|\]\([^()\s]{0,400}\)|(?<=\w)-[ \t]*\n\s*")
_URL_SEEN = re.compile(r"https?://[^\s<>\"'`\[\]{}|\\^\u201c\u201d\u3010\u3011]{3,2000}", re.I)
_TRACKING = re.compile(r"(?:utm_[a-z]+|gclid|fbclid|ref)=[^&]*&?", re.I)
_INLINE = re.compile(r"</?(?:a|b|i|u|s|em|strong|span|sup|sub|mark|code|small|abbr|cite|q)\b", re.I)
MIN_PART_CHARS = 6
Kind = Literal["observation", "task", "document"]


def same(text: str) -> str:
    """A text as it is compared; words stay words, one space between them."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.translate(_SAME).casefold().split())


def unescaped(text: str) -> str:
    """A text without the escapes of JSON strings and HTML, in which tools often answer."""
    if "\\" in text:
        text = _ESCAPED.sub(_meant, text)
        if _HALF.search(text):  # JSON writes what lies beyond the first plane as two halves
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return html.unescape(text) if "&" in text else text


def _meant(found: re.Match[str]) -> str:
    if found.group(1):
        return chr(int(found.group(1), 16))
    return " " if found.group(2) else found.group(3)


def same_url(url: str) -> str:
    """An address without what does not tell pages apart: scheme, www, fragment, tracking, a slash at the end."""
    url = unquote(url.split("#", 1)[0]).rstrip(".,;:!?*_~'")
    while url.endswith(")") and url.count("(") < url.count(")"):
        url = url[:-1]
    head, mark, query = url.partition("?")
    query = _TRACKING.sub("", query).rstrip("&")
    bare = re.sub(r"^https?://(?:www\.)?", "", head, flags=re.I).rstrip("/")
    host, slash, path = bare.partition("/")
    return host.casefold() + slash + path + (mark + query if query else "")


def urls_in(text: str) -> set[str]:
    """The addresses that stand in a text, as they are compared."""
    return {same_url(found.group()) for found in _URL_SEEN.finditer(unescaped(text))}


@dataclass
class Written:
    """What the agent wrote, in its order: turns and the arguments of its calls."""

    texts: list[str] = field(default_factory=list)
    _same: list[str] = field(default_factory=list)
    _urls: list[set[str]] = field(default_factory=list)

    def holds(self, words: str, first: int) -> bool:
        """Whether one of the first so many texts holds the words."""
        self._same += [same(unescaped(text)) for text in self.texts[len(self._same) :]]
        return any(words in text for text in self._same[:first])

    def holds_url(self, url: str, first: int) -> bool:
        self._urls += [urls_in(text) for text in self.texts[len(self._urls) :]]
        return any(url in urls for urls in self._urls[:first])


@dataclass(frozen=True)
class Place:
    """A text that may be cited. `id` is a span (m3), `task`, or a document's id; `turn` is when the agent saw it.

    `written` is all that the agent writes, of which it had written the first `heard` pieces before it saw this.
    """

    kind: Kind
    id: str
    text: str
    turn: int = -1
    written: Written = field(default_factory=Written)
    heard: int = 0
    url: str = ""

    @cached_property
    def same(self) -> str:
        return same(self.text)

    @cached_property
    def plain(self) -> str:
        """As `same`, without the marks of HTML, JSON, footnotes and links, and with words put together again."""
        return same(_MARKUP.sub(_rejoined, unescaped(self.text)))

    @cached_property
    def urls(self) -> frozenset[str]:
        """The addresses that stand in it, and its own."""
        own = {same_url(self.url)} if self.url else set()
        return frozenset(own | urls_in(self.text))

    def find(self, parts: Sequence[str]) -> tuple[int, int] | None:
        """Where the parts stand in their order, as characters of `same`."""
        return _span(self.same, parts)

    def holds_plainly(self, parts: Sequence[str]) -> bool:
        """Whether the parts stand there in their order, once the marks around and within words are gone."""
        return _span(self.plain, parts) is not None

    def skipped(self, parts: Sequence[str]) -> tuple[str, ...]:
        """What stands between the parts and is left out."""
        for text in (self.same, self.plain):
            if found := _stretches(text, parts):
                return tuple(text[one[1] : other[0]] for one, other in pairwise(found))
        return ()

    def repeats(self, parts: Sequence[str]) -> bool:
        """Whether the agent had written these words before it saw them here."""
        return self.kind == "observation" and all(self.had_written(part) for part in parts)

    def had_written(self, words: str) -> bool:
        return self.written.holds(words, self.heard)

    def had_written_url(self, url: str) -> bool:
        return self.written.holds_url(url, self.heard)

    def offsets(self, span: tuple[int, int]) -> tuple[int, int]:
        """Characters of `text` for characters of `same`, from word to word."""
        at, start, end = 0, 0, len(self.text)
        for found in re.finditer(r"\S+", self.text):
            width = len(same(found.group()))
            if not width:
                continue
            if at <= span[0]:
                start = found.start()
            if at + width >= span[1]:
                return start, found.end()
            at += width + 1
        return start, end


@dataclass(frozen=True)
class Places:
    """All that can be cited. `complete` is false where something that the agent saw is not wholly here.

    `turns` says by which turn the agent had written how many texts of `written`.
    """

    all: tuple[Place, ...]
    complete: bool
    library: Library | None = None
    written: Written = field(default_factory=Written)
    turns: tuple[int, ...] = ()

    def had_written(self, parts: Sequence[str], before: int | None) -> bool:
        """Whether the agent wrote the words itself in an earlier turn: before that one, or before its last."""
        turn = len(self.turns) - 1 if before is None else before
        return turn >= 0 and all(self.written.holds(part, self.turns[turn]) for part in parts)

    @cached_property
    def urls(self) -> tuple[frozenset[str], frozenset[str]]:
        """The addresses that stand in the sources, and those with every path above them."""
        exact = set[str]()
        for place in self.all:
            exact.update(place.urls)
        above = set[str]()
        for url in exact:
            parts = url.partition("?")[0].split("/")[:24]
            above.update("/".join(parts[:count]) for count in range(1, len(parts) + 1))
        return frozenset(exact), frozenset(above)


def places_of(view: ToolView, library: Library | None) -> Places:
    """The sources of a trajectory, in the order in which it came to them."""
    transcript = read(view.trajectory)
    written, turns = Written(), list[int]()
    observed = list(_seen(transcript, written, turns))
    documents = () if library is None else library.documents
    found = [
        *_given(view),
        *observed,
        *(Place("document", one.id, one.text, url=one.url) for one in documents),
        *(
            Place("task", one.id, f"{one.title}\n{one.beside}")
            for one in documents
            if one.title or one.beside
        ),
    ]
    whole = not any(_CUT_SHORT.search(place.text) for place in observed if place.kind == "observation")
    whole = whole and not any(_is_of_other_script(place.text) for place in found if place.kind != "task")
    whole = (
        whole
        and all(one.text.strip() for one in documents)
        and not (library and (library.refused or library.skipped))
    )
    return Places(tuple(found), whole and not _has_unread(view, transcript), library, written, tuple(turns))


def _given(view: ToolView) -> Iterator[Place]:
    """The task, and what the agent was told of its tools."""
    text = "\n".join([view.task.prompt, *map(text_of, view.task.messages)])
    if text.strip():
        yield Place("task", "task", text)
    if view.trajectory.tools:
        yield Place("task", "tools", json.dumps(view.trajectory.tools, ensure_ascii=False))


def _has_unread(view: ToolView, transcript: Transcript) -> bool:
    """Whether the agent may have read something that is not looked into here: pictures, pages, databases."""
    turns = (*transcript.turns, *read(Trajectory(messages=view.task.messages)).turns)
    given = view.resources
    others = given.databases or given.files or given.pages or given.images or given.environment
    return bool(others) or any(turn.images for turn in turns if turn.role != "assistant")


def parts_of(quote: str) -> tuple[str, ...]:
    """A quotation as it is looked up: without the marks at its ends, apart where something is left out."""
    pieces = [same(piece).strip(" .,;:!?'\"-") for piece in _GAPS.split(_LINKED.sub("]", unescaped(quote)))]
    return tuple(piece for piece in pieces if len(piece) >= MIN_PART_CHARS)


def _seen(transcript: Transcript, written: Written, turns: list[int]) -> Iterator[Place]:
    """Tool results and the user's words; each with how much the agent had written before it."""
    for index, turn in enumerate(transcript.turns):
        turns.append(len(written.texts))
        if turn.role == "assistant":
            written.texts.append(turn.text)
            written.texts += [call.raw_arguments for call in turn.calls]
        elif turn.role == "tool":
            yield Place("observation", turn.span_id, turn.text, index, written, len(written.texts))
        elif turn.text.strip():
            yield Place("task", turn.span_id, turn.text, index)


def _span(text: str, parts: Sequence[str]) -> tuple[int, int] | None:
    found = _stretches(text, parts)
    return (found[0][0], found[-1][1]) if found else None


def _stretches(text: str, parts: Sequence[str]) -> list[tuple[int, int]]:
    """Where each part stands, each behind the one before; nothing where one does not."""
    found, at = list[tuple[int, int]](), 0
    for part in parts:
        start = text.find(part, at)
        if start < 0:
            return []
        at = start + len(part)
        found.append((start, at))
    return found


def _rejoined(found: re.Match[str]) -> str:
    """A word that is parted at the end of a line is one; what stood between other marks stays apart."""
    mark = found.group()
    if mark.startswith("<"):
        return "" if _INLINE.match(mark) else " "
    return "]" if mark.startswith("](") else ""


def _is_of_other_script(text: str) -> bool:
    """Whether a good part of it is in letters that are not Latin: quotations of it are often translated."""
    letters = [one for one in text[:4000] if one.isalpha()]
    return len(letters) > 40 and sum(one > "\u024f" for one in letters) * 5 > len(letters)

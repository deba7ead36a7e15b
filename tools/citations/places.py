"""Where cited words stand: the observations of a trajectory, its task, the documents of the request.

Words are compared without case, kinds of quotation marks and dashes, emphasis and line breaks. What stands only where
a tool repeats what the agent itself had written before is told apart: it is no source.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from urllib.parse import unquote

from judge_agent.seams.tool import ToolView
from judge_agent.trajectory import Transcript, read, text_of
from tools.documents.library import Library

_SAME = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4`", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("*_\u00ad\u200b\u200c\u200d\ufeff\u2060", None),
    }
)
_GAPS = re.compile(r"\s*(?:\[[^\]]{0,80}\]|\(\.{3}\)|\.{3,}|\u2026)\s*")
_CUT_SHORT = re.compile(r"truncat|\[cut\]|omitted|(?:\.{3}|\u2026)\s*\]?\s*$", re.I)
_URL_SEEN = re.compile(r"https?://[^\s<>\"'`\[\]{}|\\^\u201c\u201d\u3010\u3011]{3,2000}", re.I)
_TRACKING = re.compile(r"(?:utm_[a-z]+|gclid|fbclid|ref)=[^&]*&?", re.I)
MIN_PART_CHARS = 6
Kind = Literal["observation", "task", "document"]


def same(text: str) -> str:
    """A text as it is compared; words stay words, one space between them."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.translate(_SAME).casefold().split())


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
    return {same_url(found.group()) for found in _URL_SEEN.finditer(text)}


@dataclass(frozen=True)
class Place:
    """A text that may be cited. `id` is a span (m3), `task`, or a document's id; `turn` is when the agent saw it.

    `written` is all that the agent writes, of which it had written the first `heard` pieces before it saw this.
    """

    kind: Kind
    id: str
    text: str
    turn: int = -1
    written: Sequence[str] = ()
    heard: int = 0
    url: str = ""

    @cached_property
    def same(self) -> str:
        return same(self.text)

    @cached_property
    def urls(self) -> frozenset[str]:
        """The addresses that stand in it, and its own."""
        own = {same_url(self.url)} if self.url else set()
        return frozenset(own | urls_in(self.text))

    def find(self, parts: Sequence[str]) -> tuple[int, int] | None:
        """Where the parts stand in their order, as characters of `same`."""
        first, at = -1, 0
        for part in parts:
            found = self.same.find(part, at)
            if found < 0:
                return None
            first = found if first < 0 else first
            at = found + len(part)
        return first, at

    def repeats(self, parts: Sequence[str]) -> bool:
        """Whether the agent had written these words before it saw them here."""
        return self.kind == "observation" and all(self.had_written(part) for part in parts)

    def had_written(self, words: str) -> bool:
        return any(words in same(piece) for piece in self.written[: self.heard])

    def had_written_url(self, url: str) -> bool:
        return any(url in urls_in(piece) for piece in self.written[: self.heard])

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
    """All that can be cited. `complete` is false where something that the agent saw is not wholly here."""

    all: tuple[Place, ...]
    complete: bool
    library: Library | None = None

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
    given = "\n".join([view.task.prompt, *map(text_of, view.task.messages)])
    found = [Place("task", "task", given)] if given.strip() else []
    found += _seen(transcript)
    whole = all(not _is_partial(place.text) for place in found if place.kind == "observation")
    images = any(turn.images for turn in transcript.turns if turn.role != "assistant")
    if library is not None:
        found += [Place("document", one.id, one.text, url=one.url) for one in library.documents]
        whole = whole and not library.refused and all(one.text.strip() for one in library.documents)
    return Places(tuple(found), whole and not images, library)


def parts_of(quote: str) -> tuple[str, ...]:
    """A quotation as it is looked up: without the marks at its ends, apart where something is left out."""
    pieces = [same(piece).strip(" .,;:!?'\"-") for piece in _GAPS.split(quote)]
    return tuple(piece for piece in pieces if len(piece) >= MIN_PART_CHARS)


def _seen(transcript: Transcript) -> Iterator[Place]:
    """Tool results and the user's words; each with how much the agent had written before it."""
    written = list[str]()
    for index, turn in enumerate(transcript.turns):
        if turn.role == "assistant":
            written.append(turn.text)
            written += [call.raw_arguments for call in turn.calls]
        elif turn.role == "tool":
            yield Place("observation", turn.span_id, turn.text, index, written, len(written))
        elif turn.text.strip():
            yield Place("task", turn.span_id, turn.text, index)


def _is_partial(text: str) -> bool:
    return bool(_CUT_SHORT.search(text[-300:]))

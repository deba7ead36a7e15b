"""Documents as they were read: pages and passages with stable ids and offsets.

A passage's id is its document's id, `#`, and its number in the document. Offsets are characters of the document's
text, whose hash stands beside it. The same documents give the same passages under the same limits.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from tools.documents.limits import CorpusLimits

# Where a text may be cut, best first: between paragraphs, lines, sentences, words.
_CUTS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?;:\u3002])\s+|\u3002"),
    re.compile(r"\s+"),
)
_PAGE_GAP = "\n\n"


@dataclass(frozen=True)
class Document:
    """`pages` are the offsets at which pages begin; `paged` says that they are the document's own.

    `beside` is what its file says beside its text (a description, other fields of a row): cited, and not searched.
    """

    id: str
    corpus: str
    title: str
    url: str
    text: str
    pages: tuple[int, ...]
    paged: bool = False
    beside: str = ""

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    def page_of(self, offset: int) -> int:
        """The number, from 1, of the page that holds an offset."""
        return max(1, bisect_right(self.pages, offset))

    def page_span(self, number: int) -> tuple[int, int]:
        """Where a page begins and ends."""
        following = self.pages[number] if number < len(self.pages) else len(self.text)
        return self.pages[number - 1], following


class Passage(NamedTuple):
    """A piece of a document's page: characters `start` to `end` of its text."""

    id: str
    document: int
    page: int
    start: int
    end: int


@dataclass(frozen=True)
class Library:
    """All documents of a request.

    `refused` says of files why they are not here; `skipped` counts lines without text.
    """

    documents: tuple[Document, ...]
    passages: tuple[Passage, ...]
    refused: Mapping[str, str]
    skipped: Mapping[str, int]

    @cached_property
    def by_id(self) -> Mapping[str, Document]:
        return {document.id: document for document in self.documents}

    @cached_property
    def corpora(self) -> frozenset[str]:
        return frozenset(document.corpus.casefold() for document in self.documents)

    @cached_property
    def _by_any_case(self) -> Mapping[str, tuple[Document, ...]]:
        """Documents by their ids and the last parts of these, whatever their case."""
        found = dict[str, tuple[Document, ...]]()
        for document in self.documents:
            for key in {document.id.casefold(), document.id.split("/", 1)[-1].casefold()}:
                found[key] = (*found.get(key, ()), document)[:2]
        return found

    @cached_property
    def chars(self) -> int:
        return sum(len(document.text) for document in self.documents)

    @cached_property
    def without_text(self) -> tuple[str, ...]:
        """The ids of documents that hold no words, such as scanned pages."""
        return tuple(document.id for document in self.documents if not document.text.strip())

    @cached_property
    def passage_ids(self) -> frozenset[str]:
        return frozenset(passage.id for passage in self.passages)

    @cached_property
    def _passages_of(self) -> Mapping[str, Sequence[Passage]]:
        found = dict[str, list[Passage]]()
        for passage in self.passages:
            found.setdefault(self.documents[passage.document].id, []).append(passage)
        return found

    def passage_at(self, document: str, offset: int) -> str | None:
        """The id of the passage that holds an offset of a document's text."""
        found = self._passages_of.get(document, ())
        return next((one.id for one in found if one.start <= offset < one.end), None)

    def text_of(self, passage: Passage) -> str:
        return self.documents[passage.document].text[passage.start : passage.end]

    def named(self, name: str) -> Document | None:
        """A document by its id, or by the last part of it where only one has that, in any case of its letters."""
        if name in self.by_id:
            return self.by_id[name]
        found = self._by_any_case.get(name.casefold(), ())
        return found[0] if len(found) == 1 else None


def document_of(
    id_: str, corpus: str, title: str, url: str, pages: Sequence[str], paged: bool, limits: CorpusLimits
) -> Document:
    """Join pages to one text; a document without pages of its own is cut into some."""
    if paged:
        starts, at = list[int](), 0
        for page in pages:
            starts.append(at)
            at += len(page) + len(_PAGE_GAP)
        return Document(id_, corpus, title, url, _PAGE_GAP.join(pages), tuple(starts), True)
    text = "".join(pages)
    starts = [start for start, _ in pieces(text, 0, len(text), limits.page_chars)] or [0]
    return Document(id_, corpus, title, url, text, tuple(starts))


def passages_of(documents: Sequence[Document], limits: CorpusLimits) -> Iterator[Passage]:
    for index, document in enumerate(documents):
        number = 0
        for page in range(1, len(document.pages) + 1):
            first, last = document.page_span(page)
            for start, end in pieces(document.text, first, last, limits.passage_chars):
                number += 1
                yield Passage(f"{document.id}#{number}", index, page, start, end)


def pieces(text: str, first: int, last: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut a text into pieces of at most `size` characters, without the white space around them."""
    at = first
    while at < last:
        end = last if last - at <= size else _cut(text, at, at + size)
        start, stop = _trimmed(text, at, end)
        if start < stop:
            yield start, stop
        at = end


def _cut(text: str, at: int, most: int) -> int:
    """The best place to cut in the second half of a piece; the piece's end where there is none."""
    half = at + (most - at) // 2
    for cut in _CUTS:
        places = [found.end() for found in cut.finditer(text, half, most)]
        if places:
            return places[-1]
    return most


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end

"""Finds what a text cites: quotations, addresses, ids of documents. Linear in the text; code in it is left out.

Each is `sure` only where it can be nothing but a citation: a quotation whose sentence says which source it is from, or
that has a source right behind it; an address that is no pointer to a place to go to; an id that begins with the name of
a corpus. Words in quotation marks may else be titles, examples, questions, irony, or what a source does NOT say.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from tools.citations.attributing import is_from_a_source, is_pointer, speaks_of_a_source
from tools.citations.limits import CitationLimits

_DEFAULT = CitationLimits()
MIN_QUOTE_CHARS = 12
MIN_QUOTE_WORDS = 3
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]{1,400}`", re.S)
# A quotation may go on over single line breaks; a blank line ends it.
_QUOTES = re.compile(
    r"(?<![\w\"])\"(?=\S)((?:[^\"\n]|\n(?![ \t]*\n)){12,1500})(?<=\S)\"(?!\w)"
    r"|\u201c([^\u201c\u201d]{12,1500})[\u201d\u201c]"
    r"|\u201e([^\u201e\u201c\u201d]{12,1500})[\u201c\u201d]"
    r"|\u00ab([^\u00ab\u00bb]{12,1500})\u00bb"
)
_BLOCK = re.compile(r"(?:^>[ \t]?[^\n]*\n?)+", re.M)
_BLOCK_MARK = re.compile(r"^>[ \t>]*", re.M)
_SIGNED = re.compile(r"\n?[ \t]*(?:\u2014|\u2013|--)[ \t]*\S[^\n]{0,200}\s*\Z")
_URL = re.compile(r"https?://[^\s<>\"'`\[\]{}|\\^\u201c\u201d\u3010\u3011]{3,2000}", re.I)
_BRACKETED = re.compile(r"([\[(\u3010])([A-Za-z0-9_][A-Za-z0-9_.:/~-]{0,200}(?:#\d{1,6})?)[\])\u3011](?!\()")
_NUMBERED = re.compile(
    r"\[(\d{1,3})\](?![(:])|[(\[](?:doc|document|source|passage|ref|reference)\.? ?(\d{1,6})[)\]]", re.I
)
_DEFINED = re.compile(r"^[ \t]*\[(\d{1,3})\]:?[ \t]+\S", re.M)
_NEAR = 160
_BEHIND = 40


@dataclass(frozen=True)
class Cited:
    """One thing that a text cites, at these characters of it. `sure`: it can be nothing but a citation."""

    kind: Literal["quote", "url", "document"]
    text: str
    start: int
    end: int
    sure: bool


def cited_in(
    text: str, corpora: Collection[str] = (), limits: CitationLimits = _DEFAULT
) -> tuple[Cited, ...]:
    """Everything that a text cites, in its order; of more than the limit the first ones."""
    most = limits.max_citations
    text = _CODE.sub(lambda found: " " * len(found.group()), text[: limits.max_text_chars])
    # Of each kind only those that can be among the first: each costs some looking around.
    urls = list(islice(_urls(text), most + 1))
    ids = [
        *islice(_documents(text, corpora, urls), most + 1),
        *islice(_numbers(text), most + 1),
    ]
    marks = sorted((one.start, one.end) for one in (*urls, *ids))
    quotes = islice(_quotes(text, marks), most)
    found = [*quotes, *islice(_blocks(text), most), *urls, *ids]
    return tuple(sorted(found, key=lambda one: (one.start, one.kind))[:most])


def _urls(text: str) -> Iterator[Cited]:
    for found in _URL.finditer(text):
        url = found.group().rstrip(".,;:!?*_~'")
        while url.endswith(")") and url.count("(") < url.count(")"):
            url = url[:-1].rstrip(".,;:!?*_~'")
        before = _sentence_before(text, found.start())
        yield Cited("url", url, found.start(), found.start() + len(url), not is_pointer(url, before))


def _documents(text: str, corpora: Collection[str], urls: Sequence[Cited]) -> Iterator[Cited]:
    """Ids in brackets: sure where they begin with the name of a corpus, otherwise only where they look like ids."""
    ends = [url.end for url in urls]
    for found in _BRACKETED.finditer(text):
        name = found.group(2)
        place = bisect_left(ends, found.start(2) + 1)
        if place < len(urls) and urls[place].start <= found.start(2):
            continue
        of_corpus = name.partition("/")[0].partition("#")[0] in corpora
        looks = any(mark in name for mark in "/#") or bool(re.search(r"[A-Za-z].*\d|\d.*[A-Za-z]", name))
        if of_corpus or looks:
            # What stands in round brackets may be a path in a project, or a word of the sentence.
            sure = of_corpus and found.group(1) != "("
            yield Cited("document", name, found.start(2), found.end(2), sure)


def _numbers(text: str) -> Iterator[Cited]:
    """Marks such as [3] and (doc 12), unless the text itself says what they are."""
    defined = {found.group(1) for found in _DEFINED.finditer(text)}
    for found in _NUMBERED.finditer(text):
        number = found.group(1)
        if number not in defined:
            yield Cited("document", found.group()[1:-1], found.start() + 1, found.end() - 1, False)


def _quotes(text: str, marks: Sequence[tuple[int, int]]) -> Iterator[Cited]:
    for found in _QUOTES.finditer(text):
        words = next(group for group in found.groups() if group is not None)
        if len(words.split()) >= MIN_QUOTE_WORDS:
            sure = _is_attributed(text, found.start(), found.end(), marks)
            yield Cited("quote", " ".join(words.split()), found.start(), found.end(), sure)


def _blocks(text: str) -> Iterator[Cited]:
    """Lines that begin with `>`, joined: a quotation where the line before names a source, else perhaps a note."""
    for found in _BLOCK.finditer(text):
        inner = _BLOCK_MARK.sub("", found.group())
        words = _SIGNED.sub("", inner)
        # The marks within are found as quotations of their own.
        if _QUOTES.search(words) or len(words.split()) < MIN_QUOTE_WORDS or len(words) < MIN_QUOTE_CHARS:
            continue
        before = text[max(0, found.start() - _NEAR) : found.start()].rstrip().rpartition("\n")[2]
        sure = before.endswith(":") and speaks_of_a_source(before)
        yield Cited("quote", " ".join(words.split()), found.start(), found.end(), sure)


def _is_attributed(text: str, start: int, end: int, marks: Sequence[tuple[int, int]]) -> bool:
    """By the words before it in its sentence, or a citation right behind it."""
    after = text[end : end + _BEHIND].split("\n")[0]
    place = bisect_left(marks, (end, 0))
    cites = place < len(marks) and marks[place][0] <= end + _BEHIND
    cites = cites and not re.search(r"[.\n]", text[end : marks[place][0]].strip(" ."))
    numbered = bool(re.match(r"\s*[.,]?\s*[\[(\u3010]\d{1,3}[\])\u3011]", after))
    return is_from_a_source(_sentence_before(text, start), after, cites=cites or numbered)


def _sentence_before(text: str, at: int) -> str:
    return re.split(r"[.!?]\s|\n", text[max(0, at - _NEAR) : at])[-1]
